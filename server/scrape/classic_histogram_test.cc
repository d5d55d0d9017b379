// Expected values follow what Prometheus 3.5 makes of the same expositions
// (tests/differential/classic_histograms.py compares).
#include "server/scrape/classic_histogram.h"

#include <limits>

#include "core/exposition/writer.h"
#include "server/scrape/series_rig.h"
#include "tests/catch.h"

namespace narthex::scrape {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Given {
  std::vector<std::pair<double, double>> buckets;
  std::optional<double> count, sum;
};

std::optional<AnyHistogram> Convert(const Given& given) {
  ClassicHistogram classic;
  for (const auto& [bound, count] : given.buckets) {
    classic.Add(ClassicPart::kBucket, bound, count);
  }
  if (given.count) classic.Add(ClassicPart::kCount, 0, *given.count);
  if (given.sum) classic.Add(ClassicPart::kSum, 0, *given.sum);
  return classic.Convert();
}

TEST_CASE("Counts that are integers make a histogram of integers") {
  const auto converted = Convert({{{0.5, 1}, {1, 4}, {5, 4}, {kInf, 6}}, 6, 9.5});
  REQUIRE(converted);
  const auto& h = std::get<IntHistogram>(*converted);
  CHECK(h.schema == kCustomBucketsSchema);
  CHECK(h.count == 6);
  CHECK(h.sum == 9.5);
  CHECK(h.custom_values == std::vector<double>{0.5, 1, 5});
  CHECK(h.positive_spans == std::vector<BucketSpan>{{0, 4}});
  CHECK(h.positive_deltas == std::vector<int64_t>{1, 2, -3, 2});
}

TEST_CASE("More than two empty buckets in a row, and those at the ends, are left out") {
  const auto converted = Convert(
      {{{1, 0}, {2, 1}, {3, 1}, {4, 1}, {5, 2}, {6, 2}, {7, 2}, {8, 2}, {9, 3}, {kInf, 3}}, 3, 1});
  REQUIRE(converted);
  const auto& h = std::get<IntHistogram>(*converted);
  CHECK(h.custom_values.size() == 9);
  CHECK(h.positive_spans == std::vector<BucketSpan>{{1, 4}, {3, 1}});
  CHECK(h.positive_deltas == std::vector<int64_t>{1, -1, 0, 1, 0});
}

TEST_CASE("Other counts make a histogram of floats") {
  const auto converted = Convert({{{1, 0.5}, {2, 0.5}, {kInf, 2}}, 2, 1});
  REQUIRE(converted);
  const auto& h = std::get<FloatHistogram>(*converted);
  CHECK(h.count == 2);
  CHECK(h.positive_spans == std::vector<BucketSpan>{{0, 1}, {1, 1}});
  CHECK(h.positive_buckets == std::vector<double>{0.5, 1.5});
}

TEST_CASE("What is missing is made up, what contradicts itself is left out") {
  const struct {
    const char* name;
    Given given;
    const char* text;  // "" for none
  } cases[] = {
      {"no count", {{{1, 2}, {kInf, 3}}, {}, 4}, "{count:3, sum:4, [-Inf,1]:2, (1,+Inf]:1}"},
      {"no bucket +Inf", {{{1, 2}}, 3, 4}, "{count:3, sum:4, [-Inf,1]:2, (1,+Inf]:1}"},
      {"neither", {{{1, 2}}, {}, 4}, "{count:2, sum:4, [-Inf,1]:2}"},
      {"no buckets", {{}, 3, 4}, "{count:3, sum:4, [-Inf,+Inf]:3}"},
      {"out of order", {{{kInf, 3}, {1, 2}}, 3, 4}, "{count:3, sum:4, [-Inf,1]:2, (1,+Inf]:1}"},
      {"repeated", {{{1, 2}, {1, 9}, {kInf, 3}}, 3, 4}, "{count:3, sum:4, [-Inf,1]:2, (1,+Inf]:1}"},
      {"not cumulative", {{{1, 2}, {2, 1}, {kInf, 3}}, 3, 4}, ""},
      {"not cumulative, inserted", {{{2, 1}, {1, 2}, {kInf, 3}}, 3, 4}, ""},
      {"another count", {{{1, 2}, {kInf, 3}}, 4, 4}, ""},
      {"negative", {{{1, -2}, {kInf, 3}}, 3, 4}, ""},
      {"negative count", {{}, -1, 4}, ""},
  };
  for (const auto& c : cases) {
    INFO(c.name);
    const auto converted = Convert(c.given);
    CHECK(converted.has_value() == (c.text[0] != '\0'));
    if (converted) CHECK(ToString(std::get<IntHistogram>(*converted)) == c.text);
  }
}

struct Rig : SeriesRig {
  Rig() { input.convert_classic = true; }
  std::string Names() const {
    std::string out;
    for (const auto& [name, samples] : storage.All()) out += name + " ";
    return out;
  }
};

std::string Body(int a, int b, const char* name = "h", const char* type = "histogram") {
  return fmt::format(
      "# TYPE {0} {1}\n{0}_bucket{{le=\"1\"}} {2}\n{0}_bucket{{le=\"+Inf\"}} {3}\n{0}_sum 5\n"
      "{0}_count {3}\nplain 7\n",
      name, type, a, b);
}

TEST_CASE("A scrape stores the converted histogram instead of its series") {
  Rig r;
  REQUIRE(r.Scrape(Body(1, 2), 1000).ok());
  CHECK(r.counts.scraped == 2);
  CHECK(r.counts.after_relabel == 2);
  CHECK(r.counts.added == 2);
  REQUIRE(r.Scrape(Body(2, 4), 2000).ok());
  CHECK(r.counts.added == 0);
  CHECK(r.Names() == "h plain ");
  CHECK(r.storage.Text("h") == "2@1000 4@2000");
  // Nothing sound: the series ends, and comes back.
  REQUIRE(r.Scrape(Body(5, 4), 3000).ok());
  REQUIRE(r.Scrape(Body(5, 4), 4000).ok());
  CHECK(r.counts.scraped == 1);
  REQUIRE(r.Scrape(Body(5, 6), 5000).ok());
  REQUIRE(r.Scrape("plain 7\n", 6000).ok());
  REQUIRE(r.Scrape("plain 7\n", 7000).ok());
  REQUIRE(r.Scrape(Body(1, 1), 8000).ok());
  CHECK(r.storage.Text("h") == "2@1000 4@2000 stale@3000 6@5000 stale@6000 1@8000");
  CHECK_FALSE(r.Scrape("{", 9000).ok());
  CHECK(r.storage.Text("h").ends_with("1@8000 stale@9000"));
  REQUIRE(r.Scrape(Body(1, 3), 10'000).ok());
  CHECK(r.storage.Text("h").ends_with("stale@9000 3@10000"));
  CHECK(r.Names() == "h plain ");
}

TEST_CASE("Only series of the type histogram are converted, and which are may change") {
  Rig r;
  REQUIRE(r.Scrape(Body(1, 2, "g", "gauge") + Body(1, 2, "s", "summary") +
                       "u_bucket{le=\"1\"} 1\nu_count 2\n# TYPE h histogram\nh_other 1\n"
                       "h_bucket{x=\"y\"} 1\nh_bucket{le=\"z\"} 1\n",
                   1000)
              .ok());
  CHECK(r.Names() ==
        "g_bucket{le=\"+Inf\"} g_bucket{le=\"1\"} g_count g_sum h_bucket{le=\"z\"} "
        "h_bucket{x=\"y\"} h_other plain s_bucket{le=\"+Inf\"} s_bucket{le=\"1\"} s_count s_sum "
        "u_bucket{le=\"1\"} u_count ");
  Rig off;
  off.input.convert_classic = false;
  REQUIRE(off.Scrape(Body(1, 2), 1000).ok());
  off.input.convert_classic = true;
  REQUIRE(off.Scrape(Body(2, 3), 2000).ok());
  off.input.convert_classic = false;
  REQUIRE(off.Scrape(Body(3, 4), 3000).ok());
  CHECK(off.storage.Text("h_count") == "2@1000 stale@2000 4@3000");
  CHECK(off.storage.Text("h") == "3@2000 stale@3000");
}

TEST_CASE("The classic series are stored as well when asked for") {
  Rig r;
  r.input.always_classic = true;
  REQUIRE(r.Scrape(Body(1, 2), 1000).ok());
  CHECK(r.counts.scraped == 6);
  CHECK(r.counts.after_relabel == 6);
  REQUIRE(r.Scrape(Body(3, 5), 2000).ok());
  CHECK(r.Names() == "h h_bucket{le=\"+Inf\"} h_bucket{le=\"1.0\"} h_count h_sum plain ");
  CHECK(r.storage.Text("h") == "2@1000 5@2000");
  CHECK(r.storage.Text("h_bucket{le=\"1.0\"}") == "1@1000 3@2000");
  r.input.always_classic = false;
  REQUIRE(r.Scrape(Body(4, 6), 3000).ok());
  CHECK(r.storage.Text("h") == "2@1000 5@2000 6@3000");
  CHECK(r.storage.Text("h_bucket{le=\"1.0\"}") == "1@1000 3@2000 stale@3000");
  REQUIRE(r.Scrape("plain 1\n", 4000).ok());
  CHECK(r.storage.Text("h") == "2@1000 5@2000 6@3000 stale@4000");
}

TEST_CASE("Relabelling sees the converted series; limits count what is stored") {
  Rig r;
  r.rules.push_back(*RelabelRule::Compile(
      {.source_labels = {"__name__"}, .regex = "h_.*", .action = RelabelAction::kDrop}));
  r.rules.push_back(*RelabelRule::Compile(
      {.source_labels = {"__name__"}, .regex = "drop", .action = RelabelAction::kDrop}));
  r.config.limits.samples = 2;
  r.input.always_classic = true;
  for (int t = 1; t < 4; ++t) {
    REQUIRE(r.Scrape(Body(t, t + 1), t * 1000).ok());
    CHECK(r.counts.after_relabel == 2);
  }
  CHECK(r.Names() == "h plain ");
  CHECK(r.storage.Text("h") == "2@1000 3@2000 4@3000");
  r.input.always_classic = false;
  r.config.limits.samples = 0;
  Rig dropped;
  dropped.rules = r.rules;
  REQUIRE(dropped.Scrape(Body(1, 2, "drop"), 1000).ok());
  REQUIRE(dropped.Scrape(Body(1, 2, "drop"), 2000).ok());
  CHECK(dropped.counts.scraped == 2);
  CHECK(dropped.Names() == "plain ");
}

TEST_CASE("Many histograms come and go") {
  Rig r;
  for (int t = 1; t <= 20; ++t) {
    std::string body = "# TYPE h histogram\n";
    for (int i = 0; i < 30; ++i) {
      if ((i + t) % 5 == 0) continue;
      body += fmt::format(
          "h_bucket{{i=\"{0}\",le=\"1\"}} {1}\nh_bucket{{i=\"{0}\",le=\"+Inf\"}} {1}\n"
          "h_count{{i=\"{0}\"}} {1}\nh_sum{{i=\"{0}\"}} 1\n",
          i, t);
    }
    REQUIRE(r.Scrape(body, t * 1000).ok());
    CHECK(r.counts.scraped == 24);
  }
  CHECK(r.storage.series_count() == 30);
  CHECK(r.storage.Text("h{i=\"3\"}").starts_with("1@1000 stale@2000 3@3000 4@4000"));
  // After a change of relabelling they go on.
  r.series.Invalidate();
  REQUIRE(r.Scrape("# TYPE h histogram\nh_count{i=\"4\"} 50\n", 30'000).ok());
  CHECK(r.storage.Text("h{i=\"4\"}").ends_with(" 50@30000"));
  CHECK(r.storage.Text("h{i=\"3\"}").ends_with("stale@30000"));
}

TEST_CASE("Timestamps and exemplars of buckets go to the histogram") {
  const bool classic = GENERATE(false, true);
  Rig r;
  r.input.always_classic = classic;
  r.input.grammar = ScrapeGrammar::kOpenMetrics;
  REQUIRE(
      r.Scrape("# TYPE h histogram\n"
               "h_bucket{le=\"1\"} 1 0.5 # {id=\"a\"} 0.5 0.4\n"
               "h_bucket{le=\"+Inf\"} 2 0.5 # {id=\"b\"} 3\nh_count 2 0.5\nh_sum 1 0.5\n# EOF\n",
               1000)
          .ok());
  CHECK(r.storage.Text("h") == "2@500");
  CHECK(r.storage.Exemplars("h") == "0.5@400{id=\"a\"}");
  CHECK(r.storage.Exemplars("h_bucket{le=\"1.0\"}").empty());
  CHECK(r.storage.series_count() == (classic ? 5 : 1));
}

TEST_CASE("In protobuf the native part goes before, the classic part is converted without one") {
  MetricFamily family;
  family.name = "h";
  family.type = MetricType::kHistogram;
  MetricSample sample;
  sample.sample_count = 6;
  sample.sample_sum = 1.5;
  sample.buckets = {{.upper_bound = 1, .cumulative_count = 4}};
  MetricSample both = sample;
  sample.labels = {{"only", "classic"}};
  both.native = std::make_shared<const NativeHistogram>(NativeHistogram{.schema = 3,
                                                                        .zero_threshold = 0.001,
                                                                        .zero_count = 2,
                                                                        .positive_spans = {{-1, 2}},
                                                                        .positive_deltas = {1, 2}});
  family.samples = {both, sample};
  std::string body;
  AppendFamily(family, {.format = ExpositionFormat::kProtobuf}, &body);

  for (const bool native : {false, true}) {
    for (const bool classic : {false, true}) {
      INFO(native << classic);
      Rig r;
      r.input.grammar = ScrapeGrammar::kProtobuf;
      r.input.native_histograms = native;
      r.input.always_classic = classic;
      REQUIRE(r.Scrape(body, 1000).ok());
      REQUIRE(r.Scrape(body, 2000).ok());
      CHECK(r.storage.Text("h") == "6@1000 6@2000");
      CHECK(r.storage.Text("h{only=\"classic\"}") == "6@1000 6@2000");
      CHECK(r.storage.series_count() == (classic ? 10 : 2));
      REQUIRE(r.Scrape("", 3000).ok());
      CHECK(r.storage.Text("h").ends_with("stale@3000"));
      CHECK(r.storage.Text("h{only=\"classic\"}").ends_with("stale@3000"));
    }
  }
}

TEST_CASE("A native histogram without classic buckets has no classic part, unless it is ignored") {
  MetricFamily family;
  family.name = "h";
  family.type = MetricType::kHistogram;
  MetricSample sample;
  sample.sample_count = 2;
  sample.native = std::make_shared<const NativeHistogram>(
      NativeHistogram{.schema = 3, .zero_threshold = 0.001, .zero_count = 2});
  family.samples = {sample};
  std::string body;
  AppendFamily(family, {.format = ExpositionFormat::kProtobuf}, &body);
  Rig r;
  r.input.grammar = ScrapeGrammar::kProtobuf;
  r.input.convert_classic = false;
  r.input.always_classic = true;
  r.input.native_histograms = true;
  REQUIRE(r.Scrape(body, 1000).ok());
  CHECK(r.Names() == "h ");
  r.input.native_histograms = false;
  REQUIRE(r.Scrape(body, 2000).ok());
  CHECK(r.storage.Text("h_count") == "2@2000");
}

}  // namespace
}  // namespace narthex::scrape
