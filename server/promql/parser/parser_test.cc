#include "server/promql/parser/parser.h"

#include <fstream>
#include <string>

#include "core/strings/quote.h"
#include "server/promql/parser/functions_table.h"
#include "tests/catch.h"

namespace narthex::promql {
namespace {

ParserOptions Everything() {
  ParserOptions o;
  o.experimental_functions = o.extended_range_selectors = o.binop_fill_modifiers = true;
  return o;
}

std::string Canonical(std::string_view text, const ParserOptions& options = {}) {
  auto expr = ParseExpr(text, options);
  return expr.ok() ? ToString(**expr) : "error: " + std::string(MessageOf(expr.status()));
}

std::string ErrorOf(std::string_view text, const ParserOptions& options = {}) {
  auto expr = ParseExpr(text, options);
  return expr.ok() ? "no error: " + ToString(**expr) : std::string(MessageOf(expr.status()));
}

struct Case {
  std::string_view input;
  std::string_view want;
};

TEST_CASE("canonical form") {
  const Case cases[] = {
      {"1", "1"},
      {"-1", "-1"},
      {"+1", "1"},
      {".5", "0.5"},
      {"5.", "5"},
      {"1e3", "1000"},
      {"0x1F", "31"},
      {"1_000", "1000"},
      {"010", "8"},
      {"Inf", "+Inf"},
      {"-iNf", "-Inf"},
      {"nan", "NaN"},
      {"1h30m", "1h30m"},
      {"5m * 2", "5m * 2"},
      {"1e-7", "0.0000001"},
      {"'a\\'b'", "\"a'b\""},
      {"\"\\u00e9\\x41\"", "\"\u00e9A\""},
      {"`a\\b`", "\"a\\\\b\""},
      {"foo", "foo"},
      {"foo{}", "foo"},
      {"foo:bar", "foo:bar"},
      {":x", ":x"},
      {"foo{a='b',c!=\"d\",}", "foo{a=\"b\",c!=\"d\"}"},
      {"{a=~\"b.*\",c!~'d'}", "{a=~\"b.*\",c!~\"d\"}"},
      {"{\"my.metric\"}", "{__name__=\"my.metric\"}"},
      {"{\"my.metric\", \"a.b\"='c'}", "{\"a.b\"=\"c\",__name__=\"my.metric\"}"},
      {"{__name__=\"x\"}", "{__name__=\"x\"}"},
      {"{b='1',a='2'}", "{a=\"2\",b=\"1\"}"},
      {"x{b='1','a.b'='2'}", "x{\"a.b\"=\"2\",b=\"1\"}"},
      {"{'foo','bar'}", "{__name__=\"bar\",__name__=\"foo\"}"},
      {"1_000.5", "1000.5"},
      {"0x_1f", "31"},
      {"foo[(5m)]", "foo[5m]"},
      {"foo offset -(5m)", "foo offset -5m"},
      {"foo[+(1m+2m)]", "foo[(1m + 2m)]"},
      {"foo offset -5m ^ 2", "foo offset -5m ^ 2"},
      {"sum by (a:b) (x)", "sum by (a:b) (x)"},
      {"foo[step():range()]", "foo[step():range()]"},
      {"foo[5m]", "foo[5m]"},
      {"foo[90]", "foo[1m30s]"},
      {"foo[0x3c]", "foo[1m]"},
      {"foo[5m:]", "foo[5m:]"},
      {"foo[5m:30s]", "foo[5m:30s]"},
      {"foo offset 5m", "foo offset 5m"},
      {"foo offset -5m", "foo offset -5m"},
      {"foo @ 1.5", "foo @ 1.500"},
      {"foo @ -3", "foo @ -3.000"},
      {"foo @ start() offset 1m", "foo @ start() offset 1m"},
      {"foo[5m] offset 1m @ end()", "foo[5m] @ end() offset 1m"},
      {"foo[5m:1m] offset 1w @ 7", "foo[5m:1m] @ 7.000 offset 1w"},
      {"-foo", "-foo"},
      {"--foo", "--foo"},
      {"(1)", "(1)"},
      {"-foo^2", "-foo ^ 2"},
      {"1+2*3", "1 + 2 * 3"},
      {"2^3^2", "2 ^ 3 ^ 2"},
      {"inf^2", "+Inf ^ 2"},
      {"a atan2 b", "a atan2 b"},
      {"a and b or c unless d", "a and b or c unless d"},
      {"a == bool b", "a == bool b"},
      {"a > on(x) b", "a > on (x) b"},
      {"a * ignoring(x, y,) b", "a * ignoring (x, y) b"},
      {"a / on(x) group_left(y) b", "a / on (x) group_left (y) b"},
      {"a / on() group_right b", "a / on () group_right () b"},
      {"a / ignoring() group_left b", "a / ignoring () group_left () b"},
      {"a </ 5", "a </ 5"},
      {"a >/ 5", "a >/ 5"},
      {"sum(foo)", "sum(foo)"},
      {"SUM(foo)", "sum(foo)"},
      {"sum by(a,b)(foo)", "sum by (a, b) (foo)"},
      {"sum(foo)without(a)", "sum without (a) (foo)"},
      {"sum by () (foo)", "sum(foo)"},
      {"sum without() (foo)", "sum without () (foo)"},
      {"sum by(\"a.b\")(foo)", "sum by (\"a.b\") (foo)"},
      {"sum by(by, sum, offset, on)(x)", "sum by (by, sum, offset, on) (x)"},
      {"topk(3, foo)", "topk(3, foo)"},
      {"count_values('v', foo)", "count_values(\"v\", foo)"},
      {"rate(foo[5m])", "rate(foo[5m])"},
      {"time()", "time()"},
      {"round(a,2)", "round(a, 2)"},
      {"label_join(a, 'x', ',')", "label_join(a, \"x\", \",\")"},
      {"foo # comment\n + bar", "foo + bar"},
      {"sum", "sum"},
      {"by", "by"},
      {"offset", "offset"},
      {"start + end", "start + end"},
      {"without{by='x'}", "without{by=\"x\"}"},
      {"min + max", "min + max"},
      {"foo[5m + 1m * 2]", "foo[5m + 1m * 2]"},
      {"foo[step()]", "foo[step()]"},
      {"foo offset (step() + 1m)", "foo offset (step() + 1m)"},
      {"foo offset 1m + bar", "foo offset 1m + bar"},
      {"foo offset -step()", "foo offset -step()"},
      {"foo[min_of(5m, range()):max_of(step(), 1)]", "foo[min_of(5m, range()):max_of(step(), 1)]"},
      {"(a + b)[5m:1m]", "(a + b)[5m:1m]"},
      {"a + b[5m:1m] ",
       "error: 1:5: parse error: binary "
       "expression must contain only scalar and instant vector types"},
  };
  for (const Case& c : cases) {
    INFO(c.input);
    const std::string got = Canonical(c.input);
    CHECK(got == c.want);
    // Upstream's form of an infinite base reads back with one more sign.
    const bool grows = got.find("+Inf ^") != std::string::npos;
    if (!got.starts_with("error") && !grows) CHECK(Canonical(got) == got);
  }
}

TEST_CASE("operator precedence and shape") {
  auto expr = ParseExpr("-a ^ 2 * b + c == d and e or f");
  REQUIRE(expr.ok());
  const auto& top = (*expr)->As<BinaryExpr>();
  CHECK(top.op == BinaryOp::kOr);
  const auto& conj = top.lhs->As<BinaryExpr>();
  CHECK(conj.op == BinaryOp::kAnd);
  CHECK(conj.matching->card == Cardinality::kManyToMany);
  const auto& eq = conj.lhs->As<BinaryExpr>();
  CHECK(eq.op == BinaryOp::kEq);
  const auto& add = eq.lhs->As<BinaryExpr>();
  CHECK(add.op == BinaryOp::kAdd);
  const auto& mul = add.lhs->As<BinaryExpr>();
  CHECK(mul.op == BinaryOp::kMul);
  REQUIRE(mul.lhs->kind == ExprKind::kUnary);
  CHECK(mul.lhs->As<UnaryExpr>().expr->kind == ExprKind::kBinary);

  auto sub = ParseExpr("1 - 2 - 3");
  CHECK((*sub)->As<BinaryExpr>().lhs->kind == ExprKind::kBinary);
  auto pow = ParseExpr("2 ^ 3 ^ 2");
  CHECK((*pow)->As<BinaryExpr>().rhs->kind == ExprKind::kBinary);
}

TEST_CASE("positions") {
  auto expr = ParseExpr("  sum(rate(foo[5m] offset 1m)) by (job)");
  REQUIRE(expr.ok());
  CHECK((*expr)->pos.start == 2);
  CHECK((*expr)->pos.end == 39);
  const auto& call = *(*expr)->As<AggregateExpr>().expr;
  CHECK(call.pos.start == 6);
  CHECK(call.pos.end == 29);
  const auto& matrix = *call.As<Call>().args[0];
  CHECK(matrix.pos.start == 11);
  CHECK(matrix.pos.end == 28);
}

TEST_CASE("errors of syntax") {
  const Case cases[] = {
      {"", "unknown position: parse error: no expression found in input"},
      {"   ", "1:1: parse error: no expression found in input"},
      {"1 + \"\xff\"", "1:5: parse error: invalid UTF-8 rune"},
      {"`\xe2\x82`", "1:1: parse error: invalid UTF-8 rune"},
      {"foo{a='\xef\xbf\xbd'}", "1:7: parse error: invalid UTF-8 rune"},
      {"\"\xff", "1:1: parse error: invalid UTF-8 rune"},
      {"`\xc3\xa9", "1:1: parse error: unterminated raw string"},
      {"1 +", "1:4: parse error: unexpected end of input"},
      {"foo bar", "1:5: parse error: unexpected identifier \"bar\""},
      {"(1", "1:3: parse error: unclosed left parenthesis"},
      {"1)", "1:3: parse error: unexpected right parenthesis ')'"},
      {"foo[5m", "1:7: parse error: unclosed left bracket"},
      {"foo]", "1:4: parse error: unexpected right bracket ']'"},
      {"foo{", "1:5: parse error: unexpected end of input inside braces"},
      {"foo{a}",
       "1:6: parse error: unexpected \"}\" in label matching, expected label matching operator"},
      {"foo{a=b}",
       "1:7: parse error: unexpected identifier \"b\" in label matching, expected string"},
      {"foo{a='b' c='d'}",
       "1:11: parse error: unexpected identifier \"c\" in label matching, "
       "expected \",\" or \"}\""},
      {"foo{,}",
       "1:5: parse error: unexpected \",\" in label matching, expected identifier or \"}\""},
      {"foo{a='b'", "1:10: parse error: unexpected end of input inside braces"},
      {"\"foo", "1:1: parse error: unterminated quoted string"},
      {"`foo", "1:1: parse error: unterminated raw string"},
      {"1 $ 2", "1:3: parse error: unexpected character: '$'"},
      {"1 == = 2", "1:6: parse error: unexpected \"=\""},
      {"1 ! 2", "1:3: parse error: unexpected character after '!': ' '"},
      {"5x", "1:1: parse error: bad number or duration syntax: \"5\""},
      {"foo offset",
       "1:11: parse error: unexpected end of input in offset, expected number, "
       "duration, step(), or range()"},
      {"foo @ bar", "1:7: parse error: unexpected identifier \"bar\" in @, expected timestamp"},
      {"sum(foo) by foo",
       "1:13: parse error: unexpected identifier \"foo\" in grouping opts, "
       "expected \"(\""},
      {"sum by (5) (foo)",
       "1:9: parse error: unexpected number \"5\" in grouping opts, expected label"},
      {"sum by (a b) (foo)",
       "1:11: parse error: unexpected identifier \"b\" in grouping opts, "
       "expected \",\" or \")\""},
      {"sum by (a) foo", "1:12: parse error: unexpected identifier \"foo\" in aggregation"},
      {"sum()", "1:1: parse error: no arguments for aggregate expression provided"},
      {"topk(foo)",
       "1:1: parse error: wrong number of arguments for aggregate expression "
       "provided, expected 2, got 1"},
      {"abs(foo,)", "1:8: parse error: trailing commas not allowed in function call args"},
      {"nope(", "1:6: parse error: unclosed left parenthesis"},
      {"nope(foo)", "1:1: parse error: unknown function with name \"nope\""},
      {"mad_over_time(foo[1m])", "1:1: parse error: function \"mad_over_time\" is not enabled"},
      {"limitk(1, foo)",
       "1:1: parse error: limitk() is experimental and must be enabled with "
       "--enable-feature=promql-experimental-functions"},
      {"foo[5m] anchored", "1:9: parse error: anchored modifier is experimental and not enabled"},
      {"a + fill(0) b", "1:5: parse error: binop fill modifiers are experimental and not enabled"},
      {"foo[0]", "1:5: parse error: duration must be greater than 0"},
      {"foo[-5m]", "1:5: parse error: duration must be greater than 0"},
      {"(foo)[5m]", "1:6: parse error: ranges only allowed for vector selectors"},
      {"foo offset 5m[5m]", "1:14: parse error: no offset modifiers allowed before range"},
      {"foo @ 5[5m]", "1:8: parse error: no @ modifiers allowed before range"},
      {"foo offset 5m offset 5m", "1:1: parse error: offset may not be set multiple times"},
      {"foo @ 5 @ 6", "1:1: parse error: @ <timestamp> may not be set multiple times"},
      {"1 offset 5m",
       "1:1: parse error: offset modifier must be preceded by an instant vector "
       "selector or range vector selector or a subquery"},
      {"foo @ inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"},
      {"\n\nfoo bar", "3:5: parse error: unexpected identifier \"bar\""},
      {"foo{a=~\"(\"}", "1:5: parse error: error parsing regexp: missing closing ): `(`"},
  };
  for (const Case& c : cases) {
    INFO(c.input);
    CHECK(ErrorOf(c.input) == c.want);
  }
}

// Rows of a testdata file, the first column unquoted. What upstream 3.5 answers; written by
// tests/differential/promql_parser.py --tables.
std::vector<std::pair<std::string, std::string>> ReadTable(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::pair<std::string, std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    const size_t tab = line.find('\t');
    REQUIRE(tab != std::string::npos);
    rows.emplace_back(*GoUnquote(line.substr(0, tab)), line.substr(tab + 1));
  }
  return rows;
}

ParserOptions OptionsOfTables() {
  ParserOptions options;
  options.experimental_functions = true;
  return options;
}

TEST_CASE("errors are upstream's") {
  const auto rows = ReadTable("testdata/errors.tsv");
  CHECK(rows.size() > 300);
  for (const auto& [query, want] : rows) {
    INFO(query);
    CHECK(ErrorOf(query, OptionsOfTables()) == want);
  }
}

TEST_CASE("layout is upstream's") {
  const auto rows = ReadTable("testdata/formats.tsv");
  CHECK(rows.size() > 100);
  for (const auto& [query, quoted] : rows) {
    INFO(query);
    const auto expr = ParseExpr(query, OptionsOfTables());
    REQUIRE(expr.ok());
    CHECK(Prettify(**expr) == *GoUnquote(quoted));
  }
}

TEST_CASE("errors of type") {
  const Case cases[] = {
      {"rate(foo)",
       "1:6: parse error: expected type range vector in call to function \"rate\", got "
       "instant vector"},
      {"abs(foo[5m])",
       "1:5: parse error: expected type instant vector in call to function \"abs\", "
       "got range vector"},
      {"abs()", "1:1: parse error: expected 1 argument(s) in call to \"abs\", got 0"},
      {"round(a, 1, 2)",
       "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3"},
      {"label_join(a, 'b')",
       "1:1: parse error: expected at least 3 argument(s) in call to "
       "\"label_join\", got 2"},
      {"sum(1)",
       "1:5: parse error: expected type instant vector in aggregation expression, got scalar"},
      {"topk('a', foo)",
       "1:6: parse error: expected type scalar in aggregation parameter, got string"},
      {"count_values(1, foo)",
       "1:14: parse error: expected type string in aggregation parameter, got "
       "scalar"},
      {"1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
      {"a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"},
      {"1 and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"},
      {"a and on(x) group_left b", "1:1: parse error: no grouping allowed for \"and\" operation"},
      {"1 + on(x) a", "1:1: parse error: vector matching only allowed between instant vectors"},
      {"a + on(x) group_left(x) b",
       "1:3: parse error: label \"x\" must not occur in ON and GROUP "
       "clause at once"},
      {"'a' + 1",
       "1:1: parse error: binary expression must contain only scalar and instant vector "
       "types"},
      {"-'a'",
       "1:1: parse error: unary expression only allowed on expressions of type scalar or "
       "instant vector, got \"string\""},
      {"1[5m:1m]",
       "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"},
      {"foo[5m][5m:1m]",
       "1:1: parse error: subquery is only allowed on instant vector, got matrix "
       "instead"},
      {"{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {"{x=~\".*\"}",
       "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {"foo{__name__='bar'}",
       "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""},
  };
  for (const Case& c : cases) {
    INFO(c.input);
    CHECK(ErrorOf(c.input) == c.want);
  }
}

TEST_CASE("gated language") {
  const ParserOptions all = Everything();
  CHECK(Canonical("mad_over_time(foo[1m])", all) == "mad_over_time(foo[1m])");
  CHECK(Canonical("limitk by (a) (1, foo)", all) == "limitk by (a) (1, foo)");
  CHECK(Canonical("rate(foo[5m] anchored)", all) == "rate(foo[5m] anchored)");
  CHECK(Canonical("foo smoothed", all) == "foo smoothed");
  CHECK(Canonical("a + fill(0) b", all) == "a + fill (0) b");
  CHECK(Canonical("a + on(x) group_left(y) fill_left(1) fill_right(-2) b", all) ==
        "a + on (x) group_left (y) fill_left (1) fill_right (-2) b");
  CHECK(Canonical("step() + start()", all) == "step() + start()");
  CHECK(Canonical("info(foo, {x='y'})", all) == "info(foo, {x=\"y\"})");
  CHECK(ErrorOf("info(foo, bar)", all) ==
        "1:11: parse error: expected label selectors only, got vector selector instead");
  CHECK(ErrorOf("foo[5m] anchored smoothed", all) ==
        "1:1: parse error: anchored and smoothed modifiers cannot be used together");
  ParserOptions plain;
  plain.duration_expressions = false;
  CHECK(ErrorOf("foo[1m+1m]", plain) == "1:5: parse error: duration expression is not enabled");
}

TEST_CASE("every function is known") {
  CHECK(AllFunctions().size() == 90);
  int experimental = 0;
  for (const FunctionSignature& f : AllFunctions()) {
    experimental += f.experimental;
    CHECK(FindFunction(f.name) == &f);
  }
  CHECK(experimental == 17);
}

TEST_CASE("hostile input is bounded") {
  const auto repeat = [](std::string_view s, int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += s;
    return out;
  };
  for (const std::string& text :
       {repeat("(", 100000), repeat("-", 100000) + "1", repeat("abs(", 100000),
        "1" + repeat("+1", 100000), "1" + repeat("^1", 100000), "a" + repeat("[1m:1m]", 5000),
        "a[" + repeat("(", 100000), "a[" + repeat("-", 100000), "a[1" + repeat("+1", 100000)}) {
    const std::string error = ErrorOf(text);
    CHECK(error.find("parse error: expression is nested too deeply") != std::string::npos);
  }
  CHECK(ErrorOf(std::string(kMaxQueryBytes + 1, ' ')).find("query is longer") != std::string::npos);
  CHECK(Canonical("1" + repeat("+1", 400)).size() == 1 + 400 * 4);
}

TEST_CASE("selectors and metrics alone") {
  auto matchers = ParseMetricSelector("up{job=~'a|b'}");
  REQUIRE(matchers.ok());
  CHECK(matchers->size() == 2);
  CHECK_FALSE(ParseMetricSelector("up[5m]").ok());
  CHECK_FALSE(ParseMetricSelector("{}").ok());
  CHECK(MessageOf(ParseAnySelector(" # x").status()) ==
        "1:5: parse error: unexpected end of input");
  CHECK(ParseAnySelector("{}")->empty());
  CHECK(ParseAnySelector("{__name__=~'(?s:.*)'}")->size() == 1);
  CHECK_FALSE(ParseAnySelector("up[5m]").ok());
  CHECK_FALSE(ParseMetricSelector("up + up").ok());
  CHECK_FALSE(ParseMetricSelector("").ok());
  auto labels = ParseMetric("up{job=\"a\", b=\"c\"}");
  REQUIRE(labels.ok());
  CHECK(labels->ToMetricString() == "up{b=\"c\", job=\"a\"}");
  CHECK_FALSE(ParseMetric("up{job=~\"a\"}").ok());
}

TEST_CASE("prettifier") {
  auto expr = ParseExpr(
      "sum by (job, instance) (rate(some_long_metric_name_total{job=\"the_job\"}[5m])) / on (job) "
      "group_left () (another_rather_long_metric_name offset 5m > 0)");
  REQUIRE(expr.ok());
  CHECK(Prettify(**expr) ==
        "  sum by (job, instance) (rate(some_long_metric_name_total{job=\"the_job\"}[5m]))\n"
        "/ on (job) group_left ()\n"
        "  (another_rather_long_metric_name offset 5m > 0)");
  CHECK(Prettify(**ParseExpr("a+b")) == "a + b");
}

}  // namespace
}  // namespace narthex::promql
