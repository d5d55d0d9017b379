// ingest_bench: memory and CPU of ingestion and the time of a restart, side by side.
//
// Starts our server and the peers against the same synthetic targets, at two scales one after the
// other, and prints RSS per active series (the slope between the scales), CPU per million samples,
// WAL bytes per sample, and how long each takes to be ready after kill -9 and how many samples it
// has then. Takes 2 × (warm-up + window) and the restarts.
//
//   ingest_bench --targets=50 --series=1000 --interval=5s --warmup=60s --window=60s

#include <cmath>
#include <cstdio>
#include <thread>

#include "bench/ingest/servers.h"
#include "bench/ingest/targets.h"
#include "core/base/file.h"
#include "core/flags/flags.h"

namespace narthex::bench {
namespace {

struct Settings {
  int64_t targets, series, factor, interval_ms, warmup_ms, window_ms;
  bool gzip;
};

struct Measure {
  double series = 0;
  double rss_bytes = 0;
  double cpu_seconds = 0;
  double samples = 0;
  double wal_bytes = 0;
  double ready_seconds = 0;
  double lost_samples = 0;
};

std::string Config(const Settings& settings, int targets, int port) {
  std::string config = fmt::format(
      "global:\n  scrape_interval: {}ms\n  scrape_timeout: {}ms\nscrape_configs:\n- job_name: "
      "bench\n"
      "  static_configs:\n",
      settings.interval_ms, settings.interval_ms);
  for (int t = 0; t < targets; ++t) {
    config += fmt::format(
        "  - targets: ['127.0.0.1:{}']\n    labels: {{__metrics_path__: /t/{}, instance: 't{}'}}\n",
        port, t, t);
  }
  return config;
}

constexpr const char* kStored = "sum(sum_over_time(scrape_samples_scraped{job=\"bench\"}[1h]))";

Measure Read(const Server& server) {
  return {.series = server.Number("sum(scrape_samples_scraped{job=\"bench\"})"),
          .rss_bytes = server.rss_bytes(),
          .cpu_seconds = server.cpu_seconds(),
          .samples = server.Number(kStored),
          .wal_bytes = server.wal_bytes()};
}

// Kills one server after the other; the targets are gone, so what is stored stays what it is.
void Restart(std::vector<std::unique_ptr<Server>>& servers, std::vector<Measure>& measures) {
  for (size_t i = 0; i < servers.size(); ++i) {
    Server& server = *servers[i];
    const double before = server.Number(kStored);
    server.Kill();
    server.Start();
    measures[i].ready_seconds = server.WaitReady(std::chrono::seconds(300));
    measures[i].lost_samples = before - server.Number(kStored);
    server.Kill();
  }
}

std::vector<Measure> RunScale(const Settings& settings, const std::vector<Program>& programs,
                              int targets, bool restart) {
  auto synthetic =
      std::make_unique<Targets>(targets, static_cast<int>(settings.series), settings.gzip);
  if (auto status = synthetic->Start(); !status.ok()) {
    fmt::print(stderr, "{}\n", MessageOf(status));
    std::exit(1);
  }
  std::vector<std::unique_ptr<Server>> servers;
  for (const Program& program : programs) {
    servers.push_back(std::make_unique<Server>(program,
                                               fmt::format("ingest-{}-{}", program.name(), targets),
                                               Config(settings, targets, synthetic->port())));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(settings.warmup_ms));
  std::vector<Measure> start, end;
  for (const auto& server : servers) start.push_back(Read(*server));
  std::this_thread::sleep_for(std::chrono::milliseconds(settings.window_ms));
  for (const auto& server : servers) end.push_back(Read(*server));
  for (size_t i = 0; i < end.size(); ++i) {
    end[i].cpu_seconds -= start[i].cpu_seconds;
    end[i].wal_bytes -= start[i].wal_bytes;
    end[i].samples -= start[i].samples;
    fmt::print(
        "  {:10} {:>9.0f} series  {:>8.1f} MB RSS  {:>7.2f} CPU-s for {:>9.0f} samples  "
        "{:>6.2f} WAL B/sample\n",
        servers[i]->name(), end[i].series, end[i].rss_bytes / 1e6, end[i].cpu_seconds,
        end[i].samples, end[i].wal_bytes / end[i].samples);
  }
  std::fflush(stdout);
  if (restart) {
    synthetic.reset();
    std::this_thread::sleep_for(std::chrono::milliseconds(settings.interval_ms));
    Restart(servers, end);
  }
  return end;
}

void PrintRow(const char* what, const std::vector<double>& values) {
  fmt::print("{:36}", what);
  for (double value : values) fmt::print("{:>12.2f}", value);
  for (size_t i = 1; i < values.size(); ++i) {
    if (values[i] <= 0 || values[0] <= 0) {
      fmt::print("{:>9}", "-");
    } else {
      fmt::print("    1/{:<4.1f}", values[i] / values[0]);
    }
  }
  fmt::print("\n");
}

void Run(const Settings& settings, const std::vector<Program>& programs) {
  fmt::print("{} series per target, every {} ms, 10 labels, 30 % of values change{}\n",
             settings.series, settings.interval_ms, settings.gzip ? ", gzip" : "");
  const auto small = RunScale(settings, programs, static_cast<int>(settings.targets), false);
  const auto large =
      RunScale(settings, programs, static_cast<int>(settings.targets * settings.factor), true);

  fmt::print("\n{:36}", "");
  for (const Program& program : programs) fmt::print("{:>12}", program.name());
  fmt::print("   narthex to each\n");
  std::vector<double> slope, cpu, wal, ready, lost;
  for (size_t i = 0; i < programs.size(); ++i) {
    slope.push_back((large[i].rss_bytes - small[i].rss_bytes) /
                    (large[i].series - small[i].series));
    cpu.push_back(large[i].cpu_seconds / large[i].samples * 1e6);
    wal.push_back(large[i].wal_bytes / large[i].samples);
    ready.push_back(large[i].ready_seconds);
    lost.push_back(large[i].lost_samples);
  }
  PrintRow("RSS per active series, bytes", slope);
  PrintRow("CPU per million samples, seconds", cpu);
  PrintRow("WAL bytes per sample", wal);
  PrintRow("ready after kill -9, seconds", ready);
  PrintRow("samples lost by kill -9", lost);
}

}  // namespace
}  // namespace narthex::bench

int main(int argc, char** argv) {
  using namespace narthex;
  FlagSet flags("ingest_bench",
                "Memory, CPU and restart of ingestion, side by side with the peers.");
  auto* ours = flags.String("ours", "Our server.", testing::Binary("prometheus"));
  auto* peer = flags.String("peer", "Prometheus.", "/usr/bin/prometheus");
  auto* victoria =
      flags.String("victoria", "VictoriaMetrics; empty: leave it out.",
                   FileExists("/usr/bin/victoria-metrics") ? "/usr/bin/victoria-metrics" : "");
  auto* targets = flags.Int("targets", "Targets at the small scale.", 50);
  auto* series = flags.Int("series", "Series per target.", 1000);
  auto* factor = flags.Int("factor", "The large scale is this many times the small one.", 3);
  auto* gzip = flags.Bool("gzip", "Scrape compressed.", false);
  const auto kGo = FlagSet::DurationSyntax::kGo;
  auto* interval = flags.Duration("interval", "Scrape interval.", "5s", kGo);
  auto* warmup = flags.Duration("warmup", "Time before the window.", "60s", kGo);
  auto* window = flags.Duration("window", "Time measured.", "60s", kGo);
  flags.Parse(argc, argv);

  std::vector<bench::Program> programs = {{bench::Kind::kOurs, *ours},
                                          {bench::Kind::kPrometheus, *peer}};
  if (!victoria->empty()) programs.push_back({bench::Kind::kVictoria, *victoria});
  bench::Run({*targets, *series, *factor, *interval, *warmup, *window, *gzip}, programs);
  return 0;
}
