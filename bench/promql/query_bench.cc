// query_bench: time, CPU and memory of queries, side by side.
//
// Starts our server, Prometheus and VictoriaMetrics with empty directories, sends all the same
// samples by remote write, restarts them in good order, waits until they are idle, and asks every
// query of queries.h of one after the other, again and again. Prints for each query the median and
// 95th percentile of the time until the last byte, the CPU time of the server, and how far its
// resident memory rose above what it was at rest. VictoriaMetrics is asked not to cache results.
//
//   query_bench --series=30000 --range=1h --interval=15s --step=15s

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include "bench/ingest/servers.h"
#include "bench/promql/dataset.h"
#include "bench/promql/queries.h"
#include "core/base/file.h"
#include "core/flags/flags.h"
#include "tests/support/http.h"

namespace narthex::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Settings {
  DatasetOptions data;
  int64_t step_ms;
  int64_t rounds;
  int64_t budget_ms;  // of a query and server
  std::string only;
  bool wait;
};

struct Measure {
  std::vector<double> seconds;
  double cpu_seconds = 0;
  double peak_bytes = 0;
  size_t answer_bytes = 0;
  std::string error;

  double quantile(double q) const {
    auto sorted = seconds;
    std::sort(sorted.begin(), sorted.end());
    return sorted[static_cast<size_t>(q * static_cast<double>(sorted.size() - 1) + 0.5)];
  }
  double cpu_per_query() const { return cpu_seconds / static_cast<double>(seconds.size()); }
};

// In nanoseconds, which /proc/<pid>/stat has not.
double CpuSeconds(int pid) {
  clockid_t clock;
  timespec now{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &now) != 0) return 0;
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// The next VmHWM is that since now.
void ResetPeak(int pid) {
  if (std::FILE* f = std::fopen(fmt::format("/proc/{}/clear_refs", pid).c_str(), "w")) {
    std::fputs("5", f);
    std::fclose(f);
  }
}

std::string RangeText(int64_t ms) { return fmt::format("{}s", ms / 1000); }

std::string Target(const Settings& settings, const BenchQuery& query) {
  std::string expression = query.expression;
  if (const size_t at = expression.find("RANGE"); at != std::string::npos) {
    expression.replace(at, 5, RangeText(settings.data.range_ms));
  }
  const double end = static_cast<double>(settings.data.end_ms) / 1000;
  const std::string escaped = testing::UrlEscape(expression);
  if (query.instant) {
    return fmt::format("/api/v1/query?nocache=1&query={}&time={:.3f}", escaped, end);
  }
  return fmt::format("/api/v1/query_range?nocache=1&query={}&start={:.3f}&end={:.3f}&step={}",
                     escaped, end - static_cast<double>(settings.data.range_ms) / 1000, end,
                     settings.step_ms / 1000);
}

struct Peer {
  std::unique_ptr<Server> server;
  std::unique_ptr<testing::HttpSession> session;
  double rest_bytes = 0;
};

void Ask(const std::string& target, Peer* peer, Measure* measure) {
  const int pid = peer->server->pid();
  const double cpu = CpuSeconds(pid);
  const auto begin = Clock::now();
  const auto answer = peer->session->Get(target);
  measure->seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
  // What a server still does for a moment after its last byte belongs to the query.
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  measure->cpu_seconds += CpuSeconds(pid) - cpu;
  measure->answer_bytes = answer.body.size();
  if (answer.status != 200) {
    measure->error = fmt::format("{} {}", answer.status, answer.body.substr(0, 200));
  }
}

std::vector<Measure> MeasureQuery(const Settings& settings, const BenchQuery& query,
                                  std::vector<Peer>& peers) {
  const std::string target = Target(settings, query);
  std::vector<Measure> measures(peers.size());
  for (size_t i = 0; i < peers.size(); ++i) {  // what is read for the first time
    Measure warm;
    Ask(target, &peers[i], &warm);
    ResetPeak(peers[i].server->pid());
  }
  const auto limit =
      std::chrono::milliseconds(settings.budget_ms * static_cast<int64_t>(peers.size()));
  const auto begin = Clock::now();
  for (int64_t round = 0; round < settings.rounds; ++round) {
    if (round >= 3 && Clock::now() - begin > limit) break;
    for (size_t i = 0; i < peers.size(); ++i) Ask(target, &peers[i], &measures[i]);
  }
  for (size_t i = 0; i < peers.size(); ++i) {
    measures[i].peak_bytes =
        std::max(0.0, peers[i].server->memory_field("VmHWM") - peers[i].rest_bytes);
  }
  return measures;
}

void WaitIdle(std::vector<Peer>& peers, std::chrono::seconds at_least) {
  const auto begin = Clock::now();
  const auto total = [&] {
    double sum = 0;
    for (const Peer& peer : peers) sum += CpuSeconds(peer.server->pid());
    return sum;
  };
  int quiet = 0;
  while (quiet < 2 || Clock::now() - begin < at_least) {
    const double before = total();
    std::this_thread::sleep_for(std::chrono::seconds(4));
    quiet = total() - before < 0.2 ? quiet + 1 : 0;
    if (Clock::now() - begin > std::chrono::minutes(10)) break;
  }
}

bool Prepare(const Settings& settings, std::vector<Peer>& peers) {
  std::vector<std::string> urls;
  for (Peer& peer : peers) {
    (void)peer.server->WaitReady(std::chrono::seconds(60));
    urls.push_back(peer.server->url());
  }
  const auto begin = Clock::now();
  if (!LoadDataset(settings.data, urls)) return false;
  fmt::print("loaded in {:.0f} s; CPU:",
             std::chrono::duration<double>(Clock::now() - begin).count());
  for (Peer& peer : peers) {
    fmt::print(" {} {:.1f} s", peer.server->name(), CpuSeconds(peer.server->pid()));
  }
  fmt::print("\n");
  std::fflush(stdout);
  // Blocks are cut by timers that fire once a minute.
  const std::chrono::seconds settle(settings.data.range_ms > 2 * 3'600'000 ? 130 : 5);
  WaitIdle(peers, settle);
  for (Peer& peer : peers) {
    peer.server->Stop();
    peer.server->Start();
    (void)peer.server->WaitReady(std::chrono::seconds(300));
    peer.session =
        std::make_unique<testing::HttpSession>(peer.server->url(), std::chrono::seconds(300));
  }
  WaitIdle(peers, settle);
  for (Peer& peer : peers) {
    peer.rest_bytes = peer.server->rss_bytes();
    fmt::print("{} at rest: {:.0f} MB resident\n", peer.server->name(), peer.rest_bytes / 1e6);
  }
  return true;
}

std::string Ratio(double theirs, double ours) {
  return ours <= 0 ? "-" : fmt::format("{:.1f}", theirs / ours);
}

std::string Memory(double bytes) { return fmt::format("{:.1f}", bytes / 1e6); }

void PrintRow(const BenchQuery& query, const std::vector<Peer>& peers,
              const std::vector<Measure>& measures) {
  fmt::print("{:31}", query.name);
  for (const Measure& m : measures) {
    fmt::print(" | {:>8.2f} {:>8.2f} {:>8.2f} {:>7}", m.quantile(0.5) * 1e3, m.quantile(0.95) * 1e3,
               m.cpu_per_query() * 1e3, Memory(m.peak_bytes));
  }
  for (size_t i = 1; i < measures.size(); ++i) {
    fmt::print(" | {:>6} {:>6} {:>6}", Ratio(measures[i].quantile(0.5), measures[0].quantile(0.5)),
               Ratio(measures[i].cpu_per_query(), measures[0].cpu_per_query()),
               Ratio(measures[i].peak_bytes, measures[0].peak_bytes));
  }
  const double aims[4][2] = {{1, 1}, {4, 4}, {1, 1}, {8, 2}};
  for (size_t i = 1; i < measures.size(); ++i) {
    const bool victoria = peers[i].server->name() == "victoria";
    const double aim = aims[static_cast<int>(query.query_class)][victoria ? 1 : 0];
    if (measures[i].quantile(0.5) < aim * measures[0].quantile(0.5)) {
      fmt::print("  below {} of {}", aim, peers[i].server->name());
    }
  }
  fmt::print("  [{} B, {} times]\n", measures[0].answer_bytes, measures[0].seconds.size());
  for (size_t i = 0; i < measures.size(); ++i) {
    if (!measures[i].error.empty()) {
      fmt::print("    {}: {}\n", peers[i].server->name(), measures[i].error);
    }
  }
  std::fflush(stdout);
}

void Run(const Settings& settings, const std::vector<Program>& programs) {
  fmt::print("{} series over {}, a sample every {}, steps of {}\n", settings.data.series,
             RangeText(settings.data.range_ms), RangeText(settings.data.interval_ms),
             RangeText(settings.step_ms));
  std::vector<Peer> peers;
  for (const Program& program : programs) {
    peers.push_back({std::make_unique<Server>(program, "query-" + program.name(),
                                              "global:\n  scrape_interval: 1h\n"),
                     nullptr, 0});
  }
  if (!Prepare(settings, peers)) std::exit(1);
  fmt::print("\n{:31}", "ms: p50, p95, CPU; MB");
  for (const Peer& peer : peers) fmt::print(" | {:>34}", peer.server->name());
  for (size_t i = 1; i < peers.size(); ++i)
    fmt::print(" | p50,CPU,MB {:>9}", peers[i].server->name());
  fmt::print("\n");
  for (const BenchQuery& query : BenchQueries()) {
    if (query.name.find(settings.only) == std::string::npos) continue;
    PrintRow(query, peers, MeasureQuery(settings, query, peers));
  }
  if (settings.wait) {
    for (const Peer& peer : peers) {
      fmt::print("{} {} pid {}, data until {}\n", peer.server->name(), peer.server->url(),
                 peer.server->pid(), settings.data.end_ms);
    }
    std::fflush(stdout);
    (void)std::getchar();
  }
}

}  // namespace
}  // namespace narthex::bench

int main(int argc, char** argv) {
  using namespace narthex;
  FlagSet flags("query_bench", "Queries, side by side with the peers.");
  auto* ours = flags.String("ours", "Our server.", testing::Binary("prometheus"));
  auto* peer = flags.String("peer", "Prometheus; empty: leave it out.", "/usr/bin/prometheus");
  auto* victoria =
      flags.String("victoria", "VictoriaMetrics; empty: leave it out.",
                   FileExists("/usr/bin/victoria-metrics") ? "/usr/bin/victoria-metrics" : "");
  auto* series = flags.Int("series", "Series, a hundred of each instance.", 30000);
  const auto kGo = FlagSet::DurationSyntax::kGo;
  auto* range = flags.Duration("range", "Span of the data and of range queries.", "1h", kGo);
  auto* interval = flags.Duration("interval", "Between samples of a series.", "15s", kGo);
  auto* step = flags.Duration("step", "Of range queries.", "15s", kGo);
  auto* rounds = flags.Int("rounds", "How often a query is asked at most.", 25);
  auto* budget = flags.Duration("budget", "Time for a query and server.", "4s", kGo);
  auto* only = flags.String("only", "Only queries whose name has this in it.", "");
  auto* wait = flags.Bool("wait", "Leave the servers running until a line comes in.", false);
  flags.Parse(argc, argv);

  const std::vector<std::string> prometheus_flags = {"--web.enable-remote-write-receiver",
                                                     "--query.max-samples=2000000000",
                                                     "--storage.tsdb.retention.time=30d"};
  std::vector<bench::Program> programs = {{bench::Kind::kOurs, *ours, prometheus_flags}};
  if (!peer->empty()) programs.push_back({bench::Kind::kPrometheus, *peer, prometheus_flags});
  if (!victoria->empty()) {
    programs.push_back(
        {bench::Kind::kVictoria,
         *victoria,
         {"-search.maxUniqueTimeseries=5000000", "-search.maxSamplesPerQuery=5000000000",
          "-search.maxQueryDuration=120s"}});
  }
  const int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  bench::Run(
      {{*series, *interval, *range, now / 60 * 60'000}, *step, *rounds, *budget, *only, *wait},
      programs);
  return 0;
}
