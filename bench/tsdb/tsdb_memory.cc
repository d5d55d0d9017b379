// Memory per series: creates targets of 1000 series with ten labels, writes ticks of which 30 % of
// the values change, and prints the slope of the resident set between two sizes. With 725 ticks or
// more (three hours) a block is cut then: its peak and what is left afterwards are printed too.
//
//   tsdb_memory [small] [large] [ticks]     100000 300000 60 by default

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bench/tsdb/bench_labels.h"
#include "core/log/log.h"
#include "server/storage/tsdb/db.h"

namespace narthex::tsdb {
namespace {

size_t StatusField(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) {
      return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10) * 1024;
    }
  }
  return 0;
}

size_t ResidentAnonymous() { return StatusField("RssAnon"); }

// Files count: a mapping that is read stays in the resident set.
void MeasureCut(Db* db) {
  const size_t before = StatusField("VmRSS");
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew
  (void)db->Maintain();
  const size_t peak = StatusField("VmHWM"), after = StatusField("VmRSS");
  std::printf("  cut of a block: %.1f MB before, peak %.1f MB (%.2f of it), %.1f MB after\n",
              static_cast<double>(before) / 1e6, static_cast<double>(peak) / 1e6,
              static_cast<double>(peak) / static_cast<double>(before),
              static_cast<double>(after) / 1e6);
}

size_t Measure(size_t series, int ticks) {
  std::string pattern = (std::filesystem::temp_directory_path() / "tsdb-memory-XXXXXX").string();
  Options options;
  options.dir = ::mkdtemp(pattern.data());
  options.maintenance_interval = std::chrono::milliseconds(0);
  auto db = *Db::Open(options);
  std::vector<std::unique_ptr<storage::GroupWriter>> groups;
  for (size_t target = 0; target < series / 1000; ++target) {
    groups.push_back(db->NewGroup());
    bool created;
    for (size_t i = 0; i < 1000; ++i)
      (void)*groups.back()->AddMember(LabelsOf(target, i), &created);
  }
  const size_t created = ResidentAnonymous();
  std::vector<double> values(1000);
  for (int t = 1; t <= ticks; ++t) {
    for (size_t i = 0; i < 1000; ++i) {
      // A third of the series moves at all: counters, two decimals, floats.
      if (i % 10 >= 3) continue;
      values[i] = i % 10 == 0   ? values[i] + static_cast<double>(i % 17)
                  : i % 10 == 1 ? static_cast<double>((t * 37 + static_cast<int>(i)) % 1000) / 100
                                : t * 0.731 + static_cast<double>(i);
    }
    for (auto& group : groups) group->CommitTick(1'700'000'000'000 + int64_t{t} * 15000, values);
    if (t % 4 == 0 && t < 720) (void)db->Maintain();  // as the server does every minute
  }
  (void)db->Flush(false);
  const size_t resident = ResidentAnonymous();
  std::printf("%zu series: %.1f MB after creation, %.1f MB after %d ticks\n", series,
              static_cast<double>(created) / 1e6, static_cast<double>(resident) / 1e6, ticks);
  const struct mallinfo2 m = ::mallinfo2();
  std::printf("  malloc: %.1f MB used, %.1f MB free, %.1f MB mapped; anonymous besides %.1f MB\n",
              static_cast<double>(m.uordblks) / 1e6, static_cast<double>(m.fordblks) / 1e6,
              static_cast<double>(m.hblkhd) / 1e6,
              static_cast<double>(resident) / 1e6 - static_cast<double>(m.arena + m.hblkhd) / 1e6);
  if (ticks >= 725) MeasureCut(db.get());
  std::fflush(stdout);
  groups.clear();
  db.reset();
  std::filesystem::remove_all(options.dir);
  return resident;
}

// In a process of its own, so that one measurement does not help the other.
size_t MeasureApart(size_t series, int ticks) {
  int fds[2];
  if (::pipe(fds) != 0) return 0;
  if (::fork() == 0) {
    const size_t resident = Measure(series, ticks);
    ::_exit(::write(fds[1], &resident, sizeof resident) == sizeof resident ? 0 : 1);
  }
  size_t resident = 0;
  if (::read(fds[0], &resident, sizeof resident) != sizeof resident) resident = 0;
  ::wait(nullptr);
  return resident;
}

}  // namespace
}  // namespace narthex::tsdb

int main(int argc, char** argv) {
  narthex::SetLogLevel(narthex::LogLevel::kError);
  const size_t small = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100000;
  const size_t large = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 300000;
  const int ticks = argc > 3 ? std::atoi(argv[3]) : 60;
  const size_t a = narthex::tsdb::MeasureApart(small, ticks);
  const size_t b = narthex::tsdb::MeasureApart(large, ticks);
  std::printf("slope: %.1f bytes/series\n",
              static_cast<double>(b - a) / static_cast<double>(large - small));
}
