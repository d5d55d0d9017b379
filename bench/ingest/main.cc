// ingest_bench: memory and CPU of ingestion, side by side.
//
// Starts our server and the peer against the same synthetic targets, at two scales one after the
// other, and prints RSS per active series (the slope between the scales), CPU per million samples
// and WAL bytes per sample of both, and their ratios. Takes 2 × (warm-up + window).
//
//   ingest_bench --targets=50 --series=1000 --interval=5s --warmup=60s --window=60s

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <thread>

#include "bench/ingest/targets.h"
#include "core/base/file.h"
#include "core/flags/flags.h"
#include "tests/support/http.h"
#include "tests/support/process.h"

namespace {

using narthex::testing::ChildProcess;
namespace fs = std::filesystem;

struct Settings {
  std::string ours, peer;
  int64_t targets, series, factor, interval_ms, warmup_ms, window_ms;
  bool gzip;
};

struct Measure {
  double series = 0;
  double rss_bytes = 0;
  double cpu_seconds = 0;
  double samples = 0;
  double wal_bytes = 0;
};

double CpuSeconds(pid_t pid) {
  const std::string stat = narthex::ReadFile(fmt::format("/proc/{}/stat", pid)).value_or("");
  const char* after_name = stat.c_str() + stat.rfind(')') + 1;
  unsigned long user = 0, system = 0;
  std::sscanf(after_name, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
  return static_cast<double>(user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// Prometheus' wal/ or our head/wal-*.
double WalBytes(const std::string& data) {
  double bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(data, error)) {
    const bool ours = entry.path().filename().string().starts_with("wal-");
    const bool peers = entry.path().parent_path().filename() == "wal";
    if ((ours || peers) && entry.is_regular_file(error)) {
      bytes += static_cast<double>(entry.file_size(error));
    }
  }
  return bytes;
}

std::string Config(const Settings& settings, int targets, int port) {
  std::string config = fmt::format(
      "global:\n  scrape_interval: {}ms\n  scrape_timeout: {}ms\nscrape_configs:\n- job_name: bench\n"
      "  static_configs:\n",
      settings.interval_ms, settings.interval_ms);
  for (int t = 0; t < targets; ++t) {
    config += fmt::format(
        "  - targets: ['127.0.0.1:{}']\n    labels: {{__metrics_path__: /t/{}, instance: 't{}'}}\n",
        port, t, t);
  }
  return config;
}

struct Server {
  std::string name, binary;
  int port = 0;
  std::string dir;
};

double Number(const Server& server, const std::string& expression) {
  const auto answer = narthex::testing::HttpGet(fmt::format(
      "http://127.0.0.1:{}/api/v1/query?query={}", server.port, narthex::testing::UrlEscape(expression)));
  const size_t at = answer.body.rfind(",\"");
  return at == std::string::npos ? 0 : std::atof(answer.body.c_str() + at + 2);
}

std::vector<Measure> RunScale(const Settings& settings, std::vector<Server> servers, int targets) {
  narthex::bench::Targets synthetic(targets, static_cast<int>(settings.series), settings.gzip);
  if (auto status = synthetic.Start(); !status.ok()) {
    fmt::print(stderr, "{}\n", narthex::MessageOf(status));
    std::exit(1);
  }
  std::vector<ChildProcess> processes;
  for (Server& server : servers) {
    server.dir = narthex::testing::ScratchDir(fmt::format("ingest-{}-{}", server.name, targets));
    server.port = narthex::testing::FreePort();
    (void)narthex::WriteFileAtomically(server.dir + "/p.yml",
                                       Config(settings, targets, synthetic.port()));
    processes.emplace_back(
        std::vector<std::string>{server.binary, "--config.file=" + server.dir + "/p.yml",
                                 "--storage.tsdb.path=" + server.dir + "/data",
                                 fmt::format("--web.listen-address=127.0.0.1:{}", server.port)},
        server.dir + "/log");
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(settings.warmup_ms));
  std::vector<Measure> start, end;
  auto read = [&](std::vector<Measure>& out) {
    for (size_t i = 0; i < servers.size(); ++i) {
      Measure m;
      m.cpu_seconds = CpuSeconds(processes[i].pid());
      m.wal_bytes = WalBytes(servers[i].dir + "/data");
      m.rss_bytes = static_cast<double>(processes[i].rss_bytes());
      m.series = Number(servers[i], "sum(scrape_samples_scraped{job=\"bench\"})");
      m.samples = Number(servers[i], "sum(sum_over_time(scrape_samples_scraped{job=\"bench\"}[1h]))");
      out.push_back(m);
    }
  };
  read(start);
  std::this_thread::sleep_for(std::chrono::milliseconds(settings.window_ms));
  read(end);
  for (size_t i = 0; i < end.size(); ++i) {
    end[i].cpu_seconds -= start[i].cpu_seconds;
    end[i].wal_bytes -= start[i].wal_bytes;
    end[i].samples -= start[i].samples;
    fmt::print("  {:10} {:>9.0f} series  {:>8.1f} MB RSS  {:>7.2f} CPU-s for {:>9.0f} samples  "
               "{:>6.2f} WAL B/sample\n",
               servers[i].name, end[i].series, end[i].rss_bytes / 1e6, end[i].cpu_seconds,
               end[i].samples, end[i].wal_bytes / end[i].samples);
  }
  std::fflush(stdout);
  return end;
}

}  // namespace

int main(int argc, char** argv) {
  using narthex::FlagSet;
  FlagSet flags("ingest_bench", "Memory and CPU of ingestion, side by side with the peer.");
  auto* ours = flags.String("ours", "Our server.", narthex::testing::Binary("prometheus"));
  auto* peer = flags.String("peer", "The peer.", "/usr/bin/prometheus");
  auto* targets = flags.Int("targets", "Targets at the small scale.", 50);
  auto* series = flags.Int("series", "Series per target.", 1000);
  auto* factor = flags.Int("factor", "The large scale is this many times the small one.", 3);
  auto* gzip = flags.Bool("gzip", "Scrape compressed.", false);
  const auto kGo = FlagSet::DurationSyntax::kGo;
  auto* interval = flags.Duration("interval", "Scrape interval.", "5s", kGo);
  auto* warmup = flags.Duration("warmup", "Time before the window.", "60s", kGo);
  auto* window = flags.Duration("window", "Time measured.", "60s", kGo);
  flags.Parse(argc, argv);
  const Settings settings{*ours, *peer, *targets, *series, *factor, *interval, *warmup, *window, *gzip};

  const std::vector<Server> servers = {{"narthex", settings.ours}, {"prometheus", settings.peer}};
  fmt::print("{} series per target, every {} ms, 10 labels, 30 % of values change{}\n",
             settings.series, settings.interval_ms, settings.gzip ? ", gzip" : "");
  const auto small = RunScale(settings, servers, static_cast<int>(settings.targets));
  const auto large = RunScale(settings, servers, static_cast<int>(settings.targets * settings.factor));

  double slope[2], cpu[2], wal[2];
  for (int i = 0; i < 2; ++i) {
    slope[i] = (large[i].rss_bytes - small[i].rss_bytes) / (large[i].series - small[i].series);
    cpu[i] = large[i].cpu_seconds / large[i].samples * 1e6;
    wal[i] = large[i].wal_bytes / large[i].samples;
  }
  fmt::print("\n{:34}{:>10}{:>12}{:>8}\n", "", "narthex", "prometheus", "ratio");
  const auto row = [](const char* what, double a, double b) {
    fmt::print("{:34}{:>10.2f}{:>12.2f}    1/{:.1f}\n", what, a, b, b / a);
  };
  row("RSS per active series, bytes", slope[0], slope[1]);
  row("CPU per million samples, seconds", cpu[0], cpu[1]);
  row("WAL bytes per sample", wal[0], wal[1]);
  return 0;
}
