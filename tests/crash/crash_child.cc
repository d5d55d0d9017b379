// The process that is killed: opens a database, does one thing with it, goes on writing.
// usage: crash_child DIR ACTION FROM COUNT
//
// Ticks FROM … FROM + COUNT - 1 are written after the action. Descriptor 3 receives an int32 for
// each: the tick once it is acknowledged. kActionDone tells that the action returned success.
// Exit code: 0 done, 3 the database did not open, 4 writing did not recover.

#include <dlfcn.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "core/log/log.h"
#include "server/storage/tsdb/db.h"
#include "tests/crash/actions.h"
#include "tests/crash/workload.h"

namespace narthex::crash {
namespace {

void Arm(bool on) {
  static const auto arm = reinterpret_cast<void (*)(int)>(::dlsym(RTLD_DEFAULT, "nx_fault_arm"));
  if (arm != nullptr) arm(on ? 1 : 0);
}

int Counted() {
  static const auto count = reinterpret_cast<long (*)()>(::dlsym(RTLD_DEFAULT, "nx_fault_count"));
  return count == nullptr ? 0 : static_cast<int>(count());
}

void Tell(int32_t number) {
  if (::write(3, &number, sizeof number) != sizeof number) std::_Exit(5);
}

class Sources {
 public:
  explicit Sources(tsdb::Db& db) : db_(db), appender_(db.NewAppender()) {
    for (int g = 0; g < kGroups; ++g) {
      Source& source = sources_[g];
      source.writer = db.NewGroup();
      for (int s = 0; s < kSeries; ++s) source.members[s] = Add(source, GroupSeries(g, s));
    }
  }

  // True when everything of the tick is acknowledged. Repeating a tick is harmless.
  bool Write(int tick) {
    for (int g = 0; g < kGroups; ++g) {
      if (!WriteGroup(g, tick)) return false;
    }
    for (int lone = 0; lone < kLone; ++lone) {
      if (!HasLone(lone, tick)) continue;
      const auto result =
          appender_->Append(LoneSeries(lone), LoneTime(lone, tick), LoneValue(lone, tick));
      if (!result.ok() || *result != storage::AppendResult::kOk) {
        appender_->Rollback();
        return false;
      }
    }
    return appender_->Commit(true).ok() && db_.Flush(false).ok();
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Source {
    std::unique_ptr<storage::GroupWriter> writer;
    uint32_t members[kSeries];
    uint32_t churning = kNone;
    int epoch = -1;
    int written = -1;
  };

  uint32_t Add(Source& source, const Labels& labels) {
    bool created;
    const auto member = source.writer->AddMember(labels, &created);
    return member.ok() ? *member : kNone;
  }

  bool WriteGroup(int g, int tick) {
    Source& source = sources_[g];
    if (source.written == tick) return true;
    for (int s = 0; s < kSeries; ++s) {
      if (source.members[s] == kNone) source.members[s] = Add(source, GroupSeries(g, s));
    }
    if (source.epoch != tick / kChurn) {
      if (source.churning != kNone) source.writer->RetireMember(source.churning);
      source.churning = kNone;
      source.epoch = tick / kChurn;
    }
    if (source.churning == kNone) source.churning = Add(source, ChurningSeries(g, tick));
    std::vector<double> values(source.writer->member_count(), storage::StaleNaN());
    for (int s = 0; s < kSeries; ++s) {
      if (source.members[s] == kNone) return false;
      values[source.members[s]] = GroupValue(g, s, tick);
    }
    if (source.churning == kNone) return false;
    values[source.churning] = GroupValue(g, kSeries, tick);
    const auto commit = source.writer->CommitTick(TimeOf(tick), values);
    if (commit.appended < kSeries + 1) return false;
    source.written = tick;
    return true;
  }

  tsdb::Db& db_;
  std::unique_ptr<storage::Appender> appender_;
  Source sources_[kGroups];
};

Status Act(tsdb::Db& db, Action action, const std::string& dir) {
  switch (action) {
    case Action::kCompact: return db.CompactNow();
    case Action::kCheckpoint: return db.Checkpoint();
    case Action::kSnapshot: return db.Snapshot(dir + "/snapshots/one", true);
    case Action::kRetention: db.SetRetention({.time_ms = kShortRetention}); return db.Maintain();
    case Action::kDelete: {
      const auto matcher = Matcher::Create(MatchType::kEqual, "__name__", "lone");
      const Matcher matchers[] = {*matcher};
      NX_RETURN_IF_ERROR(db.Delete(TimeOf(kDeletedFrom), TimeOf(kDeletedTo), matchers));
      return db.CleanTombstones();
    }
    case Action::kOpen:
    case Action::kWrite:
    case Action::kClose:
    case Action::kExport: return OkStatus();
  }
  return OkStatus();
}

bool WriteUntilAcknowledged(Sources& sources, tsdb::Db& db, int tick) {
  for (int attempt = 0; attempt < 300; ++attempt) {
    if (sources.Write(tick)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    (void)db.Maintain();
  }
  return false;
}

int Run(const std::string& dir, Action action, int from, int count) {
  SetLogLevel(LogLevel::kError);
  if (action == Action::kOpen) Arm(true);
  auto opened = tsdb::Db::Open(CrashOptions(dir));
  Arm(false);
  // Who finds no room may refuse to start, and starts when there is.
  if (!opened.ok()) opened = tsdb::Db::Open(CrashOptions(dir));
  if (!opened.ok()) {
    std::fprintf(stderr, "%s\n", std::string(MessageOf(opened.status())).c_str());
    return 3;
  }
  tsdb::Db& db = **opened;
  const bool at_end = action == Action::kClose || action == Action::kExport;
  {
    if (action != Action::kWrite) Arm(true);
    const Status status = Act(db, action, dir);
    Arm(false);
    if (status.ok() && !at_end) Tell(kActionDone);
    if (action == Action::kWrite) Arm(true);
    Sources sources(db);
    for (int tick = from; tick < from + count; ++tick) {
      if (!WriteUntilAcknowledged(sources, db, tick)) return 4;
      Tell(tick);
      if (action == Action::kWrite && tick % 30 == 29) (void)db.Maintain();
    }
    Arm(at_end);
  }
  const Status end = action == Action::kExport ? db.ExportLog() : OkStatus();
  const Status closed = db.Close();
  Arm(false);
  if (at_end && end.ok() && closed.ok()) Tell(kActionDone);
  Tell(kCallsBase - Counted());
  return 0;
}

}  // namespace
}  // namespace narthex::crash

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const auto action = narthex::crash::ActionByName(argv[2]);
  if (!action.has_value()) return 2;
  return narthex::crash::Run(argv[1], *action, std::atoi(argv[3]), std::atoi(argv[4]));
}
