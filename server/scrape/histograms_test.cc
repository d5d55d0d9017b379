#include "server/scrape/histograms.h"

#include "core/exposition/family_writers.h"
#include "server/scrape/series_rig.h"
#include "tests/catch.h"

namespace narthex::scrape {
namespace {

// {zeros 2, buckets 1 3}: 6 observations, as a target shows them.
NativeHistogram Native() {
  return {.schema = 3,
          .zero_threshold = 0.001,
          .zero_count = 2,
          .positive_spans = {{-1, 2}},
          .positive_deltas = {1, 2}};
}

MetricSample SampleOf(NativeHistogram native, double count = 6) {
  MetricSample sample;
  sample.sample_count = count;
  sample.sample_sum = 1.5;
  sample.buckets = {{.upper_bound = 1, .cumulative_count = 4}};
  sample.native = std::make_shared<const NativeHistogram>(std::move(native));
  return sample;
}

StatusOr<AnyHistogram> Convert(MetricSample sample, const config::ScrapeConfig& config = {},
                               bool gauge = false) {
  return ConvertHistogram({.slot = 0,
                           .timestamp_ms = kNoTimestamp,
                           .sample = std::make_shared<const MetricSample>(std::move(sample)),
                           .gauge = gauge},
                          config);
}

TEST_CASE("scraped histograms become the storage's") {
  const auto converted = Convert(SampleOf(Native()));
  REQUIRE(converted.ok());
  const IntHistogram want{.schema = 3,
                          .zero_threshold = 0.001,
                          .zero_count = 2,
                          .count = 6,
                          .sum = 1.5,
                          .positive_spans = {{-1, 2}},
                          .positive_deltas = {1, 2}};
  CHECK(SameBits(std::get<IntHistogram>(*converted), want));
  NativeHistogram floats = Native();
  floats.is_float = true;
  floats.positive_deltas.clear();
  floats.positive_counts = {1, 3};
  const auto gauge = Convert(SampleOf(floats), {}, /*gauge=*/true);
  REQUIRE(gauge.ok());
  FloatHistogram want_float = ToFloat(want);
  want_float.reset = CounterResetHint::kGauge;
  CHECK(SameBits(std::get<FloatHistogram>(*gauge), want_float));
  CHECK_FALSE(Convert(SampleOf(Native(), /*count=*/7)).ok());
  NativeHistogram short_of_buckets = Native();
  short_of_buckets.positive_deltas = {1};
  CHECK_FALSE(Convert(SampleOf(short_of_buckets)).ok());
}

TEST_CASE("the job's limits lower the resolution of histograms") {
  config::ScrapeConfig config;
  config.native_histogram_min_bucket_factor = 1.4;  // 2^(1/2) = 1.414 still does, 2^(1/4) not
  CHECK(FinestSchema(1.4) == 2);
  CHECK(FinestSchema(2) == 0);
  CHECK(FinestSchema(1e9) == -4);
  CHECK(FinestSchema(1.0000001) == 8);
  auto converted = Convert(SampleOf(Native()), config);
  REQUIRE(converted.ok());
  CHECK(std::get<IntHistogram>(*converted).schema == 2);
  config = {};
  config.native_histogram_bucket_limit = 1;
  converted = Convert(SampleOf(Native()), config);
  REQUIRE(converted.ok());
  CHECK(std::get<IntHistogram>(*converted).positive_deltas == std::vector<int64_t>{4});
  NativeHistogram apart = Native();
  apart.positive_spans = {{-1, 1}, {2, 1}};  // on both sides of 1: never one bucket
  CHECK(MessageOf(Convert(SampleOf(apart), config).status()) == "histogram bucket limit exceeded");
}

struct Rig : SeriesRig {
  Rig() {
    target = Labels{{"job", "j"}};
    input.grammar = ScrapeGrammar::kProtobuf;
    input.native_histograms = true;
  }
  Status Scrape(const std::vector<MetricFamily>& families, TimestampMs t) {
    std::string body;
    for (const MetricFamily& f : families) AppendProtobufFamily(f, NameEscaping::kAllowUtf8, &body);
    return SeriesRig::Scrape(body, t);
  }
};

MetricFamily Family(const std::string& name, MetricSample sample) {
  return {.name = name, .type = MetricType::kHistogram, .samples = {std::move(sample)}};
}

TEST_CASE("native histograms are stored while they are shown") {
  Rig r;
  REQUIRE(r.Scrape({Family("h", SampleOf(Native()))}, 1000).ok());
  CHECK(r.counts.after_relabel == 1);
  CHECK(r.counts.added == 1);
  CHECK(r.counts.native_histograms == 0);
  REQUIRE(r.Scrape({Family("h", SampleOf(Native()))}, 2000).ok());
  CHECK(r.counts.added == 0);
  REQUIRE(r.Scrape({Family("other", SampleOf(Native()))}, 3000).ok());
  REQUIRE(r.Scrape({Family("other", SampleOf(Native(), 7))}, 4000).code() ==
          StatusCode::kInvalidArgument);
  REQUIRE(r.Scrape({Family("other", SampleOf(Native()))}, 5000).ok());
  REQUIRE(r.Scrape({}, 6000).ok());
  REQUIRE(r.Scrape({}, 7000).ok());
  CHECK(r.storage.Text("h{job=\"j\"}") == "6@1000 6@2000 stale@3000");
  CHECK(r.storage.Text("other{job=\"j\"}") == "6@3000 stale@4000 6@5000 stale@6000");
  // Not their classic part.
  CHECK(r.storage.series_count() == 2);
}

TEST_CASE("without the switch the classic part is stored") {
  Rig r;
  r.input.native_histograms = false;
  REQUIRE(r.Scrape({Family("h", SampleOf(Native()))}, 1000).ok());
  CHECK(r.counts.native_histograms == 1);
  CHECK(r.storage.Text("h_count{job=\"j\"}") == "6@1000");
  CHECK(r.storage.Text("h{job=\"j\"}").empty());
  // Turned on, the classic part ends.
  r.input.native_histograms = true;
  REQUIRE(r.Scrape({Family("h", SampleOf(Native()))}, 2000).ok());
  CHECK(r.storage.Text("h_count{job=\"j\"}") == "6@1000 stale@2000");
  CHECK(r.storage.Text("h{job=\"j\"}") == "6@2000");
}

TEST_CASE("turned off, the native series end and the classic part begins") {
  Rig r;
  REQUIRE(r.Scrape({Family("h", SampleOf(Native()))}, 1000).ok());
  r.input.native_histograms = false;
  REQUIRE(r.Scrape({Family("h", SampleOf(Native()))}, 2000).ok());
  REQUIRE(r.Scrape({Family("h", SampleOf(Native()))}, 3000).ok());
  CHECK(r.storage.Text("h{job=\"j\"}") == "6@1000 stale@2000");
  CHECK(r.storage.Text("h_count{job=\"j\"}") == "6@2000 6@3000");
  // On again and off in a scrape without any.
  r.input.native_histograms = true;
  REQUIRE(r.Scrape({Family("h", SampleOf(Native()))}, 4000).ok());
  CHECK(r.storage.Text("h_count{job=\"j\"}") == "6@2000 6@3000 stale@4000");
  r.input.native_histograms = false;
  REQUIRE(r.Scrape({}, 5000).ok());
  REQUIRE(r.Scrape({}, 6000).ok());
  CHECK(r.storage.Text("h{job=\"j\"}") == "6@1000 stale@2000 6@4000 stale@5000");
}

TEST_CASE("with both switches both parts are stored") {
  Rig r;
  r.input.always_classic = true;
  REQUIRE(r.Scrape({Family("h", SampleOf(Native()))}, 1000).ok());
  CHECK(r.counts.native_histograms == 0);
  CHECK(r.storage.Text("h{job=\"j\"}") == "6@1000");
  CHECK(r.storage.Text("h_count{job=\"j\"}") == "6@1000");
  CHECK(r.storage.Text("h_bucket{job=\"j\", le=\"1.0\"}") == "4@1000");
  CHECK(r.counts.after_relabel == r.storage.series_count());
}

TEST_CASE("exemplars of native histograms go with them") {
  Rig r;
  NativeHistogram native = Native();
  const auto exemplar = [](std::string id, double value, std::optional<int64_t> t) {
    return MetricExemplar{.labels = {{"id", std::move(id)}}, .value = value, .timestamp_ms = t};
  };
  // Out of order in the body; the one without a time is left out, as upstream does.
  native.exemplars = {exemplar("b", 2, 900), exemplar("a", 1, 800), exemplar("c", 3, std::nullopt)};
  REQUIRE(r.Scrape({Family("h", SampleOf(native))}, 1000).ok());
  CHECK(r.storage.Exemplars("h{job=\"j\"}") == R"(1@800{id="a"} 2@900{id="b"})");
  // The classic part has those of the buckets.
  r.input.native_histograms = false;
  MetricSample classic = SampleOf(Native());
  classic.buckets[0].exemplar = exemplar("d", 4, std::nullopt);
  REQUIRE(r.Scrape({Family("h", classic)}, 2000).ok());
  CHECK(r.storage.Exemplars("h_bucket{job=\"j\", le=\"1.0\"}") == R"(4@2000{id="d"})");
}

TEST_CASE("a histogram beyond the bucket limit is told from other errors") {
  Rig r;
  r.config.native_histogram_bucket_limit = 1;
  NativeHistogram apart = Native();
  apart.positive_spans = {{-1, 1}, {2, 1}};
  const Status status = r.Scrape({Family("h", SampleOf(apart))}, 1000);
  CHECK(IsBucketLimitError(status));
  CHECK_FALSE(IsSampleLimitError(status));
  CHECK(r.storage.series_count() == 0);
}

TEST_CASE("series of histograms end when relabelling drops them") {
  Rig r;
  REQUIRE(r.Scrape({Family("a", SampleOf(Native())), Family("b", SampleOf(Native()))}, 1000).ok());
  r.rules.push_back(*RelabelRule::Compile(
      {.source_labels = {"__name__"}, .regex = "b", .action = RelabelAction::kDrop}));
  r.series.Invalidate();
  REQUIRE(r.Scrape({Family("a", SampleOf(Native())), Family("b", SampleOf(Native()))}, 2000).ok());
  CHECK(r.storage.Text("a{job=\"j\"}") == "6@1000 6@2000");
  CHECK(r.storage.Text("b{job=\"j\"}") == "6@1000 stale@2000");
  // Through a text that takes the series back as a float.
  r.input.native_histograms = false;
  MetricFamily gauge{.name = "a", .type = MetricType::kGauge};
  gauge.samples.push_back({.value = 3});
  REQUIRE(r.Scrape({gauge}, 3000).ok());
  CHECK(r.storage.Text("a{job=\"j\"}") == "6@1000 6@2000 3@3000");
}

TEST_CASE("native histograms count as samples") {
  Rig r;
  r.config.limits.samples = 1;
  REQUIRE(r.Scrape({Family("h", SampleOf(Native()))}, 1000).ok());
  const Status status =
      r.Scrape({Family("h", SampleOf(Native())), Family("i", SampleOf(Native()))}, 2000);
  CHECK(IsSampleLimitError(status));
  CHECK(r.storage.Text("h{job=\"j\"}") == "6@1000 stale@2000");
}

}  // namespace
}  // namespace narthex::scrape
