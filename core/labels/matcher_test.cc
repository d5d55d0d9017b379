#include "core/labels/matcher.h"

#include "tests/catch.h"

namespace narthex {
namespace {

Matcher Make(MatchType type, std::string value) {
  auto matcher = Matcher::Create(type, "l", std::move(value));
  REQUIRE(matcher.ok());
  return *std::move(matcher);
}

TEST_CASE("matchers decide as RE2 does, whatever shortcut serves them") {
  struct Case {
    std::string pattern;
    std::vector<std::string> yes, no;
  };
  const Case cases[] = {
      {"foo", {"foo"}, {"", "fo", "fooo", "xfoo"}},
      {"foo|bar", {"foo", "bar"}, {"foobar", "", "foo|bar"}},
      {"(foo|bar)", {"foo", "bar"}, {"(foo"}},
      {"(?:foo|)", {"foo", ""}, {"x"}},
      {"foo.*", {"foo", "foobar", "foo\nbar"}, {"fo", "xfoo"}},
      {"foo.+", {"foobar", "foo\n"}, {"foo", "xfoo"}},
      {".*", {"", "x", "\n"}, {}},
      {".+", {"x", "\n"}, {""}},
      {"fo*", {"f", "foo"}, {"fob", ""}},
      {"fo?", {"f", "fo"}, {"foo"}},
      {"fo{2}", {"foo"}, {"fo", "fooo"}},
      {"a\\.b", {"a.b"}, {"axb"}},
      {"a\\.b.*", {"a.bc"}, {"axbc"}},
      {"\\d+", {"12"}, {"1a", ""}},
      {"(?i)foo", {"FOO", "foo"}, {"fo"}},
      {"(?i:foo)", {"FoO"}, {"f"}},
      {"^foo$", {"foo"}, {"foox"}},
      {"(a)|(b)", {"a", "b"}, {"ab"}},
      {"ab|cd.*", {"ab", "cdx"}, {"abx"}},
      {"\xc3\xa4*", {"", "\xc3\xa4\xc3\xa4"}, {"a"}},
      {"", {""}, {"x"}},
  };
  for (const Case& c : cases) {
    INFO("pattern " << c.pattern);
    const Matcher matcher = Make(MatchType::kRegex, c.pattern);
    const Matcher negated = Make(MatchType::kNotRegex, c.pattern);
    for (const auto& text : c.yes) {
      CHECK(matcher.Matches(text));
      CHECK_FALSE(negated.Matches(text));
      CHECK(text.starts_with(matcher.prefix()));
    }
    for (const auto& text : c.no) {
      CHECK_FALSE(matcher.Matches(text));
      CHECK(negated.Matches(text));
    }
  }
}

TEST_CASE("index hints") {
  CHECK(Make(MatchType::kRegex, "a|b").set_matches() == std::vector<std::string>{"a", "b"});
  CHECK(Make(MatchType::kRegex, "a.*").set_matches().empty());
  CHECK(Make(MatchType::kRegex, "ab.*c").prefix() == "ab");
  CHECK(Make(MatchType::kRegex, "ab?").prefix() == "a");
  CHECK(Make(MatchType::kRegex, ".*").MatchesEmpty());
  CHECK(Make(MatchType::kNotEqual, "x").MatchesEmpty());
  CHECK_FALSE(Make(MatchType::kEqual, "x").MatchesEmpty());
  CHECK(Make(MatchType::kEqual, "").MatchesEmpty());
}

TEST_CASE("a missing label matches as empty") {
  const Labels labels{{"a", "1"}};
  CHECK(Make(MatchType::kNotEqual, "x").Matches(labels));
  CHECK(Make(MatchType::kEqual, "").Matches(labels));
  CHECK_FALSE(Make(MatchType::kEqual, "x").Matches(labels));
}

TEST_CASE("printing and errors") {
  CHECK(Make(MatchType::kNotRegex, "a\"b").ToString() == R"(l!~"a\"b")");
  CHECK(Matcher::Equal("a.b", "c").ToString() == R"("a.b"="c")");
  auto bad = Matcher::Create(MatchType::kRegex, "l", "(");
  REQUIRE_FALSE(bad.ok());
  CHECK(MessageOf(bad.status()) == "error parsing regexp: missing closing ): `(`");
}

}  // namespace
}  // namespace narthex
