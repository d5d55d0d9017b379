// Kills a process that writes to a database at every system call of everything it does, and at
// random moments; lets calls fail and writes be short; damages the tail of the log. Afterwards the
// database must open, hold every acknowledged sample, hold none that was not written, and take new
// ones. Prints one line per kind of run; exits with 1 when any run failed.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "core/base/file.h"
#include "core/flags/flags.h"
#include "core/log/log.h"
#include "server/storage/tsdb/db.h"
#include "server/storage/tsdb/promwal/log_writer.h"
#include "server/storage/tsdb/promwal/records.h"
#include "tests/crash/actions.h"
#include "tests/crash/workload.h"

namespace narthex::crash {
namespace {

namespace fs = std::filesystem;

// What a directory must and may hold.
struct Ledger {
  std::set<int> certain;          // acknowledged ticks
  std::set<int> possible;         // ticks that were begun
  int64_t kept_from = INT64_MIN;  // older samples may be gone
  bool deleting = false;          // the samples of the action "delete" may be gone
  bool deleted = false;           // … and must be
  // From this tick on acknowledged ticks may be missing: the log was damaged there.
  int damaged_from = INT32_MAX;

  int next() const { return possible.empty() ? 0 : *possible.rbegin() + 1; }
};

struct Fault {
  std::string kind;  // empty: none
  long at = 0;
  long calls = 1;
};

struct Outcome {
  bool done = false;  // the action reported success
  bool killed = false;
  int exit_code = 0;
  long calls = 0;
  int last = -1;  // the last acknowledged tick
  std::string errors;
};

std::string self_dir;
int failures = 0;

class Directory {
 public:
  Directory() {
    std::string pattern = (fs::temp_directory_path() / "narthex-crash-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~Directory() { fs::remove_all(path_); }
  Directory(const Directory&) = delete;
  std::string path() const { return path_ + "/data"; }
  void CopyFrom(const Directory& other) {
    fs::remove_all(path());
    fs::copy(other.path(), path(), fs::copy_options::recursive);
  }

 private:
  std::string path_;
};

// Runs crash_child; kills it after `kill_after_us` when that is not negative.
Outcome RunChild(const std::string& dir, std::string_view action, int from, int count,
                 const Fault& fault, Ledger* ledger, int64_t kill_after_us = -1) {
  int acks[2];
  if (::pipe2(acks, O_CLOEXEC) != 0) std::abort();
  const std::string child = self_dir + "/crash_child", shim = self_dir + "/libnx_fault_shim.so";
  const std::string from_text = std::to_string(from), count_text = std::to_string(count);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(acks[1], 3);
    // The faults are logged; that is not what is asked here.
    ::dup2(::open("/dev/null", O_WRONLY), 2);
    ::setenv("LD_PRELOAD", shim.c_str(), 1);
    ::setenv("NX_FAULT_DIR", dir.c_str(), 1);
    ::setenv("NX_FAULT_KIND", fault.kind.c_str(), 1);
    ::setenv("NX_FAULT_AT", std::to_string(fault.at).c_str(), 1);
    ::setenv("NX_FAULT_CALLS", std::to_string(fault.calls).c_str(), 1);
    ::execl(child.c_str(), child.c_str(), dir.c_str(), std::string(action).c_str(),
            from_text.c_str(), count_text.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(acks[1]);
  if (kill_after_us >= 0) {
    ::usleep(static_cast<useconds_t>(kill_after_us));
    ::kill(pid, SIGKILL);
  }
  Outcome outcome;
  int begun = from;
  for (int32_t number; ::read(acks[0], &number, sizeof number) == sizeof number;) {
    if (number == kActionDone) outcome.done = true;
    if (number <= kCallsBase) outcome.calls = kCallsBase - number;
    if (number < 0) continue;
    ledger->certain.insert(number);
    ledger->possible.insert(number);
    outcome.last = number;
    begun = number + 1;
  }
  ::close(acks[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  outcome.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (begun < from + count) ledger->possible.insert(begun);
  return outcome;
}

using Found = std::map<std::pair<std::string, int64_t>, uint64_t>;

StatusOr<Found> ReadAll(tsdb::Db& db) {
  Found found;
  NX_ASSIGN_OR_RETURN(auto querier, db.NewQuerier(INT64_MIN, INT64_MAX));
  NX_ASSIGN_OR_RETURN(const Matcher all, Matcher::Create(MatchType::kRegex, "__name__", ".+"));
  const Matcher matchers[] = {all};
  NX_ASSIGN_OR_RETURN(auto list, querier->Select({}, matchers));
  storage::SampleColumns columns;
  for (size_t i = 0; i < list->size(); ++i) {
    columns.Clear();
    NX_RETURN_IF_ERROR(list->Read(i, INT64_MIN, INT64_MAX, &columns));
    const std::string name = list->labels(i).ToString();
    for (size_t k = 0; k < columns.size(); ++k) {
      found[{name, columns.timestamps[k]}] = std::bit_cast<uint64_t>(columns.values[k]);
    }
  }
  return found;
}

bool InDeletion(const ExpectedSample& s) {
  return s.series.find("\"lone\"") != std::string::npos && s.time >= TimeOf(kDeletedFrom) &&
         s.time <= TimeOf(kDeletedTo);
}

// Empty when the directory holds what the ledger says; else the first thing that is wrong.
std::string Check(const std::string& dir, const Ledger& ledger, size_t* lost = nullptr) {
  auto db = tsdb::Db::Open(CrashOptions(dir));
  if (!db.ok()) return "does not open: " + std::string(MessageOf(db.status()));
  const StatusOr<Found> read = ReadAll(**db);
  if (!read.ok()) return "does not read: " + std::string(MessageOf(read.status()));
  Found found = *read;
  for (int tick : ledger.possible) {
    const bool certain = ledger.certain.contains(tick);
    for (const ExpectedSample& s : SamplesOfTick(tick)) {
      const auto it = found.find({s.series, s.time});
      const bool there = it != found.end();
      if (there && it->second != std::bit_cast<uint64_t>(s.value)) {
        return fmt::format("{} at tick {} has another value", s.series, tick);
      }
      if (there) found.erase(it);
      const bool in_deletion = InDeletion(s);
      if (there && ledger.deleted && in_deletion) {
        return fmt::format("{} at tick {} is back though deleted", s.series, tick);
      }
      if (there || !certain || s.time < ledger.kept_from) continue;
      if (in_deletion && ledger.deleting) continue;
      if (tick >= ledger.damaged_from) {
        if (lost != nullptr) ++*lost;
        continue;
      }
      return fmt::format("{} at tick {} is missing", s.series, tick);
    }
  }
  for (const auto& [key, bits] : found) {
    if (bits == storage::kStaleNaNBits) continue;  // the end of a series that was replaced
    return fmt::format("{} at {} was never written", key.first, key.second);
  }
  return (*db)->Close().ok() ? "" : "does not close";
}

// Opens, checks, goes on writing with housekeeping, checks again.
std::string CheckAndGoOn(const std::string& dir, Ledger* ledger) {
  std::string wrong = Check(dir, *ledger);
  if (!wrong.empty()) return wrong;
  const int from = ledger->next();
  const Outcome outcome = RunChild(dir, "write", from, 35, {}, ledger);
  if (outcome.exit_code != 0) return fmt::format("cannot go on: exit {}", outcome.exit_code);
  wrong = Check(dir, *ledger);
  return wrong.empty() ? "" : "after going on: " + wrong;
}

// After an export that may have been cut short: what Prometheus finds there, and what becomes of
// the directory when Prometheus ran on it. It reads blocks and wal/ as an import does.
std::string CheckExported(const Directory& exported, Ledger ledger) {
  if (fs::exists(exported.path() + "/chunks_head")) return "chunk files lie in its way";
  Directory dir;
  dir.CopyFrom(exported);
  if (fs::exists(dir.path() + "/wal")) {
    fs::remove_all(dir.path() + "/head");
  } else {
    // Nothing is published: it begins a log of its own, and both are kept.
    tsdb::promwal::LogWriter log(dir.path() + "/wal");
    tsdb::promwal::RecordEncoder encoder;
    std::string record;
    const std::pair<uint64_t, Labels> series[] = {{1, LoneSeries(0)}};
    encoder.Series(series, &record);
    Status status = log.Append(record);
    for (int tick = ledger.next(), end = tick + 9; tick < end; ++tick) {
      if (!HasLone(0, tick)) continue;
      ledger.possible.insert(tick);
      const auto value = std::bit_cast<uint64_t>(LoneValue(0, tick));
      const tsdb::promwal::SampleRecord sample[] = {{1, LoneTime(0, tick), value}};
      encoder.Samples(sample, &record);
      if (status.ok()) status = log.Append(record);
    }
    if (status.ok()) status = log.Close();
    if (!status.ok()) return "no log of its own: " + std::string(MessageOf(status));
  }
  const std::string wrong = Check(dir.path(), ledger);
  return wrong.empty() ? "" : "to Prometheus: " + wrong;
}

struct Row {
  std::string action, fault;
  long calls = 0;
  int runs = 0, killed = 0, failed = 0;
  size_t lost = 0;
  std::string first_failure;
};

void Print(const Row& row) {
  fmt::print("{:<12} {:<18} {:>6} {:>6} {:>6} {:>6} {:>9}  {}\n", row.action, row.fault, row.calls,
             row.runs, row.killed, row.failed, row.lost, row.first_failure);
  std::fflush(stdout);
  failures += row.failed;
}

void Note(Row* row, const std::string& wrong, const std::string& where) {
  ++row->runs;
  if (wrong.empty()) return;
  ++row->failed;
  if (row->first_failure.empty()) row->first_failure = where + ": " + wrong;
}

// The ledger after an action was begun on a directory.
void Begin(Action action, Ledger* ledger) {
  if (action == Action::kRetention)
    ledger->kept_from = TimeOf(ledger->next() - 1) - kShortRetention;
  if (action == Action::kDelete) ledger->deleting = true;
}

void FaultsOf(const NamedAction& named, const Directory& base, const Ledger& base_ledger,
              std::string_view kind, long limit) {
  Row row{.action = std::string(named.name), .fault = std::string(kind)};
  constexpr int kTicks = 6;
  const int count = named.action == Action::kWrite ? 60 : kTicks;
  {
    Directory dir;
    dir.CopyFrom(base);
    Ledger ledger = base_ledger;
    Begin(named.action, &ledger);
    const Outcome outcome = RunChild(dir.path(), named.name, ledger.next(), count, {}, &ledger);
    row.calls = outcome.calls;
    if (outcome.calls == 0) Note(&row, "the shim counted no calls", "call 0");
    if (outcome.exit_code != 0 || !outcome.done) {
      Note(&row, fmt::format("exit {} without a fault", outcome.exit_code), "call 0");
    }
  }
  const long step = limit == 0 ? 1 : std::max(1L, (row.calls + limit - 1) / limit);
  for (long at = 1; at <= row.calls; at += step) {
    Directory dir;
    dir.CopyFrom(base);
    Ledger ledger = base_ledger;
    Begin(named.action, &ledger);
    const Fault fault{std::string(kind), at, kind == "enospc" ? 4 + at % 13 : 1};
    const Outcome outcome = RunChild(dir.path(), named.name, ledger.next(), count, fault, &ledger);
    row.killed += outcome.killed;
    if (outcome.done && named.action == Action::kDelete) ledger.deleted = true;
    std::string wrong;
    if (!outcome.killed && outcome.exit_code != 0) {
      wrong = fmt::format("exit {}", outcome.exit_code);
    }
    if (named.action == Action::kExport && wrong.empty()) {
      if (outcome.done && !fs::exists(dir.path() + "/wal")) wrong = "the export is not there";
      if (wrong.empty()) wrong = CheckExported(dir, ledger);
    }
    if (wrong.empty()) wrong = CheckAndGoOn(dir.path(), &ledger);
    Note(&row, wrong, fmt::format("call {}", at));
  }
  Print(row);
}

// One directory that lives through `kills` kills at random moments of writing and housekeeping.
void RandomKills(int kills, std::mt19937& random) {
  Row row{.action = "write", .fault = "random kill"};
  Directory dir;
  Ledger ledger;
  for (int i = 0; i < kills && row.failed == 0; ++i) {
    const auto pause = static_cast<int64_t>(2000 + random() % 120'000);
    const Outcome outcome = RunChild(dir.path(), "write", ledger.next(), 5000, {}, &ledger, pause);
    row.killed += outcome.killed;
    // Retention follows the newest block, which ends at most one range behind the newest sample.
    ledger.kept_from = TimeOf(ledger.next()) + kRange - kRetention;
    while (!ledger.possible.empty() &&
           TimeOf(*ledger.possible.begin()) < ledger.kept_from - 40 * kRange) {
      ledger.certain.erase(*ledger.possible.begin());
      ledger.possible.erase(ledger.possible.begin());
    }
    Note(&row, Check(dir.path(), ledger), fmt::format("kill {}", i));
  }
  Print(row);
}

std::string NewestSegment(const std::string& dir) {
  std::string newest;
  for (const auto& entry : fs::directory_iterator(dir + "/head")) {
    const std::string name = entry.path().filename();
    if (name.starts_with("wal-") && entry.file_size() > 0)
      newest = std::max(newest, entry.path().string());
  }
  return newest;
}

// Cuts or flips bits in the last bytes of the log of a killed process.
void DamagedTails(std::string_view kind, int runs, std::mt19937& random) {
  Row row{.action = "tail", .fault = std::string(kind)};
  Directory base;
  Ledger base_ledger;
  RunChild(base.path(), "write", 0, 100, {"kill", 1'000'000, 1}, &base_ledger);
  for (int i = 0; i < runs; ++i) {
    Directory dir;
    dir.CopyFrom(base);
    Ledger ledger = base_ledger;
    const std::string segment = NewestSegment(dir.path());
    const auto size = static_cast<int64_t>(fs::file_size(segment));
    const int64_t back =
        1 + static_cast<int64_t>(random() % static_cast<uint64_t>(std::min<int64_t>(size, 2000)));
    if (kind == "torn") {
      fs::resize_file(segment, static_cast<uintmax_t>(size - back));
    } else {
      std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(size - back);
      const int byte = file.get();
      file.seekp(size - back);
      file.put(static_cast<char>(byte ^ (1 << (random() % 8))));
    }
    ledger.damaged_from = ledger.next() - 80;
    size_t lost = 0;
    std::string wrong = Check(dir.path(), ledger, &lost);
    row.lost += lost;
    if (wrong.empty()) wrong = CheckAndGoOn(dir.path(), &ledger);
    Note(&row, wrong, fmt::format("{} bytes from the end", back));
  }
  Print(row);
}

int Main(int argc, char** argv) {
  SetLogLevel(LogLevel::kError);
  FlagSet flags("crash_campaign", "Kills and faults at system calls of the storage.");
  const auto* random_kills =
      flags.Int("random", "Kills at random moments, in one directory that lives on.", 500);
  const auto* calls = flags.Int(
      "calls", "Calls of an action that each fault is tried at, at most; 0: every one.", 0);
  const auto* seed = flags.Int("seed", "Of what is random.", 1);
  const auto* only = flags.String("action", "The one action to try; all if not given.", "");
  flags.Parse(argc, argv);
  self_dir = fs::read_symlink("/proc/self/exe").parent_path();
  std::mt19937 random(static_cast<uint32_t>(*seed));
  fmt::print("{:<12} {:<18} {:>6} {:>6} {:>6} {:>6} {:>9}  {}\n", "action", "fault", "calls",
             "runs", "killed", "failed", "lost", "first failure");

  // 400 ticks that nothing was done about yet, and the same after cuts and merges.
  Directory raw, compacted;
  Ledger ledger;
  RunChild(raw.path(), "open", 0, 400, {}, &ledger);
  compacted.CopyFrom(raw);
  Ledger compacted_ledger = ledger;
  RunChild(compacted.path(), "compact", 400, 20, {}, &compacted_ledger);

  for (std::string_view kind : {"kill", "torn", "enospc", "short", "eio"}) {
    for (const NamedAction& named : kActions) {
      if (!only->empty() && named.name != *only) continue;
      const bool wants_raw = named.action == Action::kCompact || named.action == Action::kOpen ||
                             named.action == Action::kCheckpoint;
      FaultsOf(named, wants_raw ? raw : compacted, wants_raw ? ledger : compacted_ledger, kind,
               *calls);
    }
  }
  if (!only->empty()) return failures == 0 ? 0 : 1;
  DamagedTails("torn", static_cast<int>(std::max<int64_t>(20, *random_kills / 5)), random);
  DamagedTails("bit flip", static_cast<int>(std::max<int64_t>(20, *random_kills / 5)), random);
  RandomKills(static_cast<int>(*random_kills), random);
  fmt::print("{} failed\n", failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace narthex::crash

int main(int argc, char** argv) { return narthex::crash::Main(argc, argv); }
