#include "core/template/humanize.h"
#include "core/template/prometheus_functions.h"
#include "core/template/time_value.h"
#include "tests/catch.h"

namespace narthex::tmpl {
namespace {

struct Row {
  std::string_view text, result;
};

std::string Render(std::string_view text, double value = 1) {
  PrometheusContext context;
  context.external_url = "http://prom/x";
  context.path_prefix = "/x";
  context.now_nanos = [] { return int64_t{1'500'000'000'250'000'000}; };
  context.query = [](std::string_view expression) -> StatusOr<std::vector<QuerySample>> {
    if (expression == "bad") return InvalidArgument("parse error");
    if (expression == "none") return std::vector<QuerySample>{};
    return std::vector<QuerySample>{{{{"__value__", "raw"}, {"instance", "b"}}, 11},
                                    {{{"instance", "a"}}, 21}};
  };
  TemplateSet set(std::make_shared<const FunctionMap>(PrometheusFunctions(context)));
  if (Status status = set.Parse("t", std::string(kRuleTemplateHeader) + std::string(text));
      !status.ok()) {
    return "ERROR " + std::string(MessageOf(status));
  }
  StatusOr<std::string> out =
      set.Execute("t", RuleTemplateData({{"job", "j"}}, {{"dc", "x"}}, "http://prom/x", value),
                  {.missing_key = MissingKey::kZero});
  if (out.ok()) return *out;
  const std::string message(MessageOf(out.status()));
  return "ERROR " + message.substr(message.find(">: ") + 3);
}

TEST_CASE("rule templates see labels, value and the outside") {
  const Row rows[] = {
      {"{{ $labels.job }}{{ .Labels.job }}{{ $labels.none }}", "jj"},
      {"{{ $value }} {{ .Value }} {{ $externalLabels.dc }} {{ $externalURL }}",
       "1 1 x http://prom/x"},
      {"{{ externalURL }} {{ pathPrefix }}", "http://prom/x /x"},
      {"{{ $value | printf \"%.2f\" }}", "1.00"},
  };
  for (const Row& row : rows) CHECK(Render(row.text) == row.result);
}

TEST_CASE("queries and samples") {
  const Row rows[] = {
      {"{{ query \"m\" | first | value }}", "11"},
      {"{{ query \"m\" | sortByLabel \"instance\" | first | label \"instance\" }}", "a"},
      {"{{ query \"m\" | first | strvalue }}", "raw"},
      {"{{ range query \"m\" }}{{ .Labels.instance }}:{{ .Value }};{{ end }}", "b:11;a:21;"},
      {"{{ with query \"none\" }}x{{ else }}empty{{ end }}", "empty"},
      {"{{ query \"none\" | first | value }}",
       "ERROR error calling first: first() called on vector with no elements"},
      {"{{ query \"bad\" }}", "ERROR error calling query: parse error"},
      {"{{ 3 | label \"x\" }}",
       "ERROR error calling label: wrong type for value; expected *template.sample; got int"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(Render(row.text) == row.result);
  }
}

TEST_CASE("numbers are humanized as Prometheus does") {
  const Row rows[] = {
      {"{{ humanize 0.0 }} {{ humanize 1.0 }} {{ humanize 1234567.0 }} {{ humanize .12 }}",
       "0 1 1.235M 120m"},
      {"{{ humanize 1e-30 }} {{ humanize \"1234\" }} {{ humanize -1234 }}",
       "1e-06y 1.234k -1.234k"},
      {"{{ humanize1024 0.0 }} {{ humanize1024 1.0 }} {{ humanize1024 1048576.0 }} {{ humanize1024 "
       ".12 }}",
       "0 1 1Mi 0.12"},
      {"{{ humanizeDuration 0 }} {{ humanizeDuration 1 }} {{ humanizeDuration 60 }} "
       "{{ humanizeDuration 3600 }} {{ humanizeDuration 86400 }} {{ humanizeDuration 86461 }} "
       "{{ humanizeDuration -60.5 }} {{ humanizeDuration .1 }} {{ humanizeDuration 59.123456 }}",
       "0s 1s 1m 0s 1h 0m 0s 1d 0h 0m 0s 1d 0h 1m 1s -1m 0s 100ms 59.12s"},
      {"{{ humanizePercentage 0.12345 }} {{ humanizePercentage \"1\" }}", "12.35% 100%"},
      {"{{ humanizeTimestamp 1435065584.128 }}", "2015-06-23 13:19:44.128 +0000 UTC"},
      {"{{ (toTime 0).Format \"2006-01-02 Mon 15:04:05.000 MST\" }}",
       "1970-01-01 Thu 00:00:00.000 UTC"},
      {"{{ (toDuration 90).Minutes }} {{ toDuration 90 }} {{ (toDuration 1.5).String }}",
       "1.5 1m30s 1.5s"},
      {"{{ now }} {{ parseDuration \"1h2m10ms\" }}", "1.50000000025e+09 3720.01"},
      {"{{ humanize true }}", "ERROR error calling humanize: can't convert bool to float"},
      {"{{ humanize \"x\" }}",
       "ERROR error calling humanize: strconv.ParseFloat: parsing \"x\": invalid syntax"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(Render(row.text) == row.result);
  }
}

TEST_CASE("texts") {
  const Row rows[] = {
      {"{{ title \"hello big world\" }} {{ toUpper \"äb\" }} {{ toLower \"ÄB\" }}",
       "Hello Big World ÄB äb"},
      {"{{ match \"a+\" \"baab\" }}{{ match \"^a\" \"b\" }}", "truefalse"},
      {"{{ reReplaceAll \"(a)b\" \"x$1\" \"abab\" }}", "xaxa"},
      {"{{ stripPort \"h:80\" }} {{ stripPort \"[::1]:80\" }} {{ stripPort \"h\" }} {{ stripPort "
       "\"a:b:c\" }}",
       "h ::1 h a:b:c"},
      {"{{ stripDomain \"a.b.c:80\" }} {{ stripDomain \"a.b\" }} {{ stripDomain \"1.2.3.4:5\" }}",
       "a:80 a 1.2.3.4:5"},
      {"{{ urlQueryEscape \"a b\" }} {{ graphLink \"up{a='b'}\" }}",
       "a+b /graph?g0.expr=up%7Ba%3D%27b%27%7D&g0.tab=0"},
      {"{{ tableLink \"up\" }}", "/graph?g0.expr=up&g0.tab=1"},
      {"{{ with args 1 \"b\" }}{{ .arg0 }}{{ .arg1 }}{{ end }}", "1b"},
      {"{{ safeHtml \"<b>\" }}", "<b>"},
      {"{{ title 3 }}", "ERROR expected string; found 3"},
      {"{{ title $value }}", "ERROR wrong type for value; expected string; got float64"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(Render(row.text) == row.result);
  }
  CHECK(Render("{{ match \"(\" \"\" }}")
            .starts_with("ERROR error calling match: error parsing regexp: missing"));
  CHECK(Render("{{ reReplaceAll \"(\" \"\" \"\" }}")
            .starts_with(
                "ERROR error calling reReplaceAll: regexp: Compile(`(`): error parsing regexp"));
}

TEST_CASE("Go's time layouts") {
  const int64_t t = 1'136'214'245'123'456'000;  // 2006-01-02 15:04:05.123456 UTC
  const Row rows[] = {
      {"2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04:05.123Z"},
      {"Mon Jan _2 15:04:05 2006", "Mon Jan  2 15:04:05 2006"},
      {"Monday, 02-Jan-06 15:04:05 MST", "Monday, 02-Jan-06 15:04:05 UTC"},
      {"3:04PM 3:04pm 03", "3:04PM 3:04pm 03"},
      {".999999999 .000 .99", ".123456 .123 .12"},
      {"-0700 -07:00 -07 Z0700", "+0000 +00:00 +00 Z"},
      {"January 2 1 002 Month", "January 2 1 002 Month"},
      {"5 4 04 05 06", "5 4 04 05 06"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(FormatGoTime(t, row.text).value() == row.result);
  }
  CHECK(FormatGoTime(t, "15:04 MST -0700", "Europe/Paris").value() == "16:04 CET +0100");
  CHECK(MessageOf(FormatGoTime(t, "15", "Nowhere/X").status()) == "unknown time zone Nowhere/X");
  CHECK(ToText(MakeTime(-1)) == "1969-12-31 23:59:59.999999999 +0000 UTC");
}

TEST_CASE("printf knows Go's verbs") {
  struct PrintfRow {
    std::string_view format;
    std::vector<Value> values;
    std::string_view result;
  };
  const PrintfRow rows[] = {
      {"%d|%5d|%-5d|%05d|%+d|% d|%x|%X|%#x|%o|%b|%c|%q|%U", List(14, Value(42)),
       "42|   42|42   |00042|+42| 42|2a|2A|0x2a|52|101010|*|'*'|U+002A"},
      {"%f|%.2f|%8.3f|%e|%g|%G|%v|%+.1f|%06.2f", List(9, Value(3.14159)),
       "3.141590|3.14|   3.142|3.141590e+00|3.14159|3.14159|3.14159|+3.1|003.14"},
      {"%s|%5s|%-5s|%.2s|%q|%x|%X|% x|%v", List(9, Value("abc")),
       "abc|  abc|abc  |ab|\"abc\"|616263|616263|61 62 63|abc"},
      {"%t|%v|%5t", List(3, Value(true)), "true|true| true"},
      {"%v %d %s", {Value(), Value("a"), Value(1)}, "<nil> %!d(string=a) %!s(int=1)"},
      {"%s %s", {Value("a")}, "a %!s(MISSING)"},
      {"%d", {Value(1), Value(2)}, "1%!(EXTRA int=2)"},
      {"%", {}, "%!(NOVERB)"},
      {"%%|%z", {Value(1)}, "%|%!z(int=1)"},
      {"%[2]d %[1]d", {Value(1), Value(2)}, "2 1"},
      {"%*d|%.*f", {Value(5), Value(1), Value(1), Value(2.55)}, "    1|2.5"},
      {"%T %T %T %T", {Value(1), Value(1.5), Value("a"), Value(true)}, "int float64 string bool"},
      {"%v %s %d",
       {Value::StringList({"a", "b"}), Value::StringList({"a"}), Value(List{Value(1)})},
       "[a b] [a] [1]"},
      {"%v", {Value(1e21)}, "1e+21"},
      {"%v %.3g %g", {Value(100000.0), Value(123456.0), Value(1e-7)}, "100000 1.23e+05 1e-07"},
  };
  for (const PrintfRow& row : rows) {
    INFO(row.format);
    CHECK(Printf(row.format, row.values) == row.result);
  }
  const Value one(1);
  CHECK(Printf("%999999d", std::span(&one, 1), 1000).size() <= 1000);
}

}  // namespace
}  // namespace narthex::tmpl
