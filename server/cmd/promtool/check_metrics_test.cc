// What check metrics says. The texts were compared with promtool 3.5.3.

#include "server/cmd/promtool/check_metrics.h"

#include "core/exposition/families.h"
#include "tests/catch.h"

namespace narthex::promtool {
namespace {

TEST_CASE("the cardinality of metrics") {
  const auto families = ParseTextFamilies(R"(# TYPE b_total counter
b_total{a="1"} 1
b_total{a="2"} 1
# TYPE h_seconds histogram
h_seconds_bucket{le="1"} 1
h_seconds_bucket{le="2"} 1
h_seconds_bucket{le="+Inf"} 1
h_seconds_sum 1
h_seconds_count 1
# TYPE s_seconds summary
s_seconds{quantile="0.5"} 1
s_seconds{quantile="0.9"} 1
s_seconds_sum 1
s_seconds_count 1
# TYPE g gauge
g 1
)");
  REQUIRE(families.ok());
  CHECK(CardinalityTable(*families) ==
        "Metric       Cardinality    Percentage    \n"
        "h_seconds    5              41.67%        \n"
        "s_seconds    4              33.33%        \n"
        "b_total      2              16.67%        \n"
        "g            1              8.33%         \n"
        "Total        12             100%          \n");
  CHECK(CardinalityTable({}) ==
        "Metric    Cardinality    Percentage    \n"
        "Total     0              100%          \n");
}

TEST_CASE("metrics are linted") {
  const auto lint = [](const std::string& text) {
    const auto families = ParseTextFamilies(text);
    REQUIRE(families.ok());
    std::string all;
    for (const std::string& line : LintMetrics(*families)) all += line + "\n";
    return all;
  };
  CHECK(lint("# HELP a_seconds x\n# TYPE a_seconds gauge\na_seconds 1\n") == "");
  CHECK(lint("# HELP a_total x\n# TYPE a_total gauge\na_total 1\n# TYPE b counter\nb 1\n"
             "c_milliseconds 3\n") ==
        "a_total non-counter metrics should not have \"_total\" suffix\n"
        "b counter metrics should have \"_total\" suffix\n"
        "b no help text\n"
        "c_milliseconds no help text\n"
        "c_milliseconds use base unit \"seconds\" instead of \"milliseconds\"\n");
  const struct {
    std::string name, want;
  } kCases[] = {
      {"x_gauge", "metric name should not include type 'gauge'"},
      {"x:y", "metric names should not contain ':'"},
      {"fooBar", "metric names should be written in 'snake_case' not 'camelCase'"},
      {"x_ms", "metric names should not contain abbreviated units"},
      {"x_bucket", "non-histogram metrics should not have \"_bucket\" suffix"},
      {"x_count", "non-histogram and non-summary metrics should not have \"_count\" suffix"},
      {"x{le=\"1\"}", "non-histogram metrics should not have \"le\" label"},
      {"x{quantile=\"1\"}", "non-summary metrics should not have \"quantile\" label"},
      {"x{aB=\"1\"}", "label names should be written in 'snake_case' not 'camelCase'"},
  };
  for (const auto& c : kCases) {
    const std::string name = c.name.substr(0, c.name.find('{'));
    CHECK(lint(fmt::format("# HELP {0} h\n# TYPE {0} gauge\n{1} 1\n", name, c.name)) ==
          name + " " + c.want + "\n");
  }
}

}  // namespace
}  // namespace narthex::promtool
