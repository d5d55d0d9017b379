// What opening and cutting take beyond the steady state of the same data. Resident memory, mapped
// files included, of processes of their own, so that one does not help the other.

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "core/log/log.h"
#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

constexpr int64_t kT0 = 1'700'000'000'000 / 7'200'000 * 7'200'000;
constexpr int64_t kIntervalMs = 15'000;
constexpr int64_t kRangeMs = 30 * 60'000;
constexpr size_t kTargets = 200;
constexpr size_t kPerTarget = 1000;
// What a cut takes however small the head is: pages of code that never ran before, buffers of
// files.
constexpr double kFixedMb = 2;

// In MB; shared by the processes.
struct Measured {
  double steady, peak, after;
  uint64_t series;
  bool done;
};

double StatusMb(const char* key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return std::strtod(line.c_str() + std::strlen(key), nullptr) / 1024;
  }
  return 0;
}

void ForgetPeak() { std::ofstream("/proc/self/clear_refs") << "5"; }

bool HasBlock(const std::string& dir) {
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    if (std::filesystem::exists(entry.path() / "meta.json")) return true;
  }
  return false;
}

Options OptionsOf(const std::string& dir) {
  Options options = TestOptions(dir);
  options.chunk_range_ms = kRangeMs;
  options.retention_ms = 0;
  return options;
}

Labels LabelsOf(size_t target, size_t i) {
  return Labels{{"__name__", fmt::format("metric_{}_total", i / 10)},
                {"cluster", "production"},
                {"datacenter", fmt::format("dc{}", target % 4)},
                {"device", fmt::format("dev{}", i % 10)},
                {"instance", fmt::format("10.0.{}.1:9100", target)},
                {"job", "node"},
                {"mode", i % 3 == 0 ? "read" : "write"}};
}

// Targets of which a third of the values change; housekeeping as often as in the server.
std::vector<std::unique_ptr<storage::GroupWriter>> Fill(Db* db, int ticks) {
  std::vector<std::unique_ptr<storage::GroupWriter>> groups;
  for (size_t target = 0; target < kTargets; ++target) {
    groups.push_back(db->NewGroup());
    bool created;
    for (size_t i = 0; i < kPerTarget; ++i) {
      (void)*groups.back()->AddMember(LabelsOf(target, i), &created);
    }
  }
  std::vector<double> values(kPerTarget);
  for (int t = 0; t < ticks; ++t) {
    for (size_t i = 0; i < kPerTarget; ++i) {
      if (i % 10 == 0) values[i] += static_cast<double>(i % 17);
      if (i % 10 == 1) values[i] = static_cast<double>((t * 37 + static_cast<int>(i)) % 1000) / 100;
      if (i % 10 == 2) values[i] = t * 0.731 + static_cast<double>(i);
    }
    for (auto& group : groups) (void)group->CommitTick(kT0 + t * kIntervalMs, values);
    if (t % 4 == 3) (void)db->Maintain();
  }
  (void)db->Flush(true);
  return groups;
}

void FillAndDie(const std::string& dir, Measured* out) {
  auto db = *Db::Open(OptionsOf(dir));
  const auto groups = Fill(db.get(), 100);
  out->steady = StatusMb("VmRSS:");
  out->done = true;
  ::_exit(0);
}

void OpenAgain(const std::string& dir, Measured* out) {
  auto db = *Db::Open(OptionsOf(dir));
  out->peak = StatusMb("VmHWM:");
  out->after = StatusMb("VmRSS:");
  out->series = db->series_count();
  out->done = true;
  ::_exit(0);
}

void FillAndCut(const std::string& dir, Measured* out) {
  auto db = *Db::Open(OptionsOf(dir));
  const auto groups = Fill(db.get(), 180);  // a block is due behind one more
  const std::vector<double> values(kPerTarget, 1);
  for (auto& group : groups) (void)group->CommitTick(kT0 + 181 * kIntervalMs, values);
  if (HasBlock(dir)) ::_exit(0);
  out->steady = StatusMb("VmRSS:");
  ForgetPeak();
  const bool cut = db->Maintain().ok() && HasBlock(dir);
  out->peak = StatusMb("VmHWM:");
  out->after = StatusMb("VmRSS:");
  out->series = db->series_count();
  out->done = cut;
  ::_exit(0);
}

Measured Apart(const std::string& dir, void (*run)(const std::string&, Measured*)) {
  void* const shared =
      ::mmap(nullptr, sizeof(Measured), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(shared != MAP_FAILED);
  auto* const measured = new (shared) Measured();
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    SetLogLevel(LogLevel::kError);
    run(dir, measured);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  const Measured out = *measured;
  ::munmap(shared, sizeof(Measured));
  REQUIRE(WIFEXITED(status));
  REQUIRE(out.done);
  return out;
}

TEST_CASE("Opening takes no more memory at any moment than the data took before") {
  TempDir dir;
  const Measured before = Apart(dir.path(), FillAndDie);
  const Measured opened = Apart(dir.path(), OpenAgain);
  INFO("steady " << before.steady << " MB, peak of opening " << opened.peak << " MB, then "
                 << opened.after << " MB");
  CHECK(opened.series == kTargets * kPerTarget);
  CHECK(opened.peak <= 1.2 * before.steady);
}

TEST_CASE("A cut takes little more memory than the head") {
  TempDir dir;
  const Measured m = Apart(dir.path(), FillAndCut);
  INFO("steady " << m.steady << " MB, peak of the cut " << m.peak << " MB, then " << m.after
                 << " MB");
  CHECK(m.series == kTargets * kPerTarget);
  CHECK(m.peak <= 1.15 * m.steady + kFixedMb);
}

}  // namespace
}  // namespace narthex::tsdb
