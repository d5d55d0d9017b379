#include "core/labels/regex.h"

#include "tests/catch.h"

namespace narthex {
namespace {

std::string Expand(const std::string& pattern, std::string_view text,
                   std::string_view replacement) {
  auto regex = AnchoredRegex::Compile(pattern);
  REQUIRE(regex.ok());
  std::string out;
  return (*regex)->MatchAndExpand(text, replacement, &out) ? out : "(no match)";
}

TEST_CASE("templates expand as Go's Regexp.Expand") {
  CHECK(Expand("(.*):(.*)", "a:b", "$2-$1") == "b-a");
  CHECK(Expand("(.*):(.*)", "a:b", "${1}x") == "ax");
  CHECK(Expand("(.*):(.*)", "a:b", "$1x") == "");  // group "1x" does not exist
  CHECK(Expand("(?P<host>.*):.*", "a:b", "${host}") == "a");
  CHECK(Expand("(.*)", "a", "$$1") == "$1");
  CHECK(Expand("(.*)", "a", "$") == "$");
  CHECK(Expand("(.*)", "a", "${1") == "${1");
  CHECK(Expand("(.*)", "a", "$9") == "");
  CHECK(Expand("(a)|b", "b", "[$1]") == "[]");
  CHECK(Expand("(a+)", "ab", "$1") == "(no match)");
  CHECK(Expand("a|b", "b", "$0") == "b");
  CHECK(Expand("(a)", "a", "$01") == "");  // numbers have no zeros in front
}

TEST_CASE("groups have names in either way") {
  CHECK(Expand("(?<host>.*):(?P<port>.*)", "a:b", "$port-${host}") == "b-a");
  CHECK(Expand(R"(\(\?<(?<n>.)>)", "(?<x>", "$n") == "x");
  CHECK(Expand(R"([](?<]+(?<n>x))", "](?<x", "$n") == "x");
  CHECK(Expand(R"(\Q(?<a>\E(?<n>b))", "(?<a>b", "$n") == "b");
  CHECK(Expand(R"([[:alpha:](?<]+(?<n>1))", "a(?<1", "$n") == "1");
  CHECK_FALSE(AnchoredRegex::Compile("(?<=a)b").ok());
  CHECK_FALSE(AnchoredRegex::Compile("(?<!a)b").ok());
}

TEST_CASE("expansion ends where it is long enough") {
  const auto regex = AnchoredRegex::Compile("(.*)");
  REQUIRE(regex.ok());
  std::string out;
  CHECK((*regex)->MatchAndExpand("abc", "$1$1$1$1", &out, 5));
  CHECK(out == "abcabc");
}

TEST_CASE("replace all as Go's Regexp.ReplaceAllString") {
  struct Case {
    std::string pattern, text, replacement, want;
  };
  const Case cases[] = {
      {"a", "banana", "<$0>", "b<a>n<a>n<a>"},
      {"a*", "baaac", "x", "xbxcx"},
      {"", "ab", "-", "-a-b-"},
      {"(.)(.)", "abcd", "$2$1", "badc"},
      {"x", "abc", "y", "abc"},
      {"", "", "x", "x"},
      {"", "\xc3\xa4", "-", "-\xc3\xa4-"},
  };
  for (const Case& c : cases) {
    auto regex = Regex::Compile(c.pattern);
    REQUIRE(regex.ok());
    INFO(c.pattern << " on " << c.text);
    CHECK((*regex)->ReplaceAll(c.text, c.replacement) == c.want);
  }
}

TEST_CASE("unanchored search") {
  auto regex = Regex::Compile("b(c)?(d)?");
  REQUIRE(regex.ok());
  CHECK((*regex)->Matches("abc"));
  CHECK_FALSE((*regex)->Matches("xyz"));
  CHECK((*regex)->FindSubmatch("abc") == std::vector<std::string>{"bc", "c", ""});
  CHECK((*regex)->FindSubmatch("xyz").empty());
}

}  // namespace
}  // namespace narthex
