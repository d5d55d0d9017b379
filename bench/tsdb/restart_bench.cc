// Restart of the storage after kill -9: fills a directory with targets of 1000 series with ten
// labels (30 % of the values change), dies without a word, opens the directory again in a fresh
// process and prints what that took.
//
//   restart_bench --series=1000000 --ticks=480
//
// Housekeeping runs every --maintain-every ticks, as the server's thread does every minute. All
// samples are checked to be there when --check is given. The peak of memory while opening is held
// against what the same data took before; above --peak-limit the bench fails.

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "bench/tsdb/bench_labels.h"
#include "core/flags/flags.h"
#include "core/log/log.h"
#include "server/storage/tsdb/db.h"

namespace narthex::tsdb {
namespace {

constexpr int64_t kT0 = 1'700'000'000'000 / 7'200'000 * 7'200'000;
constexpr int64_t kIntervalMs = 15'000;
constexpr size_t kPerTarget = 1000;

struct Settings {
  std::string dir;
  size_t series;
  int ticks, maintain_every;
  bool close, check;
  double peak_limit;
  double* steady_mb;  // shared by the processes; 0: not known
};

double StatusMb(const char* key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key)) return std::strtod(line.c_str() + std::strlen(key), nullptr) / 1024;
  }
  return 0;
}

double CpuSeconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double Since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The value of a series at a tick: a third of the series moves at all.
double ValueOf(size_t target, size_t i, int t) {
  switch (i % 10) {
    case 0: return static_cast<double>(static_cast<size_t>(t) * (i % 17) + target);
    case 1: return static_cast<double>((t * 37 + static_cast<int>(i)) % 1000) / 100;
    case 2: return t * 0.731 + static_cast<double>(i);
    default: return static_cast<double>(i % 5);
  }
}

Options OptionsOf(const Settings& settings) {
  Options options;
  options.dir = settings.dir;
  options.maintenance_interval = std::chrono::milliseconds(0);
  options.wal_flush_window = std::chrono::milliseconds(0);
  return options;
}

void Fill(const Settings& settings) {
  const auto start = std::chrono::steady_clock::now();
  auto db = *Db::Open(OptionsOf(settings));
  std::vector<std::unique_ptr<storage::GroupWriter>> groups;
  const size_t targets = settings.series / kPerTarget;
  for (size_t target = 0; target < targets; ++target) {
    groups.push_back(db->NewGroup());
    bool created;
    for (size_t i = 0; i < kPerTarget; ++i) {
      (void)*groups.back()->AddMember(LabelsOf(target, i), &created);
    }
  }
  std::printf("create   %7.2f s\n", Since(start));
  double maintaining = 0;
  std::vector<double> values(kPerTarget);
  for (int t = 0; t < settings.ticks; ++t) {
    for (size_t target = 0; target < targets; ++target) {
      for (size_t i = 0; i < kPerTarget; ++i) values[i] = ValueOf(target, i, t);
      // Targets are scraped at different moments of the interval.
      groups[target]->CommitTick(
          kT0 + t * kIntervalMs + static_cast<int64_t>(target * 7919 % kIntervalMs), values);
    }
    if ((t + 1) % settings.maintain_every == 0) {
      const auto before = std::chrono::steady_clock::now();
      (void)db->Maintain();
      maintaining += Since(before);
    }
  }
  (void)db->Flush(true);
  *settings.steady_mb = StatusMb("VmRSS:");
  std::printf(
      "fill     %7.2f s, housekeeping %.2f s of it, CPU %.2f s, resident %.0f MB "
      "(anonymous %.0f)\n",
      Since(start), maintaining, CpuSeconds(), StatusMb("VmRSS:"), StatusMb("RssAnon:"));
  if (settings.close) {
    groups.clear();
    const auto before = std::chrono::steady_clock::now();
    (void)db->Close();
    std::printf("close    %7.2f s\n", Since(before));
  }
  std::fflush(stdout);
  ::_exit(0);
}

// Every sample of every series is there with its value.
bool CheckAll(const Settings& settings, Db& db) {
  auto querier = db.NewQuerier(INT64_MIN, INT64_MAX);
  auto list = (*querier)->Select({}, {});
  size_t right = 0;
  storage::SampleColumns columns;
  for (size_t s = 0; s < (*list)->size(); ++s) {
    const Labels labels = (*list)->labels(s);
    unsigned a = 0, b = 0, metric = 0, device = 0;
    std::sscanf(std::string(labels.Get("instance")).c_str(), "10.%u.%u.", &a, &b);
    std::sscanf(std::string(labels.Get("__name__")).c_str(), "node_metric_%u_total", &metric);
    std::sscanf(std::string(labels.Get("device")).c_str(), "dev%u", &device);
    columns.Clear();
    if (!(*list)->Read(s, INT64_MIN, INT64_MAX, &columns).ok()) return false;
    for (size_t k = 0; k < columns.size(); ++k) {
      const auto t = static_cast<int>((columns.timestamps[k] - kT0) / kIntervalMs);
      right += columns.values[k] == ValueOf(a * 200 + b, metric * 10 + device, t);
    }
  }
  const size_t want = settings.series * static_cast<size_t>(settings.ticks);
  std::printf("check    %zu of %zu samples are there\n", right, want);
  return right == want;
}

void Open(const Settings& settings) {
  const auto start = std::chrono::steady_clock::now();
  auto opened = Db::Open(OptionsOf(settings));
  const double seconds = Since(start);
  if (!opened.ok()) {
    std::printf("open failed: %s\n", std::string(MessageOf(opened.status())).c_str());
    ::_exit(1);
  }
  std::printf(
      "open     %7.3f s, CPU %.3f s, %llu series, resident %.0f MB (anonymous %.0f), peak "
      "%.0f MB\n",
      seconds, CpuSeconds(), static_cast<unsigned long long>((*opened)->series_count()),
      StatusMb("VmRSS:"), StatusMb("RssAnon:"), StatusMb("VmHWM:"));
  bool right = true;
  if (*settings.steady_mb > 0) {
    const double ratio = StatusMb("VmHWM:") / *settings.steady_mb;
    std::printf("peak     %7.2f of what was resident before the end\n", ratio);
    right = ratio <= settings.peak_limit;
  }
  if (settings.check) right = CheckAll(settings, **opened) && right;
  std::fflush(stdout);
  ::_exit(right ? 0 : 1);
}

// Leaves the directory as Prometheus' own.
void Export(const Settings& settings) {
  auto db = *Db::Open(OptionsOf(settings));
  const narthex::Status status = db->ExportLog();
  if (!status.ok()) std::printf("export failed: %s\n", std::string(MessageOf(status)).c_str());
  (void)db->Close();
  std::fflush(stdout);
  ::_exit(status.ok() ? 0 : 1);
}

bool Apart(const Settings& settings, void (*run)(const Settings&)) {
  const pid_t child = ::fork();
  if (child == 0) run(settings);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace
}  // namespace narthex::tsdb

int main(int argc, char** argv) {
  using namespace narthex;
  SetLogLevel(LogLevel::kWarn);
  FlagSet flags("restart_bench", "Restart of the storage after kill -9.");
  auto* series = flags.Int("series", "Series, in targets of 1000.", 300000);
  auto* ticks = flags.Int("ticks", "Samples per series, 15 s apart.", 120);
  auto* every = flags.Int("maintain-every", "Ticks between rounds of housekeeping.", 4);
  auto* dir = flags.String("dir", "Directory to use and keep; empty: a temporary one.", "");
  auto* phase =
      flags.String("phase", "fill, open, export (for Prometheus), or all: fill and open.", "all");
  auto* close = flags.Bool("close", "Close the database instead of dying.", false);
  auto* check = flags.Bool("check", "Read back every sample.", false);
  auto* limit = flags.Double("peak-limit", "Most that opening may take, of what was taken.", 1.2);
  flags.Parse(argc, argv);

  tsdb::Settings settings{*dir,
                          static_cast<size_t>(*series),
                          static_cast<int>(*ticks),
                          static_cast<int>(*every),
                          *close,
                          *check,
                          *limit,
                          nullptr};
  settings.steady_mb = static_cast<double*>(
      ::mmap(nullptr, sizeof(double), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (settings.steady_mb == MAP_FAILED) return 1;
  if (dir->empty()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "restart-XXXXXX").string();
    settings.dir = ::mkdtemp(pattern.data());
  }
  bool ok = true;
  if (*phase == "fill" || *phase == "all") ok = tsdb::Apart(settings, tsdb::Fill);
  if (*phase == "export") ok = tsdb::Apart(settings, tsdb::Export);
  if (*phase == "open" || *phase == "all") ok = ok && tsdb::Apart(settings, tsdb::Open);
  if (dir->empty()) std::filesystem::remove_all(settings.dir);
  return ok ? 0 : 1;
}
