// What is left after a crash, a torn write, a flipped bit.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "core/base/file.h"
#include "core/log/log.h"
#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;
constexpr int64_t kT0 = 1'700'000'000'000;

Labels Named(int i) { return Labels{{"__name__", fmt::format("m{}", i)}, {"job", "crash"}}; }

double ValueAt(int series, int tick) {
  return series % 3 == 0 ? tick * series : series % 3 == 1 ? tick * 0.37 + series : series;
}

// Fills a database with `ticks` ticks of `series` series and some detached samples.
void Fill(Db& db, int series, int ticks) {
  auto group = db.NewGroup();
  bool created;
  for (int s = 0; s < series; ++s) REQUIRE(group->AddMember(Named(s), &created).ok());
  auto appender = db.NewAppender();
  for (int t = 0; t < ticks; ++t) {
    std::vector<double> values(group->member_count());
    for (int s = 0; s < series; ++s) values[static_cast<size_t>(s)] = ValueAt(s, t);
    REQUIRE(group->CommitTick(kT0 + t * 1000, values).appended == static_cast<uint32_t>(series));
    if (t % 10 != 0) continue;
    REQUIRE(appender->Append(Labels{{"__name__", "lone"}}, kT0 + t * 1000, t).ok());
    REQUIRE(appender->Commit(true).ok());
  }
}

// Every sample found is one that was written; returns how many were found.
size_t CountTrue(const Contents& contents, int series) {
  size_t n = 0;
  for (const auto& [name, samples] : contents) {
    for (const auto& [t, bits] : samples) {
      const int tick = static_cast<int>((t - kT0) / 1000);
      bool known = name == "{__name__=\"lone\"}" && bits == Bits(tick);
      for (int s = 0; s < series && !known; ++s) {
        known = name == Named(s).ToString() && bits == Bits(ValueAt(s, tick));
      }
      if (!known) FAIL("invented " << name << " at " << t);
      ++n;
    }
  }
  return n;
}

std::vector<std::string> Segments(const std::string& dir) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(dir + "/head")) {
    if (entry.is_regular_file()) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

void CopyDir(const std::string& from, const std::string& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

TEST_CASE("kill -9 loses nothing that was acknowledged") {
  Quiet quiet;
  for (int round = 0; round < 5; ++round) {
    TempDir dir;
    int pipe_fds[2];
    REQUIRE(::pipe(pipe_fds) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      Options options = TestOptions(dir.path());
      options.wal_segment_bytes = 64 << 10;
      auto opened = Db::Open(options);
      if (!opened.ok()) ::_exit(1);
      Db& db = **opened;
      auto group = db.NewGroup();
      auto appender = db.NewAppender();
      bool created;
      for (int s = 0; s < 20; ++s) (void)group->AddMember(Named(s), &created);
      for (int t = 0;; ++t) {
        std::vector<double> values(20);
        for (int s = 0; s < 20; ++s) values[static_cast<size_t>(s)] = ValueAt(s, t);
        group->CommitTick(kT0 + t * 1000, values);
        (void)appender->Append(Labels{{"__name__", "lone"}}, kT0 + t * 1000, t);
        if (!appender->Commit(true).ok()) ::_exit(1);
        if (t % 97 == 96) (void)db.Checkpoint();
        // Everything up to this tick is with the kernel now.
        if (::write(pipe_fds[1], &t, sizeof t) != sizeof t) ::_exit(1);
      }
    }
    ::close(pipe_fds[1]);
    int acknowledged = -1;
    const int until = 150 + round * 77;
    for (int t; acknowledged < until && ::read(pipe_fds[0], &t, sizeof t) == sizeof t;)
      acknowledged = t;
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    for (int t; ::read(pipe_fds[0], &t, sizeof t) == sizeof t;) acknowledged = t;
    ::close(pipe_fds[0]);
    REQUIRE(acknowledged >= until);

    auto db = OpenDb(TestOptions(dir.path()));
    const Contents found = Dump(*db);
    CountTrue(found, 20);
    REQUIRE(found.size() == 21);
    for (const auto& [name, samples] : found) {
      INFO(name);
      REQUIRE(samples.size() >= static_cast<size_t>(acknowledged + 1));
      for (int t = 0; t <= acknowledged; ++t)
        REQUIRE(samples[static_cast<size_t>(t)].first == kT0 + t * 1000);
    }
  }
}

TEST_CASE("A tail torn at any byte costs only the last record") {
  Quiet quiet;
  TempDir dir, copy;
  const std::string source = dir.path() + "/db", target = copy.path() + "/db";
  Options options = TestOptions(source);
  Contents before, after;
  {
    auto db = OpenDb(options);
    Fill(*db, 5, 30);
    REQUIRE(db->Flush(false).ok());
    before = Dump(*db);
    const uintmax_t size = fs::file_size(Segments(source).back());
    auto appender = db->NewAppender();
    REQUIRE(appender->Append(Labels{{"__name__", "lone"}}, kT0 + 40'000, 4.25).ok());
    REQUIRE(appender->Commit(true).ok());
    after = Dump(*db);
    REQUIRE(db->Flush(true).ok());
    CopyDir(source, target);
    const std::string segment = Segments(target).back();
    const uintmax_t full = fs::file_size(segment);
    REQUIRE(full > size);
    for (uintmax_t cut = size; cut <= full; ++cut) {
      CopyDir(source, target);
      fs::resize_file(segment, cut);
      Registry registry;
      Options again = TestOptions(target);
      again.registry = &registry;
      auto torn = OpenDb(again);
      INFO("cut at " << cut);
      CheckSame(Dump(*torn), cut == full ? after : before);
      REQUIRE(MetricValue(registry, "prometheus_tsdb_wal_corruptions_total") ==
              (cut == full || cut == size ? 0 : 1));
      torn.reset();
      // The tail was cut: the next start finds nothing wrong.
      CheckSame(Dump(*OpenDb(TestOptions(target))), cut == full ? after : before);
    }
  }
}

TEST_CASE("Flipped bits never invent samples nor stop a start") {
  Quiet quiet;
  TempDir dir, copy;
  const std::string source = dir.path() + "/db", target = copy.path() + "/db";
  Options options = TestOptions(source);
  options.wal_compression = false;
  size_t total = 0;
  {
    auto db = OpenDb(options);
    Fill(*db, 12, 400);
    total = CountTrue(Dump(*db), 12);
  }
  std::mt19937_64 random(17);
  for (int round = 0; round < 60; ++round) {
    CopyDir(source, target);
    std::vector<std::string> files = Segments(target);
    files.push_back(target + "/head/chunks_head/000001");
    const std::string& path = files[random() % files.size()];
    auto bytes = ReadFile(path);
    REQUIRE(bytes.ok());
    for (uint64_t flips = random() % 4 + 1; flips > 0; --flips) {
      (*bytes)[random() % bytes->size()] ^= static_cast<char>(1 << (random() % 8));
    }
    std::ofstream(path, std::ios::binary) << *bytes;
    auto db = OpenDb(TestOptions(target));
    const size_t found = CountTrue(Dump(*db), 12);
    CHECK(found <= total);
    auto group = db->NewGroup();
    bool created;
    REQUIRE(group->AddMember(Named(0), &created).ok());
    CHECK(
        group->CommitTick(kT0 + 3600'000, std::vector<double>(group->member_count(), 1)).appended ==
        1);
  }
}

TEST_CASE("A lost chunk file is rebuilt from the log") {
  Quiet quiet;
  TempDir dir;
  Contents want;
  {
    auto db = OpenDb(TestOptions(dir.path()));
    Fill(*db, 4, 500);
    want = Dump(*db);
  }
  fs::remove_all(dir.path() + "/head/chunks_head");
  CheckSame(Dump(*OpenDb(TestOptions(dir.path()))), want);
  // And chunks that are there are taken, not written again.
  uintmax_t size = 0;
  for (const auto& entry : fs::directory_iterator(dir.path() + "/head/chunks_head"))
    size += entry.file_size();
  CheckSame(Dump(*OpenDb(TestOptions(dir.path()))), want);
  uintmax_t again = 0;
  for (const auto& entry : fs::directory_iterator(dir.path() + "/head/chunks_head"))
    again += entry.file_size();
  CHECK(size == again);
}

TEST_CASE("Damage in the middle of the log is skipped to the next mark") {
  Quiet quiet;
  TempDir dir;
  Options options = TestOptions(dir.path());
  options.wal_compression = false;
  {
    auto db = OpenDb(options);
    auto group = db->NewGroup();
    bool created;
    for (int s = 0; s < 200; ++s) REQUIRE(group->AddMember(Named(s), &created).ok());
    std::vector<double> values(200);
    for (int t = 0; t < 4000; ++t) {
      for (size_t s = 0; s < 200; ++s) values[s] = t * 0.731 + static_cast<double>(s);
      group->CommitTick(kT0 + t * 1000, values);
    }
  }
  fs::remove_all(dir.path() + "/head/chunks_head");
  const std::string segment = Segments(dir.path()).front();
  REQUIRE(fs::file_size(segment) > (3u << 20));
  {
    std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1'500'000);
    file << std::string(100, '\xee');
  }
  auto db = OpenDb(options);
  const Contents found = Dump(*db);
  REQUIRE(found.size() == 200);
  for (const auto& [name, samples] : found) {
    // At most what was between the damage and the mark after it, and up to a key row, is lost.
    CHECK(samples.size() > 2500);
    CHECK(samples.size() < 4000);
    CHECK(samples.front().first == kT0);
    CHECK(samples.back().first == kT0 + 3999 * 1000);
  }
}

TEST_CASE("Checkpoints bound the log and hold everything") {
  Quiet quiet;
  TempDir dir;
  Options options = TestOptions(dir.path());
  options.wal_checkpoint_bytes = 200 << 10;
  options.wal_segment_bytes = 64 << 10;
  Contents want;
  {
    auto db = OpenDb(options);
    auto group = db->NewGroup();
    bool created;
    for (int s = 0; s < 50; ++s) REQUIRE(group->AddMember(Named(s), &created).ok());
    std::vector<double> values(50);
    for (int t = 0; t < 3000; ++t) {
      for (size_t s = 0; s < 50; ++s) values[s] = t * 0.731 + static_cast<double>(s);
      group->CommitTick(kT0 + t * 1000, values);
      if (t % 100 == 99) REQUIRE(db->Flush(false).ok());
      if (t % 100 == 99) REQUIRE(db->Maintain().ok());
    }
    want = Dump(*db);
  }
  uintmax_t size = 0;
  for (const std::string& path : Segments(dir.path())) size += fs::file_size(path);
  CHECK(size < (500u << 10));
  CheckSame(Dump(*OpenDb(options)), want);
}

TEST_CASE("A data directory serves one process, and says why not") {
  Quiet quiet;
  TempDir dir;
  auto db = OpenDb(TestOptions(dir.path()));
  const auto second = Db::Open(TestOptions(dir.path()));
  REQUIRE_FALSE(second.ok());
  CHECK(std::string(MessageOf(second.status())).find("lock") != std::string::npos);
  db.reset();
  CHECK(Db::Open(TestOptions(dir.path())).ok());

  std::ofstream(dir.path() + "/file") << "x";
  const auto blocked = Db::Open(TestOptions(dir.path() + "/file"));
  REQUIRE_FALSE(blocked.ok());
  CHECK(std::string(MessageOf(blocked.status())).find("/file") != std::string::npos);
}

TEST_CASE("The lock file goes with a clean end, and tells when there was none") {
  Quiet quiet;
  TempDir dir;
  const std::string lock = dir.path() + "/lock";
  const auto clean_start = [&](bool use_lock_file) {
    Registry registry;
    Options options = TestOptions(dir.path());
    options.registry = &registry;
    options.use_lock_file = use_lock_file;
    const auto db = OpenDb(options);
    CHECK(fs::exists(lock) == use_lock_file);
    return MetricValue(registry, "prometheus_tsdb_clean_start");
  };
  CHECK(clean_start(true) == 1);
  CHECK_FALSE(fs::exists(lock));
  CHECK(clean_start(true) == 1);
  CHECK(clean_start(false) == -1);
  std::ofstream(lock) << "";
  CHECK(clean_start(true) == 0);
  CHECK(clean_start(true) == 1);
}

TEST_CASE("Retention forgets series without leaking") {
  Quiet quiet;
  TempDir dir;
  Options options = TestOptions(dir.path());
  options.retention_ms = 4 * 3600'000;
  auto db = OpenDb(options);
  auto keep = db->NewGroup();
  bool created;
  REQUIRE(keep->AddMember(Labels{{"__name__", "stays"}}, &created).ok());
  for (int hour = 0; hour < 40; ++hour) {
    const int64_t now = kT0 + hour * 3600'000;
    auto group = db->NewGroup();
    for (int s = 0; s < 100; ++s) {
      REQUIRE(group
                  ->AddMember(Labels{{"__name__", "churn"}, {"pod", fmt::format("{}-{}", hour, s)}},
                              &created)
                  .ok());
    }
    for (int t = 0; t < 10; ++t) {
      group->CommitTick(now + t * 60'000, std::vector<double>(100, t));
      keep->CommitTick(now + t * 60'000, std::vector<double>(1, hour));
    }
    group.reset();
    REQUIRE(db->Maintain().ok());
    CHECK(db->series_count() <= 1 + 100 * 8);
  }
  const Stats stats = db->GetStats(10);
  CHECK(stats.series == db->series_count());
  CHECK(stats.label_pairs < 1000);
  CHECK(stats.series_by_metric_name.front().first == "churn");
  CHECK(stats.min_time >= kT0 + 34 * 3600'000);
  CHECK(Dump(*db, {Matcher::Equal("__name__", "stays")}).size() == 1);
  const Contents before = Dump(*db);
  keep.reset();
  db.reset();
  db = OpenDb(options);
  CheckSame(Dump(*db), before);
}

}  // namespace
}  // namespace narthex::tsdb
