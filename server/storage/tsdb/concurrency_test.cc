// Writers, readers, conversions and collection at once; for ThreadSanitizer and for torn reads.

#include <atomic>
#include <random>
#include <thread>

#include "core/log/log.h"
#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

constexpr int64_t kT0 = 1'700'000'000'000;
constexpr int kSeries = 70;

TEST_CASE("Readers see whole ticks while everything moves") {
  SetLogLevel(LogLevel::kError);
  TempDir dir;
  Options options = TestOptions(dir.path());
  options.wal_segment_bytes = 128 << 10;
  auto db = OpenDb(options);
  std::atomic<bool> stop{false};
  std::atomic<int64_t> now{kT0};
  std::atomic<uint64_t> torn{0}, reads{0};

  std::vector<std::thread> threads;
  // Two targets whose series all have the same value in a tick.
  for (int w = 0; w < 2; ++w) {
    threads.emplace_back([&, w] {
      std::mt19937 random(static_cast<unsigned>(w));
      auto group = db->NewGroup();
      bool created;
      const auto join = [&] {
        for (int s = 0; s < kSeries; ++s) {
          (void)group->AddMember(
              Labels{{"__name__", "tick"}, {"w", std::to_string(w)}, {"s", std::to_string(s)}},
              &created);
        }
      };
      join();
      for (int t = 0; t < 1200; ++t) {
        group->CommitTick(now.fetch_add(1000) + 1000,
                          std::vector<double>(group->member_count(), t));
        if (random() % 200 == 0) {
          group.reset();
          group = db->NewGroup();
          join();
        }
      }
      stop = true;
    });
  }
  // An appender that commits pairs.
  threads.emplace_back([&] {
    auto appender = db->NewAppender();
    for (int i = 0; !stop; ++i) {
      const int64_t t = now.load();
      for (const char* side : {"left", "right"}) {
        (void)appender->Append(Labels{{"__name__", "pair"}, {"side", side}}, t, i);
      }
      (void)appender->Commit();
      // A series that comes and goes, and one that a target writes as well.
      (void)appender->Append(Labels{{"__name__", "churn"}, {"n", std::to_string(i % 500)}}, t, i);
      (void)appender->Commit();
    }
  });
  for (int r = 0; r < 2; ++r) {
    threads.emplace_back([&] {
      storage::SampleColumns columns;
      while (!stop || reads == 0) {
        auto querier = db->NewQuerier(INT64_MIN, INT64_MAX);
        for (const char* w : {"0", "1"}) {
          auto list = (*querier)->Select(
              {}, std::vector<Matcher>{Matcher::Equal("__name__", "tick"), Matcher::Equal("w", w)});
          size_t newest = 0;
          int64_t newest_time = 0;
          for (size_t i = 0; i < (*list)->size(); ++i) {
            columns.Clear();
            if (!(*list)->Read(i, INT64_MIN, INT64_MAX, &columns).ok()) ++torn;
            if (columns.size() == 0) continue;
            if (newest == 0) newest = columns.size(), newest_time = columns.timestamps.back();
            // All members of a target end with the same tick.
            if (columns.timestamps.back() != newest_time) ++torn;
            for (size_t k = 1; k < columns.size(); ++k) {
              if (columns.timestamps[k] <= columns.timestamps[k - 1]) ++torn;
            }
            int64_t t;
            double v;
            const bool last =
                (*list)->Last(i, INT64_MIN, newest_time, &t, &v) && v == columns.values.back();
            // A slow reader's newest sample may have been cut since.
            if (!last && newest_time > now.load() - 100'000) ++torn;
            (void)(*list)->labels(i);
            ++reads;
          }
        }
        auto pair =
            (*querier)->Select({}, std::vector<Matcher>{Matcher::Equal("__name__", "pair")});
        if ((*pair)->size() == 2) {
          storage::SampleColumns left, right;
          (void)(*pair)->Read(0, INT64_MIN, INT64_MAX, &left);
          (void)(*pair)->Read(1, INT64_MIN, INT64_MAX, &right);
          // A cut may come between the two reads and take from the front.
          const size_t n = std::min(left.size(), right.size());
          if (!std::equal(left.values.end() - static_cast<long>(n), left.values.end(),
                          right.values.end() - static_cast<long>(n))) {
            ++torn;
          }
        }
        bool cut;
        (void)(*querier)->LabelValues("n", {}, 0, &cut);
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop) {
      (void)db->Truncate(now.load() - 100'000);
      (void)db->Checkpoint();
      (void)db->GetStats(5);
    }
  });
  for (std::thread& t : threads) t.join();
  CHECK(torn == 0);
  CHECK(reads > 0);
  // What is older than the last cut may or may not be there.
  const int64_t since = now.load() - 100'000;
  const Contents want = Dump(*db, {}, since);
  db.reset();
  CheckSame(Dump(*OpenDb(options), {}, since), want);
  SetLogLevel(LogLevel::kInfo);
}

}  // namespace
}  // namespace narthex::tsdb
