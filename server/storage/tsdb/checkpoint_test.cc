// What writers do while a checkpoint is made; model_test.cc does the same at random.

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/base/file.h"
#include "core/log/log.h"
#include "server/storage/tsdb/testing.h"
#include "server/storage/tsdb/wal/wal_format.h"

namespace narthex::tsdb {
namespace {

constexpr int64_t kT0 = 1'700'000'000'000;

Labels Named(std::string_view name, int i) {
  return Labels{{"__name__", std::string(name)}, {"i", std::to_string(i)}};
}

class DuringCheckpoint {
 public:
  DuringCheckpoint() : options_(TestOptions(dir_.path())) {
    SetLogLevel(LogLevel::kError);
    options_.checkpoint_step = [this] {
      if (++step_ == at_) action_();
    };
    db_ = OpenDb(options_);
  }
  ~DuringCheckpoint() { SetLogLevel(LogLevel::kInfo); }

  Db& db() { return *db_; }
  // Makes a checkpoint and runs `action` in its step `at`, counted from 1.
  void Checkpoint(int at, std::function<void()> action) {
    step_ = 0;
    at_ = at;
    action_ = std::move(action);
    REQUIRE(db_->Checkpoint().ok());
    REQUIRE(step_ >= at);
  }
  void CheckReopened() {
    const Contents want = Dump(*db_);
    db_.reset();
    db_ = OpenDb(options_);
    CheckSame(Dump(*db_), want);
  }

 private:
  TempDir dir_;
  Options options_;
  std::unique_ptr<Db> db_;
  std::function<void()> action_;
  int at_ = 0;
  int step_ = 0;
};

void Add(storage::GroupWriter& group, std::string_view name, int i) {
  bool created;
  REQUIRE(group.AddMember(Named(name, i), &created).ok());
}

TEST_CASE("Series that join a group after a checkpoint wrote the series") {
  for (int step = 1; step <= 3; ++step) {
    INFO("step " << step);
    DuringCheckpoint test;
    auto group = test.db().NewGroup();
    int64_t t = kT0;
    Add(*group, "old", 0);
    group->CommitTick(t += 1000, std::vector<double>{1});
    test.Checkpoint(step, [&] {
      for (int i = 0; i < 50; ++i) Add(*group, "new", i);
      group->CommitTick(t += 1000, std::vector<double>(51, 2));
    });
    for (int i = 0; i < 10; ++i) group->CommitTick(t += 1000, std::vector<double>(51, i));
    group.reset();
    test.CheckReopened();
  }
}

TEST_CASE("Series that change the group while a checkpoint is made") {
  for (const bool first_is_older : {true, false}) {
    for (int step = 1; step <= 4; ++step) {
      INFO("step " << step << ", older first: " << first_is_older);
      DuringCheckpoint test;
      auto a = test.db().NewGroup();
      auto b = test.db().NewGroup();
      int64_t t = kT0;
      auto& from = first_is_older ? a : b;
      auto& to = first_is_older ? b : a;
      for (auto* group : {&a, &b}) {
        Add(**group, group == &a ? "a" : "b", 0);
        (*group)->CommitTick(t += 1000, std::vector<double>{1});
      }
      for (int i = 0; i < 20; ++i) Add(*from, "moves", i);
      from->CommitTick(t += 1000, std::vector<double>(21, 2));
      test.Checkpoint(step, [&] {
        for (uint32_t m = 1; m <= 20; ++m) from->RetireMember(m);
        from->CommitTick(t += 1000, std::vector<double>(21, 3));
        for (int i = 0; i < 20; ++i) Add(*to, "moves", i);
        to->CommitTick(t += 1000, std::vector<double>(21, 4));
        from->CommitTick(t += 1000, std::vector<double>(1, 5));
      });
      for (int i = 0; i < 5; ++i) {
        to->CommitTick(t += 1000, std::vector<double>(21, 6 + i));
        from->CommitTick(t += 1000, std::vector<double>(1, 6 + i));
      }
      a.reset();
      b.reset();
      test.CheckReopened();
    }
  }
}

TEST_CASE("Series that a second source claims while a checkpoint is made") {
  for (int step = 1; step <= 4; ++step) {
    INFO("step " << step);
    DuringCheckpoint test;
    auto a = test.db().NewGroup();
    auto b = test.db().NewGroup();
    auto appender = test.db().NewAppender();
    int64_t t = kT0;
    for (int i = 0; i < 20; ++i) Add(*a, "both", i);
    Add(*b, "b", 0);
    a->CommitTick(t += 1000, std::vector<double>(20, 1));
    b->CommitTick(t += 1000, std::vector<double>{1});
    test.Checkpoint(step, [&] {
      a->CommitTick(t += 1000, std::vector<double>(20, 2));
      for (int i = 0; i < 10; ++i) Add(*b, "both", i);
      for (int i = 5; i < 15; ++i) REQUIRE(appender->Append(Named("both", i), t += 1000, 3).ok());
      REQUIRE(appender->Commit().ok());
      b->CommitTick(t += 1000, std::vector<double>(11, 4));
      a->CommitTick(t += 1000, std::vector<double>(20, 5));
    });
    for (int i = 0; i < 130; ++i) a->CommitTick(t += 1000, std::vector<double>(20, i));
    appender.reset();
    a.reset();
    b.reset();
    test.CheckReopened();
  }
}

// ---- What is read at a start ----

namespace fs = std::filesystem;

// A directory with full chunks, two checkpoints and a log behind each; *want is what is in it.
void FillWithCheckpoints(const Options& options, Contents* want) {
  auto db = OpenDb(options);
  auto group = db->NewGroup();
  auto appender = db->NewAppender();
  for (int i = 0; i < 30; ++i) Add(*group, "m", i);
  int64_t t = kT0;
  const auto ticks = [&](int n) {
    for (int k = 0; k < n; ++k) {
      t += 1000;
      std::vector<double> values(group->member_count());
      for (size_t i = 0; i < values.size(); ++i) {
        const double x = static_cast<double>((t - kT0) / 1000) * static_cast<double>(i);
        values[i] = i % 4 == 0   ? 1
                    : i % 4 == 1 ? x
                    : i % 4 == 2 ? x / 7
                                 : static_cast<double>(t % 13);
      }
      group->CommitTick(t, values);
      if (k % 5 != 0) continue;
      REQUIRE(appender->Append(Named("lone", 0), t, static_cast<double>(k)).ok());
      REQUIRE(appender->Commit().ok());
    }
  };
  ticks(200);
  REQUIRE(db->Checkpoint().ok());
  for (int i = 0; i < 10; ++i) Add(*group, "late", i);
  ticks(150);
  REQUIRE(db->Checkpoint().ok());
  for (int i = 0; i < 5; ++i) Add(*group, "later", i);
  ticks(70);
  *want = Dump(*db);
}

std::vector<std::string> Checkpoints(const std::string& dir) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(dir + "/head")) {
    const std::string name = entry.path().filename();
    if (name.starts_with("checkpoint-")) out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

void CopyDir(const std::string& from, const std::string& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

size_t CountSamples(const Contents& contents) {
  size_t n = 0;
  for (const auto& [name, samples] : contents) n += samples.size();
  return n;
}

// Nothing is in `part` that is not in `whole`.
void CheckPart(const Contents& part, const Contents& whole) {
  for (const auto& [name, samples] : part) {
    const auto found = whole.find(name);
    REQUIRE(found != whole.end());
    if (!std::includes(found->second.begin(), found->second.end(), samples.begin(),
                       samples.end())) {
      FAIL("invented samples of " << name);
    }
  }
}

TEST_CASE("A restart reads the newest checkpoint and the log behind it") {
  Quiet quiet;
  TempDir dir;
  Contents want;
  const Options options = TestOptions(dir.path());
  FillWithCheckpoints(options, &want);
  REQUIRE(Checkpoints(dir.path()).size() == 2);
  // What the newest stands for is not needed.
  fs::remove(Checkpoints(dir.path())[0]);
  fs::remove(dir.path() + "/head/wal-00000002");
  fs::remove(dir.path() + "/head/wal-00000001");
  for (int round = 0; round < 3; ++round) {
    auto db = OpenDb(options);
    CheckSame(Dump(*db), want);
    if (round == 1) REQUIRE(db->Checkpoint().ok());
  }
}

// Damages the newest checkpoint at some sixty places; the one before it and the log give
// everything.
template <typename Damage>
void CheckReplaced(const Damage& damage) {
  Quiet quiet;
  TempDir dir, copy;
  Contents want;
  FillWithCheckpoints(TestOptions(dir.path()), &want);
  const auto bytes = ReadFile(Checkpoints(dir.path())[1]);
  REQUIRE(bytes.ok());
  for (size_t n = 0; n < bytes->size(); n += 1 + bytes->size() / 60) {
    INFO("damaged at " << n << " of " << bytes->size());
    CopyDir(dir.path(), copy.path());
    Write(Checkpoints(copy.path())[1], damage(*bytes, n));
    Registry registry;
    Options options = TestOptions(copy.path());
    options.registry = &registry;
    {
      const auto db = OpenDb(options);
      CheckSame(Dump(*db), want);
      CHECK(MetricValue(registry, "prometheus_tsdb_snapshot_replay_error_total") == 1);
    }
    CHECK(Checkpoints(copy.path()).size() == 1);
    CheckSame(Dump(*OpenDb(TestOptions(copy.path()))), want);
  }
}

TEST_CASE("A torn checkpoint is replaced by the one before and the log") {
  CheckReplaced([](const std::string& bytes, size_t n) { return bytes.substr(0, n); });
}

TEST_CASE("A checkpoint with a flipped bit is replaced by the one before and the log") {
  CheckReplaced([](std::string bytes, size_t n) {
    bytes[n] ^= 0x10;
    return bytes;
  });
}

TEST_CASE("Without a sound checkpoint what can be read is used") {
  Quiet quiet;
  TempDir dir, copy;
  Contents want;
  FillWithCheckpoints(TestOptions(dir.path()), &want);
  const size_t all = CountSamples(want);
  size_t least = all, most = 0;
  for (int place = 1; place < 12; ++place) {
    INFO("place " << place);
    CopyDir(dir.path(), copy.path());
    fs::remove(copy.path() + "/head/wal-00000001");  // no way around the checkpoints
    for (const std::string& path : Checkpoints(copy.path())) {
      auto bytes = ReadFile(path);
      REQUIRE(bytes.ok());
      (*bytes)[bytes->size() * static_cast<size_t>(place) / 12] ^= 0x01;
      Write(path, *bytes);
    }
    const Contents found = Dump(*OpenDb(TestOptions(copy.path())));
    CheckPart(found, want);
    least = std::min(least, CountSamples(found));
    most = std::max(most, CountSamples(found));
  }
  CHECK(least < all);
  CHECK(most > 0);
}

TEST_CASE("Damaged checkpoints cost nothing while the whole log is there") {
  Quiet quiet;
  TempDir dir;
  Contents want;
  {
    auto db = OpenDb(TestOptions(dir.path()));
    auto group = db->NewGroup();
    for (int i = 0; i < 20; ++i) Add(*group, "m", i);
    for (int k = 1; k < 300; ++k) {
      group->CommitTick(kT0 + k * 1000, std::vector<double>(20, k));
      if (k == 150) REQUIRE(db->Checkpoint().ok());
    }
    want = Dump(*db);
  }
  Write(Checkpoints(dir.path())[0], "nothing");
  CheckSame(Dump(*OpenDb(TestOptions(dir.path()))), want);
}

TEST_CASE("A checkpoint of another version is refused by name") {
  Quiet quiet;
  TempDir dir;
  Contents want;
  FillWithCheckpoints(TestOptions(dir.path()), &want);
  const std::string path = Checkpoints(dir.path())[1];
  std::string head = "\x07 of the future", bytes(kSegmentMagic);
  ByteWriter out(&bytes);
  out.Le64(0);
  AppendFrame(RecordType::kCheckpointHead, head, &bytes);
  Write(path, bytes);
  const auto db = Db::Open(TestOptions(dir.path()));
  REQUIRE(!db.ok());
  CHECK(MessageOf(db.status()).find("version 7") != std::string::npos);
  CHECK(MessageOf(db.status()).find(path) != std::string::npos);
  CHECK(Checkpoints(dir.path()).size() == 2);
}

TEST_CASE("Chunks that a checkpoint names and are damaged are left out") {
  Quiet quiet;
  TempDir dir;
  Contents want;
  const Options options = TestOptions(dir.path());
  FillWithCheckpoints(options, &want);
  const std::string path = dir.path() + "/head/chunks_head/000001";
  auto bytes = ReadFile(path);
  REQUIRE(bytes.ok());
  SECTION("a flipped bit") {
    (*bytes)[60] ^= 0x04;
    Write(path, *bytes);
  }
  SECTION("a short file") { Write(path, bytes->substr(0, bytes->size() / 2)); }
  SECTION("no file") { fs::remove(path); }
  const Contents found = Dump(*OpenDb(options));
  CheckPart(found, want);
  CHECK(CountSamples(found) < CountSamples(want));
  CHECK(found.size() == want.size());
}

TEST_CASE("Closing makes a checkpoint when the log is long") {
  Quiet quiet;
  TempDir dir;
  Options options = TestOptions(dir.path());
  options.checkpoint_on_close = true;
  options.wal_compression = false;
  Contents want;
  {
    auto db = OpenDb(options);
    auto group = db->NewGroup();
    for (int i = 0; i < 200; ++i) Add(*group, "m", i);
    group->CommitTick(kT0, std::vector<double>(200, 1));
  }
  CHECK(Checkpoints(dir.path()).empty());  // nothing to gain
  {
    auto db = OpenDb(options);
    auto group = db->NewGroup();
    for (int i = 0; i < 200; ++i) Add(*group, "m", i);
    for (int k = 1; k < 1000; ++k)
      group->CommitTick(kT0 + k * 1000, std::vector<double>(200, k / 7.0));
    want = Dump(*db);
  }
  CHECK(Checkpoints(dir.path()).size() == 1);
  CheckSame(Dump(*OpenDb(options)), want);
  CHECK(Checkpoints(dir.path()).size() == 1);
}

}  // namespace
}  // namespace narthex::tsdb
