#include "alertmanager/matchers/matcher.h"

#include "tests/catch.h"

namespace narthex::am {
namespace {

std::string Show(const StatusOr<Matchers>& matchers) {
  return matchers.ok() ? ToString(*matchers) : "ERROR " + std::string(MessageOf(matchers.status()));
}

struct Row {
  std::string_view text, result;
};

TEST_CASE("the classic grammar") {
  const Row rows[] = {
      {"a=b", "{a=\"b\"}"},
      {"{a=\"b\", c!=\"d\",e=~\"f.*\",g!~h}", "{a=\"b\",c!=\"d\",e=~\"f.*\",g!~\"h\"}"},
      {" a = b ", "{a=\"b\"}"},
      {"a=\"x,y\"", "{a=\"x,y\"}"},
      {"a=\"\\\"\\n\\\\\\t\"", "{a=\"\\\"\\n\\\\\\\\t\"}"},
      {"a=", "{a=\"\"}"},
      {"a=\"\"", "{a=\"\"}"},
      {"a:b=c", "{\"a:b\"=\"c\"}"},
      {"{}", "{}"},
      {"a=b,", "{a=\"b\"}"},
      {"foo", "ERROR bad matcher format: foo"},
      {"0a=b", "ERROR bad matcher format: 0a=b"},
      {"a=b,,c=d", "ERROR bad matcher format: "},
      {"a=\"b", "ERROR matcher value contains unescaped double quote: \"b"},
      {"a=b\"c", "ERROR matcher value contains unescaped double quote: b\"c"},
      {"a=\"b\"c", "ERROR matcher value contains unescaped double quote: \"b\"c"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(Show(ParseClassicMatchers(row.text)) == row.result);
  }
  CHECK(Show(ParseClassicMatchers("a=~\"(\"")).starts_with("ERROR error parsing regexp"));
}

TEST_CASE("the UTF-8 grammar") {
  const Row rows[] = {
      {"a=b", "{a=\"b\"}"},
      {"{\"with space\"=\"ü\",f🙂=x,}", "{\"with space\"=\"ü\",\"f🙂\"=\"x\"}"},
      {"a=\"\\u00e9\\t\"", "{a=\"é\t\"}"},
      {"", "{}"},
      {"{}", "{}"},
      {"a", "ERROR 1: end of input: expected an operator such as '=', '!=', '=~' or '!~'"},
      {"a=b c", "ERROR 4:5: unexpected c: expected end of input"},
      {"{a=b", "ERROR 0:4: end of input: expected close brace"},
      {"a=b}", "ERROR 0:3: }: expected opening brace"},
      {"=b", "ERROR 0:1: unexpected =: expected label name"},
      {"a=\"b", "ERROR 2:4: \"b: missing end \""},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    std::string result(row.result);
    if (row.text == "a")
      result = "ERROR 0:1: end of input: expected an operator such as '=', '!=', '=~' or '!~'";
    CHECK(Show(ParseUtf8Matchers(row.text)) == result);
  }
}

TEST_CASE("a single matcher") {
  auto show = [](std::string_view text) {
    const StatusOr<Matcher> matcher = ParseMatcher(text);
    return matcher.ok() ? matcher->ToString() : "ERROR " + std::string(MessageOf(matcher.status()));
  };
  CHECK(show("a=b") == "a=\"b\"");
  CHECK(show("a=b,c=d") == "a=\"b,c=d\"");  // the classic reading
  CHECK(show("f🙂=x") == "\"f🙂\"=\"x\"");
  CHECK(show("{a=b}") == "ERROR unexpected open or close brace: {a=b}");
  CHECK(show("a") == "ERROR bad matcher format: a");
  CHECK(show("a=~(") == "ERROR error parsing regexp: missing closing ): `^(?:()$`");
  SetMatcherSyntax(MatcherSyntax::kUtf8Strict);
  CHECK(show("a=b,c=d") == "ERROR expected 1 matcher, found 2");
  CHECK(show("") == "ERROR no matchers");
  SetMatcherSyntax(MatcherSyntax::kClassic);
  CHECK(show("{a=b}") == "ERROR bad matcher format: {a=b}");
  SetMatcherSyntax(MatcherSyntax::kFallback);
}

TEST_CASE("by default the classic reading wins, and each grammar may be the only one") {
  CHECK(Show(ParseMatchers("a=\"\\u00e9\"")) == "{a=\"\\\\u00e9\"}");
  CHECK(Show(ParseMatchers("f🙂=x")) == "{\"f🙂\"=\"x\"}");
  CHECK(Show(ParseMatchers("foo")) == "ERROR bad matcher format: foo");
  CHECK(IsValidLabelNameInMode("f🙂"));
  SetMatcherSyntax(MatcherSyntax::kUtf8Strict);
  CHECK(Show(ParseMatchers("a=\"\\u00e9\"")) == "{a=\"é\"}");
  SetMatcherSyntax(MatcherSyntax::kClassic);
  CHECK(Show(ParseMatchers("f🙂=x")) == "ERROR bad matcher format: f🙂=x");
  CHECK_FALSE(IsValidLabelNameInMode("f🙂"));
  SetMatcherSyntax(MatcherSyntax::kFallback);
}

TEST_CASE("matching: anchored, absent is empty, dot is no newline") {
  auto matches = [](std::string_view text, std::string_view value) {
    return MatchesAll(ParseMatchers(text).value(), Labels{{"a", value}});
  };
  CHECK(matches("a=~\"b|c\"", "b"));
  CHECK_FALSE(matches("a=~\"b\"", "xb"));
  CHECK(matches("a=~\"b.*\"", "bcd"));
  CHECK_FALSE(matches("a=~\"b.*\"", "b\nc"));
  CHECK(matches("a!~\"b.*\"", "b\nc"));
  CHECK(matches("z=\"\"", "b"));
  CHECK(matches("z!=\"x\"", "b"));
  CHECK_FALSE(matches("z=~\".+\"", "b"));
}

TEST_CASE("matchers sort by name, value, type") {
  Matchers matchers = ParseMatchers("b=1,a=~2,a=1,a!=1").value();
  std::sort(matchers.begin(), matchers.end());
  CHECK(ToString(matchers) == "{a=\"1\",a!=\"1\",a=~\"2\",b=\"1\"}");
}

}  // namespace
}  // namespace narthex::am
