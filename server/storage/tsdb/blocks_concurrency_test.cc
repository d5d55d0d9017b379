// Writers, readers, cuts, merges, deletions and snapshots at the same time.

#include <atomic>
#include <thread>

#include "core/log/log.h"
#include "server/storage/tsdb/testing.h"
#include "tests/eventually.h"

namespace narthex::tsdb {
namespace {

constexpr int64_t kHour = 3600'000;
constexpr int64_t kStep = 15'000;
constexpr int64_t kT0 = 1'700'006'400'000;
constexpr int kTicks = 1500;  // six hours
constexpr size_t kSeries = 16;

class Storm {
 public:
  explicit Storm(Db* db) : db_(*db) {}

  void Write() {
    auto group = db_.NewGroup();
    bool created = false;
    for (size_t i = 0; i < kSeries; ++i) {
      if (!group->AddMember(Labels{{"__name__", "steady"}, {"i", fmt::format("{}", i)}}, &created)
               .ok())
        ++faults_;
    }
    for (int tick = 0; tick < kTicks; ++tick) {
      const int64_t t = kT0 + tick * kStep;
      std::vector<double> values(kSeries);
      for (size_t i = 0; i < kSeries; ++i)
        values[i] = static_cast<double>(tick / 3 * (static_cast<int>(i) + 1));
      if (group->CommitTick(t, values).appended != kSeries) ++faults_;
      if (tick % 20 == 0) Churn(t);
      written_ = t;
      if (tick == 0) Eventually([&] { return reads_ > 0; });
    }
    done_ = true;
  }

  // Every sample of a steady series is there once, from the first to what the querier sees.
  void Read() {
    while (!done_) {
      const int64_t at_least = written_;
      const auto querier = db_.NewQuerier(INT64_MIN, INT64_MAX);
      const auto list =
          (*querier)->Select({}, std::vector<Matcher>{Matcher::Equal("__name__", "steady")});
      for (size_t s = 0; list.ok() && s < (*list)->size(); ++s) {
        storage::SampleColumns columns;
        if (!(*list)->Read(s, INT64_MIN, INT64_MAX, &columns).ok()) ++faults_;
        for (size_t k = 0; k < columns.size(); ++k) {
          if (columns.timestamps[k] != kT0 + static_cast<int64_t>(k) * kStep) {
            ++faults_;
            break;
          }
        }
        if (columns.size() > 0 && columns.timestamps.back() < at_least) ++faults_;
        ++reads_;
      }
    }
  }

  void Maintain() {
    TempDir snapshots;
    for (int round = 0; !done_; ++round) {
      if (!db_.Maintain().ok()) ++faults_;
      if (!db_.Delete(INT64_MIN, written_,
                      std::vector<Matcher>{Matcher::Equal("__name__", "churn")})
               .ok())
        ++faults_;
      if (round % 4 == 1 && !db_.CleanTombstones().ok()) ++faults_;
      if (round % 8 == 2 && !db_.Snapshot(fmt::format("{}/{}", snapshots.path(), round), true).ok())
        ++faults_;
    }
  }

  int faults() const { return faults_; }
  int reads() const { return reads_; }

 private:
  void Churn(int64_t t) {
    auto appender = db_.NewAppender();
    const auto result =
        appender->Append(Labels{{"__name__", "churn"}, {"at", fmt::format("{}", t)}}, t, 1);
    if (!result.ok() || !appender->Commit().ok()) ++faults_;
  }

  Db& db_;
  std::atomic<int64_t> written_{kT0};
  std::atomic<bool> done_{false};
  std::atomic<int> faults_{0};
  std::atomic<int> reads_{0};
};

TEST_CASE("Blocks come and go under readers and writers") {
  SetLogLevel(LogLevel::kError);
  TempDir dir;
  Options options = TestOptions(dir.path());
  options.chunk_range_ms = kHour;
  options.max_block_ms = 3 * kHour;
  options.retention_ms = 0;
  auto db = OpenDb(options);
  Storm storm(db.get());
  std::vector<std::thread> threads;
  threads.emplace_back([&] { storm.Maintain(); });
  for (int i = 0; i < 2; ++i) threads.emplace_back([&] { storm.Read(); });
  storm.Write();
  for (std::thread& thread : threads) thread.join();
  CHECK(storm.faults() == 0);
  CHECK(storm.reads() > 0);
  REQUIRE(db->Maintain().ok());
  CHECK_FALSE(db->Blocks().empty());
  const Contents before = Dump(*db, {Matcher::Equal("__name__", "steady")});
  REQUIRE(before.size() == kSeries);
  for (const auto& [name, samples] : before) CHECK(samples.size() == kTicks);
  db.reset();
  CheckSame(Dump(*OpenDb(options), {Matcher::Equal("__name__", "steady")}), before);
  SetLogLevel(LogLevel::kInfo);
}

}  // namespace
}  // namespace narthex::tsdb
