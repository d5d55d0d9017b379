// Compaction of stale series, and the delay of cuts.

#include "core/log/log.h"
#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

constexpr int64_t kT0 = 1'700'000'000'000 / 7'200'000 * 7'200'000;
constexpr int64_t kMinute = 60'000;

Labels Named(int i) { return {{"__name__", "m"}, {"i", std::to_string(i)}}; }

void Append(Db& db, const Labels& labels, int64_t t, double v) {
  auto appender = db.NewAppender();
  const auto result = appender->Append(labels, t, v);
  REQUIRE(result.ok());
  REQUIRE(*result == storage::AppendResult::kOk);
  REQUIRE(appender->Commit(true).ok());
}

// Ten series of a source that goes, and ten that stay; one more of each with an appender, and a
// histogram that ends.
struct Rig {
  Quiet quiet;
  TempDir dir;
  Options options = TestOptions(dir.path());
  std::unique_ptr<Db> db;
  std::unique_ptr<storage::GroupWriter> stays;
  std::vector<double> values;

  Rig() {
    options.stale_series_threshold = 0.4;
    db = OpenDb(options);
    auto goes = db->NewGroup();
    stays = db->NewGroup();
    bool created;
    for (int i = 0; i < 10; ++i) {
      REQUIRE(goes->AddMember(Named(i), &created).ok());
      REQUIRE(stays->AddMember(Named(100 + i), &created).ok());
    }
    values.assign(10, 0);
    for (int64_t t = kT0; t < kT0 + 40 * kMinute; t += kMinute) {
      for (double& v : values) v += 1;
      CHECK(goes->CommitTick(t, values).appended == 10);
      CHECK(stays->CommitTick(t, values).appended == 10);
    }
    const std::vector<double> ends(10, storage::StaleNaN());
    CHECK(goes->CommitTick(kT0 + 41 * kMinute, ends).appended == 10);
    CHECK(stays->CommitTick(kT0 + 41 * kMinute, values).appended == 10);
    Append(*db, Named(50), kT0 + 1, 1);
    Append(*db, Named(50), kT0 + 2, storage::StaleNaN());
    Append(*db, Named(51), kT0 + 2, 2);
    auto appender = db->NewAppender();
    const IntHistogram h{.count = 1, .sum = 3, .positive_spans = {{0, 1}}, .positive_deltas = {1}};
    REQUIRE(appender->AppendHistogram(Named(60), kT0 + 1, h).ok());
    REQUIRE(appender->Commit(true).ok());
    Append(*db, Named(60), kT0 + 2, storage::StaleNaN());
  }
  size_t StaleBlocks() const {
    size_t n = 0;
    for (const BlockMeta& block : db->Blocks()) n += block.compaction.HasHint(kHintStaleSeries);
    return n;
  }
};

TEST_CASE("Series that have ended leave the head for a block when they are many") {
  Rig r;
  const Contents want = Dump(*r.db);
  REQUIRE(want.size() == 23);
  SECTION("not below the threshold, nor when it is off") {
    r.db->SetStaleSeriesThreshold(0.6);
    REQUIRE(r.db->Maintain().ok());
    r.db->SetStaleSeriesThreshold(0);
    REQUIRE(r.db->Maintain().ok());
    CHECK(r.db->series_count() == 23);
    CHECK(r.db->Blocks().empty());
  }
  SECTION("above") {
    REQUIRE(r.db->Maintain().ok());
    CHECK(r.db->series_count() == 11);
    REQUIRE(r.StaleBlocks() == 1);
    const BlockMeta block = r.db->Blocks()[0];
    CHECK(block.min_time == kT0);
    CHECK(block.max_time == kT0 + 120 * kMinute);
    CHECK(block.stats.series == 12);
    CHECK(block.stats.samples == 10 * 41 + 4);
    CheckSame(Dump(*r.db), want);
    // Nothing more to do.
    REQUIRE(r.db->Maintain().ok());
    CHECK(r.db->Blocks().size() == 1);

    SECTION("and stay away after a restart") {
      r.stays.reset();
      r.db.reset();
      r.db = OpenDb(r.options);
      CHECK(r.db->series_count() == 11);
      CheckSame(Dump(*r.db), want);
    }
    SECTION("also through a checkpoint") {
      REQUIRE(r.db->Checkpoint().ok());
      r.stays.reset();
      r.db.reset();
      r.db = OpenDb(r.options);
      CHECK(r.db->series_count() == 11);
      CheckSame(Dump(*r.db), want);
    }
    SECTION("and come back with new samples") {
      Append(*r.db, Named(3), kT0 + 42 * kMinute, 7);
      CHECK(r.db->series_count() == 12);
      Contents more = want;
      more[Named(3).ToString()].emplace_back(kT0 + 42 * kMinute, Bits(7));
      CheckSame(Dump(*r.db), more);
      // The cut of the rest is a block beside, never merged with the partial one.
      for (int64_t t = kT0 + 43 * kMinute; t < kT0 + 190 * kMinute; t += kMinute) {
        CHECK(r.stays->CommitTick(t, r.values).appended == 10);
        for (int i = 0; i < 10; ++i) more[Named(100 + i).ToString()].emplace_back(t, Bits(40));
      }
      REQUIRE(r.db->CompactNow().ok());
      CHECK(r.db->Blocks().size() == 2);
      CHECK(r.StaleBlocks() == 1);
      CheckSame(Dump(*r.db), more);
    }
  }
  SECTION("but wait for readers from before") {
    auto querier = r.db->NewQuerier(INT64_MIN, INT64_MAX);
    auto list = (*querier)->Select({}, {});
    r.db->SetStaleSeriesThreshold(0.4);
    REQUIRE(r.db->Maintain().ok());
    CHECK(r.StaleBlocks() == 1);
    CHECK(r.db->series_count() == 23);
    for (size_t i = 0; i < (*list)->size(); ++i) CHECK_FALSE(ReadSeries(**list, i).empty());
    // One of them goes on meanwhile.
    Append(*r.db, Named(50), kT0 + 3, 9);
    list->reset();
    querier->reset();
    REQUIRE(r.db->Maintain().ok());
    CHECK(r.db->series_count() == 12);
    CHECK(r.StaleBlocks() == 1);
    Contents more = want;
    more[Named(50).ToString()].emplace_back(kT0 + 3, Bits(9));
    CheckSame(Dump(*r.db), more);
  }
}

TEST_CASE("Cuts wait for a random part of the chunk range when they shall") {
  Quiet quiet;
  TempDir dir;
  FakeClock clock(kT0);
  int asked = 0;
  Options options = TestOptions(dir.path());
  options.clock = &clock;
  options.compaction_delay_percent = 10;
  options.random = [&] { return ++asked, 0.5; };
  auto db = OpenDb(options);
  for (int i = 0; i <= 190; ++i) Append(*db, Named(1), kT0 + i * kMinute, i);
  REQUIRE(db->Maintain().ok());
  CHECK(db->Blocks().empty());
  clock.Advance(std::chrono::minutes(5));
  REQUIRE(db->Maintain().ok());
  CHECK(db->Blocks().empty());
  clock.Advance(std::chrono::minutes(1) + std::chrono::seconds(1));
  REQUIRE(db->Maintain().ok());
  CHECK(db->Blocks().size() == 1);
  CHECK(asked == 1);
  // The next cut has a delay of its own, and who asks for it does not wait.
  for (int i = 191; i <= 320; ++i) Append(*db, Named(1), kT0 + i * kMinute, i);
  REQUIRE(db->Maintain().ok());
  CHECK(db->Blocks().size() == 1);
  CHECK(asked == 2);
  // A clock that goes back begins the delay again, it does not make it longer.
  clock.Advance(std::chrono::hours(-24));
  REQUIRE(db->Maintain().ok());
  CHECK(asked == 3);
  REQUIRE(db->CompactNow().ok());
  CHECK(db->Blocks().size() == 2);
}

}  // namespace
}  // namespace narthex::tsdb
