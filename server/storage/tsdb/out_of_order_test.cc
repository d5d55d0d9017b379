// The out-of-order window: what it takes, and that nothing of it is lost.

#include <random>

#include "core/log/log.h"
#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

using storage::AppendResult;

constexpr int64_t kT0 = 1'700'000'000'000 / 7'200'000 * 7'200'000;
constexpr int64_t kMinute = 60'000;

const Labels kSeries{{"__name__", "x"}, {"job", "late"}};

AppendResult Append(Db& db, int64_t t, double v, const Labels& labels = kSeries) {
  auto appender = db.NewAppender();
  const auto result = appender->Append(labels, t, v);
  REQUIRE(result.ok());
  REQUIRE(appender->Commit(true).ok());
  return *result;
}

TEST_CASE("The window decides what late samples are") {
  Quiet quiet;
  TempDir dir;
  Options options = TestOptions(dir.path());
  auto db = OpenDb(options);
  CHECK(Append(*db, kT0 + 120 * kMinute, 1) == AppendResult::kOk);
  CHECK(Append(*db, kT0 + 100 * kMinute, 2) == AppendResult::kOutOfOrder);
  CHECK(Append(*db, kT0, 2) == AppendResult::kOutOfBounds);
  db->SetOutOfOrderWindow(30 * kMinute);
  CHECK(Append(*db, kT0 + 100 * kMinute, 2) == AppendResult::kOk);
  CHECK(Append(*db, kT0 + 90 * kMinute, 3) == AppendResult::kOk);
  CHECK(Append(*db, kT0 + 90 * kMinute - 1, 3) == AppendResult::kTooOld);
  CHECK(Append(*db, kT0, 2) == AppendResult::kTooOld);
  // The newest sample is still protected, and repeated late ones change nothing.
  CHECK(Append(*db, kT0 + 120 * kMinute, 1) == AppendResult::kOk);
  CHECK(Append(*db, kT0 + 120 * kMinute, 9) == AppendResult::kDuplicate);
  CHECK(Append(*db, kT0 + 100 * kMinute, 7) == AppendResult::kOk);
  const Contents want{{kSeries.ToString(),
                       {{kT0 + 90 * kMinute, Bits(3)},
                        {kT0 + 100 * kMinute, Bits(2)},
                        {kT0 + 120 * kMinute, Bits(1)}}}};
  CheckSame(Dump(*db), want);
  db->SetOutOfOrderWindow(0);
  CHECK(Append(*db, kT0 + 110 * kMinute, 2) == AppendResult::kOutOfOrder);
  db.reset();
  CheckSame(Dump(*OpenDb(options)), want);
}

TEST_CASE("The first samples of an empty head may come in any order") {
  Quiet quiet;
  TempDir dir;
  Options options = TestOptions(dir.path());
  options.out_of_order_window_ms = 30 * kMinute;
  auto db = OpenDb(options);
  auto appender = db->NewAppender();
  const auto append = [&](int64_t t) { return appender->Append(kSeries, t, 1).value(); };
  CHECK(append(kT0 + 60 * kMinute) == AppendResult::kOk);
  CHECK(append(kT0 + 40 * kMinute) == AppendResult::kOk);
  CHECK(append(kT0 + 90 * kMinute) == AppendResult::kOk);
  CHECK(append(kT0 + 50 * kMinute) == AppendResult::kOk);
  CHECK(append(kT0) == AppendResult::kTooOld);
  REQUIRE(appender->Commit(true).ok());
  const Contents want = Dump(*db);
  CHECK(want.at(kSeries.ToString()).size() == 4);
  db.reset();
  CheckSame(Dump(*OpenDb(options)), want);
}

TEST_CASE("Late samples of a series that only has such are seen") {
  Quiet quiet;
  TempDir dir;
  Options options = TestOptions(dir.path());
  options.out_of_order_window_ms = 300 * kMinute;
  auto db = OpenDb(options);
  CHECK(Append(*db, kT0 + 300 * kMinute, 1) == AppendResult::kOk);
  const Labels other{{"__name__", "y"}};
  CHECK(Append(*db, kT0 + 10 * kMinute, 4, other) == AppendResult::kOk);
  const Contents want = Dump(*db);
  CHECK(want.at(other.ToString()) == Samples{{kT0 + 10 * kMinute, Bits(4)}});
  db.reset();
  CheckSame(Dump(*OpenDb(options)), want);
}

TEST_CASE("A late tick of a group is kept") {
  Quiet quiet;
  TempDir dir;
  Options options = TestOptions(dir.path());
  options.out_of_order_window_ms = 10 * kMinute;
  auto db = OpenDb(options);
  auto group = db->NewGroup();
  bool created;
  REQUIRE(group->AddMember(kSeries, &created).ok());
  CHECK(group->CommitTick(kT0, std::vector<double>{1}).appended == 1);
  CHECK(group->CommitTick(kT0 + 60 * kMinute, std::vector<double>{2}).appended == 1);
  CHECK(group->CommitTick(kT0 + 55 * kMinute, std::vector<double>{3}).appended == 1);
  CHECK(group->CommitTick(kT0 + 20 * kMinute, std::vector<double>{3}).out_of_bounds == 1);
  CHECK(group->CommitTick(kT0 + 61 * kMinute, std::vector<double>{4}).appended == 1);
  const Contents want{{kSeries.ToString(),
                       {{kT0, Bits(1)},
                        {kT0 + 55 * kMinute, Bits(3)},
                        {kT0 + 60 * kMinute, Bits(2)},
                        {kT0 + 61 * kMinute, Bits(4)}}}};
  CheckSame(Dump(*db), want);
  group.reset();
  db.reset();
  CheckSame(Dump(*OpenDb(options)), want);
}

// A histogram that tells its number by what it counts.
IntHistogram Counting(uint64_t n) {
  return {.schema = 1,
          .zero_threshold = 0.001,
          .zero_count = n,
          .count = 2 * n + 3,
          .sum = static_cast<double>(n),
          .positive_spans = {{static_cast<int32_t>(n % 7), 2}},
          .positive_deltas = {static_cast<int64_t>(n), -static_cast<int64_t>(n) + 3}};
}

template <typename Histogram>
  requires(!std::is_arithmetic_v<Histogram>)
AppendResult Append(Db& db, int64_t t, const Histogram& h, const Labels& labels = kSeries) {
  auto appender = db.NewAppender();
  const auto result = appender->AppendHistogram(labels, t, h);
  REQUIRE(result.ok());
  REQUIRE(appender->Commit(true).ok());
  return *result;
}

uint64_t BitsOf(const IntHistogram& h) { return HistogramBits(ToFloat(h)); }

double Metric(Registry& registry, const std::string& name, const std::string& type) {
  for (const MetricFamily& family : registry.Gather().families) {
    if (family.name != name) continue;
    for (const MetricSample& sample : family.samples) {
      if (sample.labels[0].value == type) return sample.value;
    }
  }
  FAIL("no metric " << name << " of type " << type);
  return 0;
}

TEST_CASE("Histograms come late too") {
  Quiet quiet;
  TempDir dir;
  Registry registry;
  Options options = TestOptions(dir.path());
  options.registry = &registry;
  auto db = OpenDb(options);
  CHECK(Append(*db, kT0 + 120 * kMinute, Counting(1)) == AppendResult::kOk);
  CHECK(Append(*db, kT0 + 100 * kMinute, Counting(2)) == AppendResult::kOutOfOrder);
  CHECK(Append(*db, kT0, Counting(2)) == AppendResult::kOutOfBounds);
  db->SetOutOfOrderWindow(30 * kMinute);
  CHECK(Append(*db, kT0 + 100 * kMinute, Counting(2)) == AppendResult::kOk);
  CHECK(Append(*db, kT0 + 95 * kMinute, ToFloat(Counting(9))) == AppendResult::kOk);
  CHECK(Append(*db, kT0 + 110 * kMinute, storage::StaleNaN()) == AppendResult::kOk);
  CHECK(Append(*db, kT0 + 105 * kMinute, 7.0) == AppendResult::kOk);
  CHECK(Append(*db, kT0 + 90 * kMinute - 1, Counting(3)) == AppendResult::kTooOld);
  // The newest sample is still protected, and repeated late ones change nothing, of any kind.
  CHECK(Append(*db, kT0 + 120 * kMinute, Counting(8)) == AppendResult::kDuplicate);
  CHECK(Append(*db, kT0 + 100 * kMinute, Counting(7)) == AppendResult::kOk);
  CHECK(Append(*db, kT0 + 100 * kMinute, 7.0) == AppendResult::kOk);
  CHECK(Append(*db, kT0 + 105 * kMinute, Counting(7)) == AppendResult::kOk);
  const Contents want{{kSeries.ToString(),
                       {{kT0 + 95 * kMinute, BitsOf(Counting(9))},
                        {kT0 + 100 * kMinute, BitsOf(Counting(2))},
                        {kT0 + 105 * kMinute, Bits(7.0)},
                        {kT0 + 110 * kMinute, storage::kStaleNaNBits},
                        {kT0 + 120 * kMinute, BitsOf(Counting(1))}}}};
  CheckSame(Dump(*db), want);
  const std::string prefix = "prometheus_tsdb_";
  CHECK(Metric(registry, prefix + "out_of_order_samples_total", "histogram") == 1);
  CHECK(Metric(registry, prefix + "out_of_order_samples_total", "float") == 0);
  CHECK(Metric(registry, prefix + "out_of_bound_samples_total", "histogram") == 1);
  CHECK(Metric(registry, prefix + "too_old_samples_total", "histogram") == 1);
  CHECK(Metric(registry, prefix + "head_out_of_order_samples_appended_total", "histogram") == 2);
  CHECK(Metric(registry, prefix + "head_out_of_order_samples_appended_total", "float") == 2);

  // The newest sample at some time says that it is a histogram.
  auto querier = db->NewQuerier(INT64_MIN, INT64_MAX);
  auto list = (*querier)->Select({}, {});
  TimestampMs t;
  double value;
  REQUIRE((*list)->Last(0, kT0, kT0 + 101 * kMinute, &t, &value));
  CHECK(t == kT0 + 100 * kMinute);
  CHECK(storage::IsHistogramNaN(value));
  REQUIRE((*list)->Last(0, kT0, kT0 + 111 * kMinute, &t, &value));
  CHECK(storage::IsStaleNaN(value));
  // Nothing is said about resets between samples that came apart.
  storage::SampleColumns columns;
  REQUIRE((*list)->Read(0, INT64_MIN, INT64_MAX, &columns).ok());
  for (const FloatHistogram& h : columns.histograms) CHECK(h.reset == CounterResetHint::kUnknown);
  list->reset();
  querier->reset();

  SECTION("and stay when the log is read again") {
    db.reset();
    CheckSame(Dump(*OpenDb(options)), want);
  }
  SECTION("and stay through a checkpoint") {
    REQUIRE(db->Checkpoint().ok());
    db.reset();
    CheckSame(Dump(*OpenDb(options)), want);
  }
  SECTION("and are in a snapshot") {
    REQUIRE(db->Snapshot(dir.path() + "/snapshot", /*with_head=*/true).ok());
    Options copy = TestOptions(dir.path() + "/snapshot");
    copy.retention_ms = 0;
    CheckSame(Dump(*OpenDb(copy)), want);
  }
  SECTION("and go with an export") {
    REQUIRE(db->ExportLog().ok());
    REQUIRE(db->Close().ok());
    db.reset();
    std::filesystem::remove_all(dir.path() + "/head");
    CheckSame(Dump(*OpenDb(options)), want);
  }
  SECTION("but deleted ones are gone") {
    REQUIRE(db->Delete(kT0 + 99 * kMinute, kT0 + 106 * kMinute, {}).ok());
    Contents left = want;
    auto& samples = left.begin()->second;
    samples.erase(samples.begin() + 1, samples.begin() + 3);
    CheckSame(Dump(*db), left);
  }
}

TEST_CASE("Random late samples survive packing, checkpoints, cuts and restarts") {
  Quiet quiet;
  for (unsigned seed = 1; seed <= 4; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    TempDir dir;
    Options options = TestOptions(dir.path());
    options.out_of_order_window_ms = 600 * kMinute;
    options.out_of_order_cap = seed % 2 == 0 ? 5 : 32;
    options.retention_ms = 0;
    auto db = OpenDb(options);
    Contents want;
    int64_t newest = kT0;
    for (int i = 0; i < 1500; ++i) {
      const Labels labels{{"__name__", "x"}, {"i", std::to_string(random() % 6)}};
      newest += random() % kMinute;
      const int64_t t =
          random() % 3 == 0 ? newest : newest - static_cast<int64_t>(random() % (500 * kMinute));
      if (t < kT0) continue;
      // Each series holds what it likes, also mixed.
      const unsigned kind = random() % 4;
      const AppendResult result = kind == 0   ? Append(*db, t, Counting(i), labels)
                                  : kind == 1 ? Append(*db, t, ToFloat(Counting(i)), labels)
                                              : Append(*db, t, static_cast<double>(i), labels);
      auto& samples = want[labels.ToString()];
      const auto at = std::lower_bound(samples.begin(), samples.end(), std::pair(t, uint64_t{0}));
      const bool known = at != samples.end() && at->first == t;
      if (result == AppendResult::kOk && !known) {
        samples.insert(at, {t, kind < 2 ? BitsOf(Counting(i)) : Bits(static_cast<double>(i))});
      }
      if (random() % 200 == 0) REQUIRE(db->Checkpoint().ok());
      if (random() % 300 == 0) REQUIRE(db->Maintain().ok());
      if (random() % 400 != 0) continue;
      CheckSame(Dump(*db), want);
      db.reset();
      db = OpenDb(options);
      CheckSame(Dump(*db), want);
    }
    REQUIRE(db->CompactNow().ok());
    CheckSame(Dump(*db), want);
    db.reset();
    CheckSame(Dump(*OpenDb(options)), want);
  }
}

}  // namespace
}  // namespace narthex::tsdb
