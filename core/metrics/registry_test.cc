// Gathering: order, merging, contradictions, functions, collectors, process metrics.

#include "core/metrics/registry.h"

#include <unistd.h>

#include "tests/catch.h"

namespace narthex {
namespace {

// Delivers the same families every time.
class FixedCollector final : public Collector {
 public:
  explicit FixedCollector(std::vector<MetricFamily> families) : families_(std::move(families)) {}
  void Collect(std::vector<MetricFamily>* out) override {
    out->insert(out->end(), families_.begin(), families_.end());
  }

 private:
  std::vector<MetricFamily> families_;
};

MetricFamily Family(std::string name, MetricType type, std::string help,
                    std::vector<std::vector<MetricLabel>> samples) {
  MetricFamily family{.name = std::move(name), .help = std::move(help), .type = type};
  for (auto& labels : samples) family.samples.push_back({.labels = std::move(labels), .value = 1});
  return family;
}

Registry::Gathered GatherOf(std::vector<MetricFamily> families) {
  Registry registry;
  registry.AddCollector(std::make_shared<FixedCollector>(std::move(families)));
  return registry.Gather();
}

TEST_CASE("gather sorts families by name and samples by label values") {
  Registry registry;
  registry.AddGauge("b", "B.").Set(2);
  auto& vec = registry.AddCounterVec("a_total", "A.", {"y", "x"});
  vec.With({"1", "9"}).Inc();
  vec.With({"2", "1"}).Add(3);
  registry.AddGaugeVec("empty", "Has no children, so it is not shown.", {"l"});
  auto gathered = registry.Gather();
  CHECK(gathered.errors.empty());
  REQUIRE(gathered.families.size() == 2);
  CHECK(gathered.families[0].name == "a_total");
  CHECK(gathered.families[0].help == "A.");
  CHECK(gathered.families[0].type == MetricType::kCounter);
  REQUIRE(gathered.families[0].samples.size() == 2);
  CHECK(gathered.families[0].samples[0].labels == std::vector<MetricLabel>{{"x", "1"}, {"y", "2"}});
  CHECK(gathered.families[0].samples[0].value == 3);
  CHECK(gathered.families[1].samples[0].value == 2);
}

TEST_CASE("the same registration yields the same metric") {
  Registry registry;
  Counter& a = registry.AddCounter("c", "help");
  CHECK(&a == &registry.AddCounter("c", "help"));
  CHECK(&registry.AddGaugeVec("g", "h", {"l"}) == &registry.AddGaugeVec("g", "h", {"l"}));
}

TEST_CASE("histograms and summaries are gathered") {
  Registry registry;
  registry.AddHistogramVec("h", "H.", {"l"}, {.buckets = {1}}).With({"x"}).Observe(0.5);
  registry.AddSummary("s", "S.", {.objectives = {{0.5, 0.05}}}).Observe(4);
  auto gathered = registry.Gather();
  REQUIRE(gathered.families.size() == 2);
  CHECK(gathered.families[0].samples[0].buckets[0].cumulative_count == 1);
  CHECK(gathered.families[1].samples[0].quantiles[0].value == 4);
}

TEST_CASE("functions are read at gather time") {
  Registry registry;
  double v = 1;
  registry.AddFunction(MetricType::kGauge, "f", "F.", {{"q", "b"}}, [&] { return v; });
  registry.AddFunction(MetricType::kGauge, "f", "F.", {{"q", "a"}}, [] { return 7.0; });
  registry.AddFunction(MetricType::kCounter, "g", "G.", [&] { return v * 2; });
  v = 5;
  auto gathered = registry.Gather();
  REQUIRE(gathered.families.size() == 2);
  CHECK(gathered.families[0].samples[0].value == 7);
  CHECK(gathered.families[0].samples[1].value == 5);
  CHECK(gathered.families[1].samples[0].value == 10);
}

TEST_CASE("contradictions are reported in upstream's words and left out") {
  const auto gauge = MetricType::kGauge;
  struct Case {
    std::vector<MetricFamily> families;
    std::vector<std::string> errors;
    size_t samples_left;
  };
  const Case cases[] = {
      {{Family("m", gauge, "h", {{{"a", "1"}}, {{"a", "2"}}, {{"a", "1"}}})},
       {"collected metric \"m\" { label:{name:\"a\" value:\"1\"} gauge:{value:1}} was collected "
        "before with the same name and label values"},
       2},
      {{Family("m", gauge, "h", {{}}), Family("m", gauge, "other \"h\"", {{{"a", "1"}}})},
       {"collected metric m label:{name:\"a\" value:\"1\"} gauge:{value:1} has help "
        "\"other \\\"h\\\"\" but should have \"h\""},
       1},
      {{Family("m", gauge, "h", {{}}), Family("m", MetricType::kCounter, "h", {{{"a", "1"}}})},
       {"collected metric m label:{name:\"a\" value:\"1\"} counter:{value:1} should be a Gauge"},
       1},
      {{Family("m", gauge, "h", {{{"a", "1"}, {"a", "2"}}})},
       {"collected metric \"m\" { label:{name:\"a\" value:\"1\"} label:{name:\"a\" value:\"2\"} "
        "gauge:{value:1}} has two or more labels with the same name: a"},
       0},
      {{Family("m", MetricType::kSummary, "h", {{{"quantile", "1"}}})},
       {"collected metric \"m\" { label:{name:\"quantile\" value:\"1\"} summary:{sample_count:0 "
        "sample_sum:0}} must not have an explicit \"quantile\" label"},
       0},
      {{Family("m", MetricType::kHistogram, "h", {{}}), Family("m_count", gauge, "h", {{}})},
       {"collected metric named \"m_count\" collides with previously collected histogram named "
        "\"m\""},
       1},
      {{Family("m_bucket", gauge, "h", {{}}), Family("m", MetricType::kHistogram, "h", {{}})},
       {"collected histogram named \"m\" collides with previously collected metric named "
        "\"m_bucket\""},
       1},
      {{Family("m_bucket", gauge, "h", {{}}), Family("m", MetricType::kSummary, "h", {{}})}, {}, 2},
      {{Family("", gauge, "h", {{}})},
       {"descriptor is invalid: \"\" is not a valid metric name"},
       0},
      {{Family("m", gauge, "h", {{{"a", "\xff"}}})},
       {"collected metric \"m\" { label:{name:\"a\" value:\"\\xff\"} gauge:{value:1}} has a label "
        "named \"a\" whose value is not utf8: \"\\xff\""},
       0},
      {{Family("m", gauge, "h", {{{"", "x"}}})},
       {"collected metric \"m\" { label:{name:\"\" value:\"x\"} gauge:{value:1}} has an invalid "
        "label name"},
       0},
      // Other label names with the same values are no duplicates.
      {{Family("m", gauge, "h", {{{"a", "1"}}, {{"b", "1"}}, {{"a", "1"}, {"b", ""}}})}, {}, 3},
      // Families of one name are merged.
      {{Family("m", gauge, "h", {{{"a", "2"}}}), Family("m", gauge, "h", {{{"a", "1"}}})}, {}, 2},
  };
  for (const Case& c : cases) {
    auto gathered = GatherOf(c.families);
    CHECK(gathered.errors == c.errors);
    size_t samples = 0;
    for (const auto& family : gathered.families) samples += family.samples.size();
    CHECK(samples == c.samples_left);
  }
}

TEST_CASE("of duplicates the first collected stays") {
  MetricFamily family{.name = "m", .type = MetricType::kGauge};
  family.samples.push_back({.labels = {{"a", "1"}}, .value = 10});
  family.samples.push_back({.labels = {{"a", "1"}}, .value = 20});
  family.samples.push_back({.labels = {{"a", "1"}}, .value = 30, .timestamp_ms = 5});
  auto gathered = GatherOf({family});
  CHECK(gathered.errors.size() == 1);
  REQUIRE(gathered.families[0].samples.size() == 2);  // another timestamp is another sample
  CHECK(gathered.families[0].samples[0].value == 10);
}

TEST_CASE("a removed collector is asked no more") {
  Registry registry;
  auto collector = std::make_shared<FixedCollector>(
      std::vector<MetricFamily>{Family("m", MetricType::kGauge, "h", {{}})});
  registry.AddCollector(collector);
  CHECK(registry.Gather().families.size() == 1);
  registry.RemoveCollector(collector.get());
  CHECK(registry.Gather().families.empty());
}

TEST_CASE("the process collector has its nine families") {
  Registry registry;
  registry.AddCollector(MakeProcessCollector());
  std::map<std::string, double> values;
  for (const auto& family : registry.Gather().families) {
    CHECK_FALSE(family.help.empty());
    CHECK((family.type == MetricType::kCounter) == family.name.ends_with("_total"));
    values[family.name] = family.samples.at(0).value;
  }
  REQUIRE(values.size() == 9);
  CHECK(values["process_open_fds"] >= 3);
  CHECK(values["process_max_fds"] >= values["process_open_fds"]);
  CHECK(values["process_resident_memory_bytes"] > 100'000);
  CHECK(values["process_virtual_memory_bytes"] > values["process_resident_memory_bytes"]);
  CHECK(values["process_virtual_memory_max_bytes"] > 0);
  CHECK(values["process_cpu_seconds_total"] >= 0);
  CHECK(std::fabs(Clock::System().NowSeconds() - values["process_start_time_seconds"]) < 300);
  CHECK(values.contains("process_network_receive_bytes_total"));
  CHECK(values.contains("process_network_transmit_bytes_total"));
  const double before = values["process_open_fds"];
  const int fd = dup(0);
  for (const auto& family : registry.Gather().families) {
    if (family.name == "process_open_fds") CHECK(family.samples[0].value == before + 1);
  }
  close(fd);
}

}  // namespace
}  // namespace narthex
