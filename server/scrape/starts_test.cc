// Start timestamps: zeros where counters, histograms and summaries began.

#include "core/exposition/family_writers.h"
#include "server/scrape/series_rig.h"
#include "tests/catch.h"

namespace narthex::scrape {
namespace {

struct Rig : SeriesRig {
  Rig() { input.store_starts = true; }

  Status Open(const std::string& lines, TimestampMs t) {
    input.grammar = ScrapeGrammar::kOpenMetrics;
    return Scrape("# TYPE a counter\n" + lines + "# EOF\n", t);
  }
  Status Histogram(double count, std::optional<int64_t> created, TimestampMs t) {
    MetricSample sample;
    sample.sample_count = count;
    sample.sample_sum = 1;
    sample.buckets = {{.upper_bound = 1, .cumulative_count = count}};
    sample.created_ms = created;
    auto native = std::make_shared<NativeHistogram>();
    native->schema = 2;
    native->zero_threshold = 0.5;
    native->zero_count = count;
    sample.native = native;
    const MetricFamily family{
        .name = "h", .type = MetricType::kHistogram, .samples = {std::move(sample)}};
    std::string body;
    AppendProtobufFamily(family, NameEscaping::kAllowUtf8, &body);
    input.grammar = ScrapeGrammar::kProtobuf;
    return Scrape(body, t);
  }
};

TEST_CASE("a counter begins with a zero, and again after each restart") {
  Rig r;
  REQUIRE(r.Open("a_total 5\na_created 0.5\n", 1000).ok());
  CHECK(r.counts.scraped == 1);
  CHECK(r.counts.added == 1);
  REQUIRE(r.Open("a_total 6\na_created 0.5\n", 2000).ok());
  CHECK(r.counts.added == 0);
  REQUIRE(r.Open("a_total 1\na_created 2.5\n", 3000).ok());
  CHECK(r.counts.added == 0);
  REQUIRE(r.Open("a_total 2\na_created 2.5\n", 4000).ok());
  CHECK(r.storage.Text("a_total") == "0@500 5@1000 6@2000 0@2500 1@3000 2@4000");
  CHECK(r.storage.series_count() == 1);
  CHECK(r.counts.duplicate + r.counts.out_of_order + r.counts.out_of_bounds == 0);
}

TEST_CASE("a start that is no older than its sample, or no newer than all samples, is no zero") {
  Rig r;
  REQUIRE(r.Open("a_total 5\na_created 1\n", 1000).ok());
  REQUIRE(r.Open("a_total 6\na_created 7\n", 2000).ok());
  REQUIRE(r.Open("a_total 7\na_created 2\n", 3000).ok());
  REQUIRE(r.Open("a_total 8\na_created 1.9\n", 4000).ok());
  CHECK(r.storage.Text("a_total") == "5@1000 6@2000 7@3000 8@4000");
}

TEST_CASE("series that come back begin anew, also behind a failed scrape") {
  Rig r;
  REQUIRE(r.Open("a_total 5\na_created 0.5\n", 1000).ok());
  REQUIRE(r.Open("", 2000).ok());
  REQUIRE(r.Open("a_total 6\na_created 0.5\n", 3000).ok());
  CHECK_FALSE(r.Open("a_total {\n", 4000).ok());
  REQUIRE(r.Open("a_total 1\na_created 4.5\n", 5000).ok());
  CHECK(r.storage.Text("a_total") == "0@500 5@1000 stale@2000 6@3000 stale@4000 0@4500 1@5000");
}

TEST_CASE("samples with timestamps of their own are what the start is older than") {
  for (const bool honor : {true, false}) {
    Rig r;
    r.config.honor_timestamps = honor;
    REQUIRE(r.Open("a_total 5 1\na_created 0.5\n", 3000).ok());
    REQUIRE(r.Open("a_total 6 2\na_created 0.5\n", 4000).ok());
    REQUIRE(r.Open("a_total 6 4.7\na_created 4.5\n", 5000).ok());
    CHECK(r.storage.Text("a_total") ==
          (honor ? "0@500 5@1000 6@2000 0@4500 6@4700" : "0@500 5@3000 6@4000 0@4500 6@5000"));
  }
}

TEST_CASE("native and classic histograms begin with zeros") {
  for (const bool native : {true, false}) {
    Rig r;
    r.input.native_histograms = native;
    r.input.always_classic = true;
    REQUIRE(r.Histogram(5, 500, 1000).ok());
    REQUIRE(r.Histogram(6, 500, 2000).ok());
    REQUIRE(r.Histogram(1, 2500, 3000).ok());
    REQUIRE(r.Histogram(2, std::nullopt, 4000).ok());
    const std::string want = "0@500 5@1000 6@2000 0@2500 1@3000 2@4000";
    CHECK(r.storage.Text("h") == (native ? want : ""));
    CHECK(r.storage.Text("h_count") == want);
    CHECK(r.storage.Text("h_bucket{le=\"1.0\"}") == want);
  }
}

TEST_CASE("converted histograms begin when their parts do") {
  Rig r;
  r.input.native_histograms = r.input.convert_classic = true;
  const auto scrape = [&](int count, const char* created, TimestampMs t) {
    const std::string lines = fmt::format(
        "h_bucket{{le=\"1\"}} {0}\nh_bucket{{le=\"+Inf\"}} {0}\nh_count {0}\nh_sum 1\n"
        "h_created {1}\n",
        count, created);
    r.input.grammar = ScrapeGrammar::kOpenMetrics;
    return r.Scrape("# TYPE h histogram\n" + lines + "# EOF\n", t);
  };
  REQUIRE(scrape(5, "0.5", 1000).ok());
  REQUIRE(scrape(6, "0.5", 2000).ok());
  REQUIRE(scrape(1, "2.5", 3000).ok());
  CHECK(r.storage.Text("h") == "0@500 5@1000 6@2000 0@2500 1@3000");
  CHECK(r.storage.series_count() == 1);
}

TEST_CASE("turned off, _created lines are series again and no zeros are stored") {
  Rig r;
  REQUIRE(r.Open("a_total 5\na_created 0.5\n", 1000).ok());
  r.input.store_starts = false;
  REQUIRE(r.Open("a_total 1\na_created 1.5\n", 2000).ok());
  CHECK(r.storage.Text("a_total") == "0@500 5@1000 1@2000");
  CHECK(r.storage.Text("a_created") == "1.5@2000");
}

}  // namespace
}  // namespace narthex::scrape
