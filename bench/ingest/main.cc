// ingest_bench: memory and CPU of ingestion and the time of a restart, side by side.
//
// Starts our server and the peers against the same synthetic targets, at two scales one after the
// other, and prints RSS per active series (the slope between the scales), CPU per million samples,
// WAL bytes per sample, and how long each takes to be ready after kill -9 and how many samples it
// has then. Takes 2 × (warm-up + window) and the restarts; --factor=1 leaves the small scale out.
//
// With --churn, windows in which every scrape finds that share of the series replaced take turns
// with windows without, --rounds times; CPU per new series is what the former take beyond their
// samples at the cost of the latter, over all rounds. A single round tells little of a server that
// collects garbage: whether a collection falls into it can double the figure.
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
  int64_t targets, series, factor, interval_ms, warmup_ms, window_ms, churn_percent;
  int64_t rounds;
  bool gzip, restart;
};

struct Measure {
  double series = 0;
  double rss_bytes = 0;
  double file_bytes = 0;  // of those, pages of files
  double peak_bytes = 0;
  double cpu = 0;
  double samples = 0;
  double wal_bytes = 0;
  double ready_seconds = 0;
  double lost_samples = 0;
  double new_series = 0;
  double new_series_seconds = 0;  // CPU for all of them
};

std::string Config(const Settings& settings, size_t client, int targets, int port) {
  std::string config = fmt::format(
      "global:\n  scrape_interval: {}ms\n  scrape_timeout: {}ms\nscrape_configs:\n- job_name: "
      "bench\n"
      "  static_configs:\n",
      settings.interval_ms, settings.interval_ms);
  for (int t = 0; t < targets; ++t) {
    config += fmt::format(
        "  - targets: ['127.0.0.1:{}']\n    labels: {{__metrics_path__: /{}/{}, instance: "
        "'t{}'}}\n",
        port, client, t, t);
  }
  return config;
}

constexpr const char* kStored = "sum(sum_over_time(scrape_samples_scraped{job=\"bench\"}[1h]))";

Measure Read(const Server& server) {
  return {.series = server.Number("sum(scrape_samples_scraped{job=\"bench\"})"),
          .rss_bytes = server.rss_bytes(),
          .file_bytes = server.memory_field("RssFile"),
          .peak_bytes = server.memory_field("VmHWM"),
          .cpu = server.cpu_seconds(),
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

using Servers = std::vector<std::unique_ptr<Server>>;

// What the servers do during one window. Sizes are those at its end.
std::vector<Measure> Window(const Settings& settings, const Servers& servers) {
  std::vector<Measure> start, end;
  for (const auto& server : servers) start.push_back(Read(*server));
  std::this_thread::sleep_for(std::chrono::milliseconds(settings.window_ms));
  for (const auto& server : servers) end.push_back(Read(*server));
  for (size_t i = 0; i < end.size(); ++i) {
    end[i].cpu -= start[i].cpu;
    end[i].wal_bytes -= start[i].wal_bytes;
    end[i].samples -= start[i].samples;
    fmt::print(
        "  {:10} {:>9.0f} series  {:>8.1f} MB RSS (files {:.1f}, peak {:.1f})  {:>7.3f} CPU-s for "
        "{:>9.0f} samples  {:>6.2f} WAL B/sample\n",
        servers[i]->name(), end[i].series, end[i].rss_bytes / 1e6, end[i].file_bytes / 1e6,
        end[i].peak_bytes / 1e6, end[i].cpu, end[i].samples, end[i].wal_bytes / end[i].samples);
  }
  std::fflush(stdout);
  return end;
}

// What servers do from now on, at a churn, once all targets have it.
std::vector<Measure> WindowWithChurn(const Settings& settings, Targets& targets,
                                     const Servers& servers, int64_t percent) {
  targets.SetChurn(static_cast<int>(percent));
  std::this_thread::sleep_for(std::chrono::milliseconds(settings.interval_ms));
  const auto churned = [&](size_t i) {
    return static_cast<double>(targets.churned(static_cast<int>(i)));
  };
  std::vector<double> before;
  before.reserve(servers.size());
  for (size_t i = 0; i < servers.size(); ++i) before.push_back(churned(i));
  std::vector<Measure> window = Window(settings, servers);
  for (size_t i = 0; i < servers.size(); ++i) window[i].new_series = churned(i) - before[i];
  return window;
}

void MeasureChurn(const Settings& settings, Targets& targets, const Servers& servers,
                  std::vector<Measure>* measures) {
  struct Sum {
    double cpu = 0, samples = 0;
    void Add(const Measure& m) {
      cpu += m.cpu;
      samples += m.samples;
    }
  };
  const auto beyond = [](const Sum& churned, const Sum& plain) {
    return churned.cpu - churned.samples * (plain.cpu / plain.samples);
  };
  std::vector<Sum> plain(servers.size()), churned(servers.size());
  for (int64_t round = 0; round < settings.rounds; ++round) {
    const auto with = WindowWithChurn(settings, targets, servers, settings.churn_percent);
    const auto without = WindowWithChurn(settings, targets, servers, 0);
    for (size_t i = 0; i < servers.size(); ++i) {
      Sum a, b;
      a.Add(with[i]);
      b.Add(without[i]);
      fmt::print("  {:10} {:>6.2f} us a new series in this round\n", servers[i]->name(),
                 beyond(a, b) / with[i].new_series * 1e6);
      churned[i].Add(with[i]);
      plain[i].Add(without[i]);
      (*measures)[i].new_series += with[i].new_series;
    }
  }
  for (size_t i = 0; i < servers.size(); ++i) {
    (*measures)[i].new_series_seconds = beyond(churned[i], plain[i]);
  }
}

std::vector<Measure> RunScale(const Settings& settings, const std::vector<Program>& programs,
                              int targets, bool large) {
  auto synthetic = std::make_unique<Targets>(static_cast<int>(programs.size()), targets,
                                             static_cast<int>(settings.series), settings.gzip);
  if (auto status = synthetic->Start(); !status.ok()) {
    fmt::print(stderr, "{}\n", MessageOf(status));
    std::exit(1);
  }
  Servers servers;
  for (const Program& program : programs) {
    servers.push_back(
        std::make_unique<Server>(program, fmt::format("ingest-{}-{}", program.name(), targets),
                                 Config(settings, servers.size(), targets, synthetic->port())));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(settings.warmup_ms));
  std::vector<Measure> measures = Window(settings, servers);
  if (large && settings.churn_percent > 0) {
    MeasureChurn(settings, *synthetic, servers, &measures);
  }
  if (large && settings.restart) {
    synthetic.reset();
    std::this_thread::sleep_for(std::chrono::milliseconds(settings.interval_ms));
    Restart(servers, measures);
  }
  return measures;
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
  std::vector<Measure> small;
  if (settings.factor > 1) {
    small = RunScale(settings, programs, static_cast<int>(settings.targets), false);
  }
  const auto large =
      RunScale(settings, programs, static_cast<int>(settings.targets * settings.factor), true);

  fmt::print("\n{:36}", "");
  for (const Program& program : programs) fmt::print("{:>12}", program.name());
  fmt::print("   narthex to each\n");
  const auto row = [&](const char* what, const auto& value) {
    std::vector<double> values;
    values.reserve(programs.size());
    for (size_t i = 0; i < programs.size(); ++i) values.push_back(value(i));
    PrintRow(what, values);
  };
  if (!small.empty()) {
    row("RSS per active series, bytes", [&](size_t i) {
      return (large[i].rss_bytes - small[i].rss_bytes) / (large[i].series - small[i].series);
    });
  }
  row("CPU per million samples, seconds",
      [&](size_t i) { return large[i].cpu / large[i].samples * 1e6; });
  row("WAL bytes per sample", [&](size_t i) { return large[i].wal_bytes / large[i].samples; });
  if (settings.churn_percent > 0) {
    row("CPU per new series, microseconds",
        [&](size_t i) { return large[i].new_series_seconds / large[i].new_series * 1e6; });
  }
  if (!settings.restart) return;
  row("ready after kill -9, seconds", [&](size_t i) { return large[i].ready_seconds; });
  row("samples lost by kill -9", [&](size_t i) { return large[i].lost_samples; });
}

}  // namespace
}  // namespace narthex::bench

int main(int argc, char** argv) {
  using namespace narthex;
  FlagSet flags("ingest_bench",
                "Memory, CPU and restart of ingestion, side by side with the peers.");
  auto* ours = flags.String("ours", "Our server.", testing::Binary("prometheus"));
  auto* peer = flags.String("peer", "Prometheus; empty: leave it out.", "/usr/bin/prometheus");
  auto* victoria =
      flags.String("victoria", "VictoriaMetrics; empty: leave it out.",
                   FileExists("/usr/bin/victoria-metrics") ? "/usr/bin/victoria-metrics" : "");
  auto* targets = flags.Int("targets", "Targets at the small scale.", 50);
  auto* series = flags.Int("series", "Series per target.", 1000);
  auto* factor = flags.Int("factor", "The large scale is this many times the small one.", 3);
  auto* churn = flags.Int("churn", "Per cent of new series per scrape in further windows.", 0);
  auto* rounds = flags.Int("rounds", "How often that window and one without take turns.", 4);
  auto* gzip = flags.Bool("gzip", "Scrape compressed.", false);
  auto* restart = flags.Bool("restart", "Kill and restart the servers at the end.", true);
  const auto kGo = FlagSet::DurationSyntax::kGo;
  auto* interval = flags.Duration("interval", "Scrape interval.", "5s", kGo);
  auto* warmup = flags.Duration("warmup", "Time before the window.", "60s", kGo);
  auto* window = flags.Duration("window", "Time measured.", "60s", kGo);
  flags.Parse(argc, argv);

  std::vector<bench::Program> programs = {{bench::Kind::kOurs, *ours}};
  if (!peer->empty()) programs.push_back({bench::Kind::kPrometheus, *peer});
  if (!victoria->empty()) programs.push_back({bench::Kind::kVictoria, *victoria});
  bench::Run(
      {*targets, *series, *factor, *interval, *warmup, *window, *churn, *rounds, *gzip, *restart},
      programs);
  return 0;
}
