// Series labelled with their type and unit; what they get was compared with Prometheus 3.5.3.

#include "core/base/bytes.h"
#include "core/exposition/scrape.h"
#include "core/exposition/scrape_oracle.h"
#include "proto/client_metrics.pb.h"
#include "tests/catch.h"

namespace narthex {
namespace {

struct Target {
  explicit Target(ScrapeGrammar grammar) {
    options.grammar = grammar;
    options.type_and_unit_labels = true;
  }
  // The label sets new in this body.
  std::vector<std::string> Scrape(std::string_view body) {
    const size_t before = sink.names.size();
    const Status status = ParseScrape(body, options, &table, &sink, &result);
    CHECK(MessageOf(status) == "");
    return {sink.names.begin() + static_cast<ptrdiff_t>(before), sink.names.end()};
  }
  ScrapeOptions options;
  ScrapeTable table{1};
  RecordingSink sink;
  ScrapeResult result;
};
using Names = std::vector<std::string>;

TEST_CASE("The type of the last TYPE line") {
  Target target(ScrapeGrammar::kText);
  CHECK(target.Scrape("a 1\n# TYPE b counter\nb 1\nb{x=\"1\"} 1\nc 1\n# TYPE d untyped\nd 1\n"
                      "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum{__type__=\"mine\"} 1\n"
                      "# TYPE e untyped\ne{__type__=\"mine\",__unit__=\"u\"} 1\n") ==
        Names{R"({__name__="a"})", R"({__name__="b", __type__="counter"})",
              R"({__name__="b", __type__="counter", x="1"})",
              R"({__name__="c", __type__="counter"})", R"({__name__="d"})",
              R"({__name__="h_bucket", __type__="histogram", le="1.0"})",
              R"({__name__="h_sum", __type__="histogram"})",
              R"({__name__="e", __type__="mine", __unit__="u"})"});
}

TEST_CASE("The unit of the last UNIT line") {
  constexpr std::string_view kBody =
      "# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1\n"
      "# HELP b \\n# UNIT b x\n# TYPE b gauge\nb 1\nb{x=\"# UNIT b y\"} 1\n# UNIT c_bytes bytes\n"
      "c_bytes{__unit__=\"mine\"} 1\n# UNIT d \nd 1\n# TYPE \"e e_m\" info\n"
      "# UNIT \"e e_m\" m\n{\"e e_m_info\"} 1\n";
  const Names names = {R"({__name__="a_seconds_total", __type__="counter", __unit__="seconds"})",
                       R"({__name__="b", __type__="gauge", __unit__="seconds"})",
                       R"({__name__="b", __type__="gauge", __unit__="seconds", x="# UNIT b y"})",
                       R"({__name__="c_bytes", __type__="gauge", __unit__="bytes"})",
                       R"({__name__="d", __type__="gauge"})",
                       R"({__name__="e e_m_info", __type__="info", __unit__="m"})"};
  Target target(ScrapeGrammar::kOpenMetrics);
  CHECK(target.Scrape(std::string(kBody) + "# EOF\n") == names);
  // Predicted lines tell the unit of a new series behind them.
  CHECK(target.Scrape(std::string(kBody) + "f_m 1\n# EOF\n") ==
        Names{R"({__name__="f_m", __type__="info", __unit__="m"})"});
  CHECK(target.result.predicted > 6);
  CHECK(target.result.vanished.empty());
}

TEST_CASE("A series keeps the type it came with") {
  Target target(ScrapeGrammar::kText);
  CHECK(target.Scrape("# TYPE a counter\na 1\n") == Names{R"({__name__="a", __type__="counter"})"});
  CHECK(target.Scrape("# TYPE a gauge\na 1\n").empty());
  CHECK(target.Scrape("\n").empty());
  CHECK(target.Scrape("# TYPE a gauge\na 1\n") == Names{R"({__name__="a", __type__="gauge"})"});
}

std::string Delimited(const io::prometheus::client::MetricFamily& family) {
  std::string out;
  const std::string message = family.SerializeAsString();
  ByteWriter(&out).UvarintString(message);
  return out;
}

TEST_CASE("Type and unit of protobuf families") {
  namespace pb = io::prometheus::client;
  pb::MetricFamily counter;
  counter.set_name("a_seconds_total");
  counter.set_type(pb::COUNTER);
  counter.set_unit("seconds");
  auto* metric = counter.add_metric();
  metric->mutable_counter()->set_value(1);
  auto* label = metric->add_label();
  label->set_name("__unit__");
  label->set_value("mine");
  pb::MetricFamily untyped;
  untyped.set_name("b_m");
  untyped.set_type(pb::UNTYPED);
  untyped.set_unit("m");
  untyped.add_metric()->mutable_untyped()->set_value(1);
  pb::MetricFamily native;
  native.set_name("n");
  native.set_type(pb::GAUGE_HISTOGRAM);
  auto* h = native.add_metric()->mutable_histogram();
  h->set_schema(3);
  h->add_positive_span();
  Target target(ScrapeGrammar::kProtobuf);
  target.options.native_histograms = true;
  const std::string body = Delimited(counter) + Delimited(untyped) + Delimited(native);
  CHECK(target.Scrape(body) ==
        Names{R"({__name__="a_seconds_total", __type__="counter", __unit__="seconds"})",
              R"({__name__="b_m", __unit__="m"})", R"({__name__="n", __type__="gaugehistogram"})"});
  CHECK(target.Scrape(body).empty());
}

TEST_CASE("The unit of a protobuf family ends its name") {
  namespace pb = io::prometheus::client;
  const struct {
    std::string name, unit;
    pb::MetricType type;
    std::string error;
  } kCases[] = {
      {"a_s_total", "s", pb::COUNTER, ""},
      {"a_s", "s", pb::COUNTER, ""},
      {"a_s_total", "s", pb::GAUGE, R"(unit "s" not a suffix of metric "a_s_total")"},
      {"as_total", "s", pb::COUNTER, R"(unit "s" not a suffix of counter "as_total")"},
      {"s", "s", pb::GAUGE, R"(unit "s" not a suffix of metric "s")"},
  };
  for (const auto& c : kCases) {
    pb::MetricFamily family;
    family.set_name(c.name);
    family.set_unit(c.unit);
    family.set_type(c.type);
    ScrapeTable table(1);
    RecordingSink sink;
    ScrapeResult result;
    const ScrapeOptions options{.grammar = ScrapeGrammar::kProtobuf};
    CHECK(MessageOf(ParseScrape(Delimited(family), options, &table, &sink, &result)) == c.error);
  }
}

}  // namespace
}  // namespace narthex
