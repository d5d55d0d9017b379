// crowd_bench: thousands of targets, side by side with the peer.
//
// Each server scrapes `targets` of its own with `series` series each. Printed are CPU, memory and
// threads, how late the requests of a target come (p50, p99, worst, against its earliest place in
// the interval), and how many samples have timestamps on the target's grid. Then `dead` targets are
// added: a third hangs, a third refuses, a third drops what asks for a connection.
//
// With --idle, a further pair of runs: memory of a target that has one series, by the slope between
// `targets` and four times as many that are scraped once a minute.
//
//   crowd_bench --targets=5000 --series=200 --interval=5s --dead=1000

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <thread>

#include "bench/ingest/crowd.h"
#include "bench/ingest/servers.h"
#include "core/flags/flags.h"
#include "tests/support/http.h"

namespace narthex::bench {
namespace {

struct Settings {
  int64_t targets, series, dead, interval_ms, warmup_ms, window_ms;
  bool idle;
};

using Servers = std::vector<std::unique_ptr<Server>>;

std::string Job(const std::string& name, const std::vector<std::string>& addresses) {
  std::string out = fmt::format("- job_name: {}\n  static_configs:\n  - targets:\n", name);
  for (const std::string& address : addresses) out += fmt::format("    - {}\n", address);
  return out;
}

std::string Config(const Crowd& crowd, int client, int64_t targets, int64_t dead,
                   int64_t interval_ms) {
  std::vector<std::string> live, gone;
  for (int t = 0; t < targets; ++t) live.push_back(crowd.address(client, t));
  for (int t = 0; t < dead; ++t) {
    gone.push_back(t % 3 == 0   ? crowd.hung_address(t)
                   : t % 3 == 1 ? crowd.refused_address(t)
                                : crowd.black_hole_address(t));
  }
  std::string config = fmt::format(
      "global:\n  scrape_interval: {0}ms\n  scrape_timeout: {0}ms\nscrape_configs:\n", interval_ms);
  config += Job("live", live);
  if (!gone.empty()) config += Job("dead", gone);
  return config;
}

// The share of samples of `up` whose timestamp is on the grid: at the place in the interval that
// most of the target's samples have.
double AlignedShare(const Server& server, int64_t interval_ms, int64_t window_ms) {
  const std::string body =
      testing::HttpGet(
          fmt::format("{}/api/v1/query?query={}", server.url(),
                      testing::UrlEscape(fmt::format("up{{job=\"live\"}}[{}ms]", window_ms))))
          .body;
  size_t aligned = 0, all = 0;
  for (size_t at = body.find("\"values\":["); at != std::string::npos;
       at = body.find("\"values\":[", at)) {
    at += 10;
    const size_t end = body.find("]]", at);
    std::map<int64_t, size_t> places;
    size_t count = 0;
    for (size_t open = at; open < end && open != std::string::npos;
         open = body.find('[', open + 1)) {
      const double seconds = std::atof(body.c_str() + open + 1);
      ++places[static_cast<int64_t>(std::llround(seconds * 1000)) % interval_ms];
      ++count;
    }
    size_t most = 0;
    for (const auto& [place, n] : places) most = std::max(most, n);
    aligned += most;
    all += count;
  }
  return all == 0 ? 0 : static_cast<double>(aligned) / static_cast<double>(all);
}

struct Measure {
  double cpu = 0;
  double samples = 0, rss = 0, threads = 0, aligned = 0;
  Crowd::Lateness lateness;
};

std::vector<Measure> Window(const Settings& settings, Crowd& crowd, const Servers& servers) {
  std::vector<Measure> out(servers.size());
  for (size_t i = 0; i < servers.size(); ++i) {
    out[i].cpu = servers[i]->cpu_seconds();
  }
  crowd.Reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(settings.window_ms));
  for (size_t i = 0; i < servers.size(); ++i) {
    Measure& m = out[i];
    m.cpu = servers[i]->cpu_seconds() - m.cpu;
    m.lateness = crowd.lateness(static_cast<int>(i));
    m.samples = static_cast<double>(m.lateness.scrapes) * static_cast<double>(settings.series);
    m.rss = servers[i]->rss_bytes();
    m.threads = servers[i]->threads();
  }
  for (size_t i = 0; i < servers.size(); ++i) {
    Measure& m = out[i];
    m.aligned = AlignedShare(*servers[i], settings.interval_ms, settings.window_ms);
    fmt::print(
        "  {:10} {:>6} targets  {:>7.3f} CPU-s  {:>9.0f} samples  {:>6.1f} MB  {:>3.0f} "
        "threads  late {:.2f} / {:.2f} / {:.1f} ms  {} missed  {:.2f} % on the grid\n",
        servers[i]->name(), m.lateness.targets, m.cpu, m.samples, m.rss / 1e6, m.threads,
        m.lateness.p50_ms, m.lateness.p99_ms, m.lateness.max_ms, m.lateness.missed,
        m.aligned * 100);
  }
  for (size_t i = 1; i < out.size(); ++i) {
    const auto per_sample = [](const Measure& m) { return m.cpu / m.samples; };
    fmt::print("  CPU per million samples: {:.3f} and {:.3f} s, 1/{:.1f}\n",
               per_sample(out[0]) * 1e6, per_sample(out[i]) * 1e6,
               per_sample(out[i]) / per_sample(out[0]));
  }
  std::fflush(stdout);
  return out;
}

void RunCrowd(const Settings& settings, const std::vector<Program>& programs) {
  Crowd crowd(static_cast<int>(programs.size()), static_cast<int>(settings.series),
              settings.interval_ms);
  if (!crowd.Start().ok()) std::exit(1);
  Servers servers;
  for (const Program& program : programs) {
    const int client = static_cast<int>(servers.size());
    servers.push_back(
        std::make_unique<Server>(program, "crowd-" + program.name(),
                                 Config(crowd, client, settings.targets, 0, settings.interval_ms)));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(settings.warmup_ms));
  fmt::print("{} targets of {} series every {} ms; late: p50 / p99 / worst\n", settings.targets,
             settings.series, settings.interval_ms);
  Window(settings, crowd, servers);
  if (settings.dead == 0) return;
  for (size_t i = 0; i < servers.size(); ++i) {
    servers[i]->Reload(
        Config(crowd, static_cast<int>(i), settings.targets, settings.dead, settings.interval_ms));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(3 * settings.interval_ms));
  fmt::print("with {} dead ones beside them\n", settings.dead);
  Window(settings, crowd, servers);
}

void RunIdle(const Settings& settings, const std::vector<Program>& programs) {
  constexpr int64_t kInterval = 60'000;
  const int64_t scales[] = {settings.targets / 2, settings.targets * 3 / 2};
  std::vector<double> rss[2];
  for (int scale = 0; scale < 2; ++scale) {
    Crowd crowd(static_cast<int>(programs.size()), 1, kInterval);
    if (!crowd.Start().ok()) std::exit(1);
    Servers servers;
    for (const Program& program : programs) {
      const int client = static_cast<int>(servers.size());
      servers.push_back(
          std::make_unique<Server>(program, "crowd-idle-" + program.name(),
                                   Config(crowd, client, scales[scale], 0, kInterval)));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(kInterval * 5 / 2));
    for (const auto& server : servers) {
      rss[scale].push_back(server->rss_bytes());
      fmt::print("  {:10} {:>6.0f} idle targets up  {:>6.1f} MB  {:>3.0f} threads\n",
                 server->name(), server->Number("sum(up)"), rss[scale].back() / 1e6,
                 server->threads());
    }
  }
  for (size_t i = 0; i < programs.size(); ++i) {
    fmt::print("  {:10} {:>7.0f} bytes per idle target\n", programs[i].name(),
               (rss[1][i] - rss[0][i]) / static_cast<double>(scales[1] - scales[0]));
  }
}

}  // namespace
}  // namespace narthex::bench

int main(int argc, char** argv) {
  using namespace narthex;
  FlagSet flags("crowd_bench",
                "Thousands of targets, living and dead, side by side with the peer.");
  auto* ours = flags.String("ours", "Our server.", testing::Binary("prometheus"));
  auto* peer = flags.String("peer", "Prometheus; empty: leave it out.", "/usr/bin/prometheus");
  auto* targets = flags.Int("targets", "Targets.", 5000);
  auto* series = flags.Int("series", "Series per target.", 200);
  auto* dead = flags.Int("dead", "Dead targets added for a second window.", 1000);
  auto* idle = flags.Bool("idle", "Measure the memory of idle targets instead.", false);
  const auto kGo = FlagSet::DurationSyntax::kGo;
  auto* interval = flags.Duration("interval", "Scrape interval.", "5s", kGo);
  auto* warmup = flags.Duration("warmup", "Time before the window.", "90s", kGo);
  auto* window = flags.Duration("window", "Time measured.", "60s", kGo);
  flags.Parse(argc, argv);

  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);

  std::vector<bench::Program> programs = {{bench::Kind::kOurs, *ours}};
  if (!peer->empty()) programs.push_back({bench::Kind::kPrometheus, *peer});
  const bench::Settings settings{*targets, *series, *dead, *interval, *warmup, *window, *idle};
  if (*idle) {
    bench::RunIdle(settings, programs);
  } else {
    bench::RunCrowd(settings, programs);
  }
  return 0;
}
