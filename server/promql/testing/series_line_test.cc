#include "server/promql/testing/series_line.h"

#include "tests/catch.h"

namespace narthex::promql {
namespace {

std::string ErrorOf(std::string_view text) {
  const auto line = ParseSeriesLine(text, Repeats::kMore);
  return line.ok() ? "" : std::string(MessageOf(line.status()));
}

TEST_CASE("values of series") {
  const auto line = ParseSeriesLine(
      "x{a=\"b\"} 1 -2x3 1+2x3 0-1.5x1 _ _x4 stale 1_000 NaN {{count:1 buckets:[1 -2]}}x2 "
      "{{}}-{{sum:1}}x2",
      Repeats::kMore);
  REQUIRE(line.ok());
  CHECK(line->labels == Labels{{"__name__", "x"}, {"a", "b"}});
  std::vector<int64_t> counts;
  for (const ValueRun& run : line->runs) counts.push_back(run.count);
  CHECK(counts == std::vector<int64_t>{1, 4, 4, 2, 1, 4, 1, 1, 1, 3, 3});
  CHECK(line->runs[3].step == -1.5);
  CHECK(line->runs[9].histogram->positive_buckets == std::vector<double>{1, -2});
  CHECK(line->runs[10].falls);
  CHECK(ParseSeriesLine("x 1x3 {{}}x2", Repeats::kTimes)->runs[1].count == 2);
}

TEST_CASE("what is wrong with a series is said as upstream says it") {
  struct Case {
    std::string_view text, error;
  };
  const Case cases[] = {
      {"x{job=~\"a\"} 1", "1:6: parse error: unexpected <op:=~> in label set, expected \"=\""},
      {"x{a=\"b\"}{ 1", "1:9: parse error: unexpected character in series sequence: '{'"},
      {"x y 1",
       "1:3: parse error: unexpected identifier \"y\" in series values, expected number or "
       "\"stale\""},
      {"x offset 1", "1:3: parse error: unexpected <offset>"},
      {"x{a=\"b\"}x 1", "1:9: parse error: unexpected \"x\" in series values"},
      {"\"x\" 1", "1:1: parse error: unexpected string \"\\\"x\\\"\" in series values"},
      {"x 5x", "1:5: parse error: unexpected end of input in series values"},
      {"x 1 x 3", "1:5: parse error: unexpected \"x\""},
      {"x 1+x3", "1:5: parse error: unexpected \"x\" in series values"},
      {"x _x2.5",
       "1:5: parse error: invalid repetition in series values: strconv.ParseUint: parsing "
       "\"2.5\": invalid syntax"},
      {"x 5m", "1:3: parse error: bad number syntax: \"5\""},
      {"x {{bad}}", "1:5: parse error: bad histogram descriptor found: \"bad\""},
      {"x {{count}}", "1:5: parse error: missing `:` for histogram descriptor"},
      {"x {{count:1", "1:12: parse error: histogram description incomplete unexpected: '\ufffd'"},
      {"x {{buckets:[1,2]}}", "1:15: parse error: invalid character in buckets description: ','"},
      {"x {{count:1 count:2}}", "1:1: parse error: duplicate key \"count\" in histogram"},
      {"x {{schema:1}}+{{schema:-53 custom_values:[1]}}x2",
       "1:49: parse error: error combining histograms: cannot merge from schema -53 to 1"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    CHECK(ErrorOf(c.text) == c.error);
  }
}

}  // namespace
}  // namespace narthex::promql
