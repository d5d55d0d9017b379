// Blocks as part of the database: cut from the head, merged, served, retained, deleted from.

#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/base/file.h"
#include "core/log/log.h"
#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kHour = 3600'000;
constexpr int64_t kT0 = 1'700'006'400'000;  // on an hour of two

Options HourBlocks(const std::string& dir) {
  Options options = TestOptions(dir);
  options.chunk_range_ms = kHour;
  options.max_block_ms = 3 * kHour;
  options.retention_ms = 0;
  return options;
}

// Some regular series, some that come and go, some with timestamps of their own.
void Fill(Db* db, int64_t from, int64_t to) {
  bool created;
  auto steady = db->NewGroup();
  for (int i = 0; i < 20; ++i) {
    REQUIRE(steady->AddMember(Labels{{"__name__", "steady"}, {"i", fmt::format("{}", i)}}, &created)
                .ok());
  }
  std::vector<double> values(20);
  for (int64_t t = from; t < to; t += 30'000) {
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] =
          i % 3 == 0 ? 1.0 : static_cast<double>(t / 1000 % (100 + 7 * static_cast<int64_t>(i)));
    }
    steady->CommitTick(t, values);
    if (t % (10 * 60'000) == 0) {
      auto appender = db->NewAppender();
      REQUIRE(appender->Append(Labels{{"__name__", "sparse"}}, t + 1, 0.5).ok());
      REQUIRE(appender
                  ->Append(Labels{{"__name__", "churn"}, {"at", fmt::format("{}", t / kHour)}},
                           t + 2, 0.25)
                  .ok());
      REQUIRE(appender->Commit(true).ok());
    }
  }
}

size_t FilesIn(const std::string& dir) {
  const auto names = ListDirectory(dir);
  return names.ok() ? names->size() : 0;
}

TEST_CASE("Chunks of blocks have as many floats as asked for") {
  Quiet quiet;
  // 240 samples in a range of two hours.
  for (const auto& [asked, least, most] : std::vector<std::tuple<int, uint64_t, uint64_t>>{
           {120, 2, 2}, {30, 8, 12}, {7, 34, 60}, {1, 240, 240}, {240, 1, 1}, {100'000, 1, 1}}) {
    INFO(asked);
    TempDir dir;
    Options options = TestOptions(dir.path());
    options.retention_ms = 0;
    options.samples_per_chunk = asked;
    auto db = OpenDb(options);
    bool created;
    auto group = db->NewGroup();
    constexpr size_t kMembers = 300;  // more than those that fill their chunks at once
    for (size_t i = 0; i < kMembers; ++i) {
      REQUIRE(
          group->AddMember(Labels{{"__name__", "member"}, {"i", fmt::format("{}", i)}}, &created)
              .ok());
    }
    std::vector<double> values(kMembers, 1);
    const Labels own{{"__name__", "own_times"}};
    for (int i = 0; i < 375; ++i) {
      const int64_t t = kT0 + i * 30'000;
      values[0] = i;
      values[1] = i * 0.731;
      REQUIRE(group->CommitTick(t, values).appended == kMembers);
      auto appender = db->NewAppender();
      REQUIRE(appender->Append(own, t + 1, i).ok());
      REQUIRE(appender->Commit(true).ok());
    }
    const Contents before = Dump(*db);
    group.reset();
    db.reset();
    db = OpenDb(options);
    CheckSame(Dump(*db), before);
    REQUIRE(db->Maintain().ok());
    REQUIRE(db->Blocks().size() == 1);
    const auto stats = db->Blocks()[0].stats;
    CHECK(stats.samples == 240 * (kMembers + 1));
    CHECK(stats.chunks >= least * (kMembers + 1));
    CHECK(stats.chunks <= most * (kMembers + 1) + 2);  // values that move may fill a kilobyte
    CheckSame(Dump(*db), before);
  }
}

TEST_CASE("Old samples move from the head into blocks") {
  Quiet quiet;
  TempDir dir;
  const Options options = HourBlocks(dir.path());
  auto db = OpenDb(options);
  Fill(db.get(), kT0, kT0 + 5 * kHour);
  const Contents before = Dump(*db);
  const uint64_t series = db->series_count();
  REQUIRE(db->Maintain().ok());

  const std::vector<BlockMeta> blocks = db->Blocks();
  REQUIRE(blocks.size() == 2);  // three of an hour, and the first of the next three
  CHECK(blocks[0].min_time == kT0);
  CHECK(blocks.back().max_time == kT0 + 4 * kHour);
  CheckSame(Dump(*db), before);
  CHECK(db->GetStats(1).min_time == kT0 + 4 * kHour);
  CHECK(db->min_time() == kT0);
  CHECK(db->max_time() == kT0 + 5 * kHour - 30'000);
  CHECK(db->series_count() < series);  // those that ended have left
  // Ranges that touch only blocks, only the head, and both.
  for (const auto& [mint, maxt] :
       std::vector<std::pair<int64_t, int64_t>>{{kT0, kT0 + kHour},
                                                {kT0 + 4 * kHour, kT0 + 5 * kHour},
                                                {kT0 + 200'000, kT0 + 4 * kHour + 400'000},
                                                {kT0 - kHour, kT0 - 1},
                                                {kT0 + 4 * kHour - 1, kT0 + 4 * kHour}}) {
    Contents want;
    for (const auto& [name, samples] : before) {
      for (const auto& sample : samples) {
        if (sample.first >= mint && sample.first <= maxt) want[name].push_back(sample);
      }
    }
    CheckSame(Dump(*db, {}, mint, maxt), want);
  }
  db.reset();
  db = OpenDb(options);
  CHECK(db->Blocks() == blocks);
  CheckSame(Dump(*db), before);
  // Writing goes on where it ended.
  Fill(db.get(), kT0 + 5 * kHour, kT0 + 9 * kHour);
  const Contents more = Dump(*db);
  REQUIRE(db->Maintain().ok());
  CHECK(db->Blocks().size() > 2);
  CheckSame(Dump(*db), more);
}

TEST_CASE("A cut frees what it took") {
  Quiet quiet;
  TempDir dir;
  Options options = HourBlocks(dir.path());
  auto db = OpenDb(options);
  size_t most = 0;
  for (int hour = 0; hour < 12; ++hour) {
    Fill(db.get(), kT0 + hour * kHour, kT0 + (hour + 1) * kHour);
    REQUIRE(db->Maintain().ok());
    most = std::max(most, FilesIn(dir.path() + "/head/chunks_head"));
  }
  CHECK(most <= 4);
  // Two checkpoints and the log behind the older one.
  CHECK(FilesIn(dir.path() + "/head") <= 5);
  CHECK(db->GetStats(1).chunks < 20 * 6);
}

TEST_CASE("Series come sorted when blocks take part, and know the newest sample") {
  Quiet quiet;
  TempDir dir;
  auto db = OpenDb(HourBlocks(dir.path()));
  Fill(db.get(), kT0, kT0 + 5 * kHour);
  REQUIRE(db->Maintain().ok());
  auto querier = db->NewQuerier(kT0, kT0 + 5 * kHour);
  REQUIRE(querier.ok());
  auto list = (*querier)->Select({}, {});
  REQUIRE(list.ok());
  REQUIRE((*list)->size() > 20);
  for (size_t i = 0; i < (*list)->size(); ++i) {
    if (i > 0) CHECK((*list)->labels(i - 1) < (*list)->labels(i));
    const Samples all = ReadSeries(**list, i);
    int64_t t = 0;
    double v = 0;
    REQUIRE((*list)->Last(i, INT64_MIN, INT64_MAX, &t, &v));
    CHECK(t == all.back().first);
    CHECK(Bits(v) == all.back().second);
    const int64_t middle = kT0 + kHour + kHour / 2;
    const auto after = std::upper_bound(all.begin(), all.end(), std::pair(middle, UINT64_MAX));
    const bool any = after != all.begin() && std::prev(after)->first > middle - 300'000;
    CHECK((*list)->Last(i, middle - 300'000, middle, &t, &v) == any);
    if (any) CHECK(t == std::prev(after)->first);
  }
  storage::SelectHints first_two;
  first_two.limit = 2;
  CHECK((*(*querier)->Select(first_two, {}))->size() == 2);
  bool cut = false;
  CHECK(*(*querier)->LabelNames({}, 0, &cut) == std::vector<std::string>{"__name__", "at", "i"});
  CHECK(*(*querier)->LabelValues("__name__", {}, 2, &cut) ==
        std::vector<std::string>{"churn", "sparse"});
  CHECK(cut);
}

TEST_CASE("Some labels of series are those of all") {
  Quiet quiet;
  TempDir dir;
  auto db = OpenDb(HourBlocks(dir.path()));
  Fill(db.get(), kT0, kT0 + 5 * kHour);
  const std::vector<std::vector<std::string>> selections = {
      {}, {"__name__"}, {"at", "i"}, {"__name__", "absent", "i", "z"}};
  const auto check = [&](TimestampMs mint, TimestampMs maxt) {
    const auto querier = db->NewQuerier(mint, maxt);
    REQUIRE(querier.ok());
    const Matcher all = Match(MatchType::kRegex, "__name__", ".+");
    const auto list = (*querier)->Select({}, std::span(&all, 1));
    REQUIRE(list.ok());
    CHECK((*list)->size() > 20);
    for (const auto& names : selections) {
      std::vector<Labels> some;
      (*list)->AppendLabels(0, (*list)->size(), names, &some);
      REQUIRE(some.size() == (*list)->size());
      for (size_t i = 0; i < some.size(); ++i) {
        CHECK(some[i] == LabelsBuilder((*list)->labels(i)).Keep(names).Build());
      }
    }
  };
  check(kT0, kT0 + 5 * kHour);  // the head alone
  REQUIRE(db->Maintain().ok());
  check(kT0, kT0 + 5 * kHour);  // blocks and the head
  check(kT0, kT0 + kHour / 2);  // a block alone
}

TEST_CASE("A reader keeps what it saw while a cut takes it from the head") {
  Quiet quiet;
  TempDir dir;
  auto db = OpenDb(HourBlocks(dir.path()));
  Fill(db.get(), kT0, kT0 + 3 * kHour);
  const Contents before = Dump(*db);
  auto querier = db->NewQuerier(INT64_MIN, INT64_MAX);
  auto list = (*querier)->Select({}, {});
  REQUIRE(list.ok());
  std::thread cutter([&] { CHECK(db->Maintain().ok()); });
  while (db->Blocks().empty()) std::this_thread::yield();
  Contents seen;
  for (size_t i = 0; i < (*list)->size(); ++i) {
    seen[(*list)->labels(i).ToString()] = ReadSeries(**list, i);
  }
  CheckSame(seen, before);
  CheckSame(Dump(*db), before);
  list->reset();
  querier->reset();
  cutter.join();
  CheckSame(Dump(*db), before);
  CHECK(db->GetStats(1).min_time >= kT0 + kHour);
}

TEST_CASE("Deleted samples are gone from blocks and head, for good") {
  Quiet quiet;
  TempDir dir;
  const Options options = HourBlocks(dir.path());
  auto db = OpenDb(options);
  Fill(db.get(), kT0, kT0 + 3 * kHour);
  REQUIRE(db->Maintain().ok());
  Contents want = Dump(*db);
  const auto remove = [&](const std::string& name, int64_t mint, int64_t maxt) {
    for (auto it = want.begin(); it != want.end();) {
      if (it->first.find(name) != std::string::npos) {
        std::erase_if(it->second,
                      [&](const auto& s) { return s.first >= mint && s.first <= maxt; });
      }
      it = it->second.empty() ? want.erase(it) : std::next(it);
    }
  };
  const auto only = [](const char* name, const char* value) {
    return std::vector<Matcher>{Matcher::Equal(name, value)};
  };
  REQUIRE(db->Delete(kT0 + 1000, kT0 + 2 * kHour + 60'000, only("i", "7")).ok());
  remove("i=\"7\"", kT0 + 1000, kT0 + 2 * kHour + 60'000);
  REQUIRE(db->Delete(INT64_MIN, INT64_MAX, only("__name__", "sparse")).ok());
  remove("sparse", INT64_MIN, INT64_MAX);
  CheckSame(Dump(*db), want);
  // A deletion does not reach samples that come later.
  auto appender = db->NewAppender();
  REQUIRE(appender->Append(Labels{{"__name__", "sparse"}}, kT0 + 3 * kHour, 1).ok());
  REQUIRE(appender->Commit(true).ok());
  appender.reset();
  want["{__name__=\"sparse\"}"] = {{kT0 + 3 * kHour, Bits(1)}};
  CheckSame(Dump(*db), want);

  db.reset();
  db = OpenDb(options);
  CheckSame(Dump(*db), want);
  REQUIRE(db->Checkpoint().ok());
  db.reset();
  db = OpenDb(options);
  CheckSame(Dump(*db), want);
  uint64_t tombstones = 0;
  for (const BlockMeta& block : db->Blocks()) tombstones += block.stats.tombstones;
  CHECK(tombstones > 0);
  REQUIRE(db->CleanTombstones().ok());
  for (const BlockMeta& block : db->Blocks()) CHECK(block.stats.tombstones == 0);
  CheckSame(Dump(*db), want);
  Fill(db.get(), kT0 + 3 * kHour + 60'000, kT0 + 5 * kHour);
  const Contents later = Dump(*db);
  REQUIRE(db->Maintain().ok());
  CheckSame(Dump(*db), later);
}

TEST_CASE("A snapshot is a database of its own") {
  Quiet quiet;
  TempDir dir, copy, blocks_only;
  auto db = OpenDb(HourBlocks(dir.path()));
  Fill(db.get(), kT0, kT0 + 3 * kHour);
  REQUIRE(db->Maintain().ok());
  const Contents before = Dump(*db);
  REQUIRE(db->Snapshot(copy.path(), true).ok());
  REQUIRE(db->Snapshot(blocks_only.path(), false).ok());
  const int64_t cut = db->Blocks().back().max_time;
  db.reset();
  fs::remove_all(dir.path());
  CheckSame(Dump(*OpenDb(HourBlocks(copy.path()))), before);
  const Contents blocks = Dump(*OpenDb(HourBlocks(blocks_only.path())));
  CHECK_FALSE(blocks.empty());
  for (const auto& [name, samples] : blocks) CHECK(samples.back().first < cut);
}

TEST_CASE("A damaged block is left out and left alone") {
  Quiet quiet;
  TempDir dir;
  Registry registry;
  Options options = HourBlocks(dir.path());
  options.max_block_ms = kHour;
  auto db = OpenDb(options);
  Fill(db.get(), kT0, kT0 + 5 * kHour);
  REQUIRE(db->Maintain().ok());
  const Contents before = Dump(*db);
  const std::vector<BlockMeta> blocks = db->Blocks();
  REQUIRE(blocks.size() == 4);
  db.reset();
  const std::string broken = dir.path() + "/" + blocks[1].ulid.ToString();
  fs::resize_file(broken + "/index", 100);
  // Left-overs of interrupted work disappear; what is no block is nobody's business.
  fs::create_directories(dir.path() + "/" + blocks[0].ulid.ToString() + ".tmp-for-creation/chunks");
  fs::create_directories(dir.path() + "/" + blocks[0].ulid.ToString() + ".tmp-for-deletion");
  fs::create_directories(dir.path() + "/notes.tmp");
  std::ofstream(dir.path() + "/01ARZ3NDEKTSV4RRFFQ69G5FAV") << "no directory";
  fs::create_directory_symlink(dir.path() + "/" + blocks[0].ulid.ToString(),
                               dir.path() + "/01ARZ3NDEKTSV4RRFFQ69G5FAW");
  options.registry = &registry;
  db = OpenDb(options);
  CHECK(db->Blocks().size() == 3);
  Contents want = before;
  for (auto it = want.begin(); it != want.end();) {
    std::erase_if(it->second, [&](const auto& s) {
      return s.first >= blocks[1].min_time && s.first < blocks[1].max_time;
    });
    it = it->second.empty() ? want.erase(it) : std::next(it);
  }
  CheckSame(Dump(*db), want);
  REQUIRE(db->Maintain().ok());
  CHECK(fs::exists(broken + "/meta.json"));
  CHECK_FALSE(fs::exists(dir.path() + "/" + blocks[0].ulid.ToString() + ".tmp-for-creation"));
  CHECK_FALSE(fs::exists(dir.path() + "/" + blocks[0].ulid.ToString() + ".tmp-for-deletion"));
  CHECK(fs::exists(dir.path() + "/notes.tmp"));
  const auto gauge = [&](std::string_view name) {
    const Registry::Gathered gathered = registry.Gather();
    for (const MetricFamily& family : gathered.families) {
      if (family.name == name) return family.samples[0].value;
    }
    return -1.0;
  };
  CHECK(gauge("prometheus_tsdb_blocks_damaged") == 1);
  CHECK(gauge("prometheus_tsdb_blocks_loaded") == 3);
  CHECK(gauge("prometheus_tsdb_storage_blocks_bytes") > 1000);
  CHECK(gauge("prometheus_tsdb_lowest_timestamp_seconds") == static_cast<double>(kT0) / 1000);
}

TEST_CASE("Blocks come and go while the database is open") {
  Quiet quiet;
  TempDir dir, other;
  auto db = OpenDb(HourBlocks(dir.path()));
  std::string block;
  {
    auto source = OpenDb(HourBlocks(other.path()));
    Fill(source.get(), kT0, kT0 + 2 * kHour);
    REQUIRE(source->Maintain().ok());
    REQUIRE(source->Blocks().size() == 1);
    block = source->Blocks()[0].ulid.ToString();
  }
  fs::copy(other.path() + "/" + block, dir.path() + "/" + block, fs::copy_options::recursive);
  CHECK(Dump(*db).empty());
  REQUIRE(db->Maintain().ok());
  CHECK(Dump(*db).size() == 22);
  auto querier = db->NewQuerier(INT64_MIN, INT64_MAX);
  auto list = (*querier)->Select({}, {});
  fs::remove_all(dir.path() + "/" + block);
  REQUIRE(db->Maintain().ok());
  CHECK(Dump(*db).empty());
  CHECK_FALSE(ReadSeries(**list, 0).empty());  // an open reader does not notice
}

TEST_CASE("Retention deletes whole blocks, by time and by size") {
  Quiet quiet;
  TempDir dir;
  Options options = HourBlocks(dir.path());
  options.max_block_ms = kHour;
  auto db = OpenDb(options);
  Fill(db.get(), kT0, kT0 + 7 * kHour);
  REQUIRE(db->Maintain().ok());
  REQUIRE(db->Blocks().size() == 6);
  db->SetRetention({.time_ms = 3 * kHour});
  REQUIRE(db->Maintain().ok());
  REQUIRE(db->Blocks().size() == 3);
  CHECK(db->Blocks()[0].min_time == kT0 + 3 * kHour);
  CHECK(Dump(*db, {}, kT0, kT0 + 3 * kHour - 1).empty());
  db->SetRetention({.bytes = 1});
  REQUIRE(db->Maintain().ok());
  CHECK(db->Blocks().empty());
  CHECK(Dump(*db).size() >= 20);  // the head stays
  for (const auto& entry : fs::directory_iterator(dir.path())) {
    CHECK_FALSE(Ulid::Parse(entry.path().filename().string()).has_value());
  }
}

TEST_CASE("Blocks that were not uploaded are not merged") {
  Quiet quiet;
  TempDir dir;
  Options options = HourBlocks(dir.path());
  FakeClock clock(kT0);
  options.clock = &clock;
  options.delay_compact_file = dir.path() + "/uploaded.json";
  auto db = OpenDb(options);
  Fill(db.get(), kT0, kT0 + 6 * kHour);
  REQUIRE(db->Maintain().ok());
  REQUIRE(db->Blocks().size() == 5);
  std::string list;
  for (const BlockMeta& block : db->Blocks()) {
    list += fmt::format("{}\"{}\"", list.empty() ? "" : ",", block.ulid.ToString());
  }
  std::ofstream(options.delay_compact_file) << "{\"uploaded\":[" << list << "]}";
  REQUIRE(db->Maintain().ok());
  CHECK(db->Blocks().size() == 5);  // read at most once a minute
  const bool back = GENERATE(false, true);
  clock.Advance(back ? std::chrono::minutes(-90) : std::chrono::minutes(2));
  REQUIRE(db->Maintain().ok());
  CHECK(db->Blocks().size() == 3);
}

// Lets no file grow beyond a size, as a full disk would.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &old_) == 0);
    rlimit limit = old_;
    limit.rlim_cur = bytes;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &old_); }

 private:
  rlimit old_;
};

TEST_CASE("A full disk stops ingestion, not queries, and passes") {
  SetLogSink([](std::string_view) {});
  TempDir dir;
  const Options options = HourBlocks(dir.path());
  auto db = OpenDb(options);
  Fill(db.get(), kT0, kT0 + 3 * kHour);
  const Contents before = Dump(*db);
  {
    FullDisk full(1);
    CHECK_FALSE(db->Maintain().ok());  // no block can be cut
    for (const BlockMeta& block : db->Blocks()) CHECK_FALSE(block.compaction.failed);
    auto appender = db->NewAppender();
    // The first ones may still fit in memory; they are refused once a write has failed.
    bool refused = false;
    for (int i = 0; i < 2000 && !refused; ++i) {
      const auto result =
          appender->Append(Labels{{"__name__", "late"}}, kT0 + 3 * kHour + i * 1000, i);
      refused = !result.ok() || *result == storage::AppendResult::kRefused ||
                !appender->Commit(true).ok();
    }
    CHECK(refused);
    Contents now = Dump(*db);
    now.erase("{__name__=\"late\"}");
    CheckSame(now, before);
  }
  // The log tries again by itself, the chunk files with the next round.
  bool again = false;
  for (int i = 0; i < 1000 && !again; ++i) {
    (void)db->Maintain();
    auto appender = db->NewAppender();
    const auto result = appender->Append(Labels{{"__name__", "again"}}, kT0 + 4 * kHour, 1);
    again = result.ok() && *result == storage::AppendResult::kOk && appender->Commit(true).ok();
    if (!again) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  REQUIRE(again);
  REQUIRE(db->Maintain().ok());
  CHECK_FALSE(db->Blocks().empty());
  Contents after = Dump(*db);
  CHECK(after.contains("{__name__=\"again\"}"));
  db.reset();
  db = OpenDb(options);
  CheckSame(Dump(*db), after);
  after.erase("{__name__=\"again\"}");
  after.erase("{__name__=\"late\"}");
  CheckSame(after, before);
  SetLogSink(nullptr);
}

TEST_CASE("Compaction can be switched off") {
  Quiet quiet;
  TempDir dir;
  auto db = OpenDb(HourBlocks(dir.path()));
  Fill(db.get(), kT0, kT0 + 5 * kHour);
  db->SetCompactions(false);
  REQUIRE(db->Maintain().ok());
  CHECK(db->Blocks().empty());
  db->SetCompactions(true);
  REQUIRE(db->Maintain().ok());
  CHECK(db->Blocks().size() == 2);
}

}  // namespace
}  // namespace narthex::tsdb
