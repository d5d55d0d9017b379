// The out-of-order window: what it takes, and that nothing of it is lost.

#include <random>

#include "core/log/log.h"
#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

using storage::AppendResult;

constexpr int64_t kT0 = 1'700'000'000'000 / 7'200'000 * 7'200'000;
constexpr int64_t kMinute = 60'000;

class Quiet {
 public:
  Quiet() { SetLogLevel(LogLevel::kError); }
  ~Quiet() { SetLogLevel(LogLevel::kInfo); }
};

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
      const AppendResult result = Append(*db, t, i, labels);
      auto& samples = want[labels.ToString()];
      const auto at = std::lower_bound(samples.begin(), samples.end(), std::pair(t, uint64_t{0}));
      const bool known = at != samples.end() && at->first == t;
      if (result == AppendResult::kOk && !known) samples.insert(at, {t, Bits(i)});
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
