// What a rule yields, in the real storage.
#include "server/rules/output_series.h"

#include "server/storage/tsdb/testing.h"

namespace narthex::rules {
namespace {

constexpr int64_t kT0 = 1'700'000'000'000;

Labels Named(const std::string& name) { return Labels{{"__name__", name}}; }

std::shared_ptr<const FloatHistogram> Histogram(double count) {
  FloatHistogram h{.schema = 0, .count = count, .sum = 2 * count};
  h.positive_spans = {{0, 1}};
  h.positive_buckets = {count};
  return std::make_shared<const FloatHistogram>(std::move(h));
}

struct Fixture {
  TempDir dir;
  std::unique_ptr<tsdb::Db> db = tsdb::OpenDb(tsdb::TestOptions(dir.path()));
  std::optional<OutputSeries> output{std::in_place, db.get()};

  OutputSeries::Written Write(int tick, const std::vector<OutputSample>& samples) {
    return output->Write(kT0 + tick * 1000, samples);
  }
  // "1 h3 stale": numbers, counts of histograms.
  std::string Text(const std::string& name) {
    auto querier = db->NewQuerier(INT64_MIN, INT64_MAX);
    REQUIRE(querier.ok());
    const std::vector<Matcher> matchers = {Matcher::Equal("__name__", name)};
    auto list = (*querier)->Select({}, matchers);
    REQUIRE(list.ok());
    if ((*list)->size() == 0) return "";
    storage::SampleColumns columns;
    REQUIRE((*list)->Read(0, INT64_MIN, INT64_MAX, &columns).ok());
    std::string out;
    for (size_t i = 0; i < columns.size(); ++i) {
      if (!out.empty()) out += ' ';
      if (storage::IsStaleNaN(columns.values[i])) {
        out += "stale";
      } else if (columns.IsHistogram(i)) {
        out += fmt::format("h{}", columns.histograms[columns.histogram_index[i]].count);
      } else {
        out += fmt::format("{}", columns.values[i]);
      }
    }
    return out;
  }
};

bool Clean(const OutputSeries::Written& w) {
  return w.first_error.ok() &&
         w.commit.out_of_order + w.commit.duplicate + w.commit.out_of_bounds + w.commit.refused ==
             0;
}

TEST_CASE("numbers and histograms of one rule are written and ended") {
  Fixture f;
  CHECK(Clean(f.Write(0, {{Named("a"), 1}, {Named("h"), 0, Histogram(1)}})));
  const auto second = f.Write(1, {{Named("a"), 2}, {Named("h"), 0, Histogram(2)}});
  CHECK(Clean(second));
  CHECK(second.commit.appended == 2);
  CHECK(f.output->size() == 2);
  CHECK(Clean(f.Write(2, {{Named("a"), 3}})));
  CHECK(f.output->size() == 1);
  CHECK(Clean(f.Write(3, {{Named("h"), 0, Histogram(4)}})));
  CHECK(Clean(f.Write(4, {})));
  CHECK(Clean(f.Write(5, {})));
  CHECK(f.Text("a") == "1 2 3 stale");
  CHECK(f.Text("h") == "h1 h2 stale h4 stale");
}

TEST_CASE("a series may change between numbers and histograms without an end between") {
  Fixture f;
  for (int tick = 0; tick < 8; ++tick) {
    const bool histogram = tick / 2 % 2 == 1;
    OutputSample sample{Named("x"), static_cast<double>(tick), nullptr};
    if (histogram) sample.histogram = Histogram(tick);
    INFO(tick);
    CHECK(Clean(f.Write(tick, {sample, {Named("other"), 7}})));
  }
  CHECK(Clean(f.Write(8, {{Named("other"), 7}})));
  CHECK(f.Text("x") == "0 1 h2 h3 4 5 h6 h7 stale");
  CHECK(f.Text("other") == "7 7 7 7 7 7 7 7 7");
}

TEST_CASE("what the storage does not take is counted, and goes on with what comes next") {
  Fixture f;
  FloatHistogram bad = *Histogram(1);
  bad.positive_spans = {{0, 3}};
  const auto written = f.Write(0, {{Named("bad"), 0, std::make_shared<const FloatHistogram>(bad)},
                                   {Named("good"), 0, Histogram(1)}});
  CHECK(written.commit.refused == 1);
  CHECK_FALSE(written.first_error.ok());
  CHECK(f.Text("good") == "h1");
  CHECK(f.Text("bad").empty());
  const auto again = f.Write(0, {{Named("good"), 0, Histogram(2)}});
  CHECK(again.commit.duplicate == 1);
  CHECK(f.Write(-5, {{Named("good"), 0, Histogram(2)}}).commit.out_of_order == 1);
}

}  // namespace
}  // namespace narthex::rules
