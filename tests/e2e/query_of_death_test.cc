// Queries that ask for everything, against a real server with little memory for queries: each ends
// with an error that says why, the process does not grow beyond what it may, and scrapes and rules
// keep their schedule.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <thread>

#include "core/base/file.h"
#include "core/base/mutex.h"
#include "tests/catch.h"
#include "tests/support/http.h"
#include "tests/support/json.h"
#include "tests/support/process.h"

namespace narthex::testing {
namespace {

using namespace std::chrono_literals;

constexpr int kSeries = 400;
constexpr int64_t kDay = 86'400;
constexpr int64_t kMiB = 1 << 20;

constexpr std::string_view kConfig = R"(global:
  scrape_interval: 500ms
  scrape_timeout: 450ms
  evaluation_interval: 500ms
rule_files: [rules.yml]
scrape_configs:
  - job_name: self
    static_configs:
      - targets: ["127.0.0.1:{}"]
)";
constexpr std::string_view kRules = R"yaml(groups:
  - name: g
    rules: [{record: "job:up:sum", expr: "sum by (job) (up)"}]
)yaml";

// A day of samples, one a minute, as blocks.
void Backfill(const std::string& dir, int64_t begin) {
  std::string text = "# TYPE m gauge\n";
  for (int i = 0; i < kSeries; ++i) {
    for (int64_t t = begin; t < begin + kDay; t += 60) {
      text += fmt::format("m{{i=\"{}\",group=\"{}\"}} {} {}\n", i, i % 10, (t / 60 + i) % 977, t);
    }
  }
  text += "# EOF\n";
  REQUIRE(WriteFileAtomically(dir + "/day.om", text).ok());
  const RunResult made = RunToEnd({Binary("promtool"), "tsdb", "create-blocks-from", "openmetrics",
                                   "-q", dir + "/day.om", dir + "/data"},
                                  120s);
  INFO(made.output);
  REQUIRE(made.exit_code == 0);
}

int64_t PeakRss(pid_t pid) {
  const std::string status = ReadFile(fmt::format("/proc/{}/status", pid)).value_or("");
  const size_t at = status.find("VmHWM:");
  return at == std::string::npos ? 0 : std::stoll(status.substr(at + 6)) * 1024;
}

// Asks, and goes away once the query runs.
void AskAndLeave(int port, const std::string& path, const std::function<bool()>& running) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  REQUIRE(fd >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const std::string request = fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path);
  REQUIRE(::send(fd, request.data(), request.size(), 0) == static_cast<ssize_t>(request.size()));
  CHECK(Eventually(10s, running));
  ::close(fd);
}

TEST_CASE("a query of death gets an error, and nobody else notices") {
  const std::string dir = ScratchDir("query_of_death");
  const int port = FreePort();
  const std::string url = fmt::format("http://127.0.0.1:{}", port);
  const int64_t begin = (std::time(nullptr) / 7200 - 14) * 7200;
  Backfill(dir, begin);
  REQUIRE(WriteFileAtomically(dir + "/prometheus.yml", fmt::format(kConfig, port)).ok());
  REQUIRE(WriteFileAtomically(dir + "/rules.yml", kRules).ok());
  ChildProcess server(
      {Binary("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data",
       "--query.memory-limit=24MB", "--query.total-memory-limit=40MB",
       fmt::format("--web.listen-address=127.0.0.1:{}", port)},
      dir + "/log", dir);
  INFO(server.output());
  REQUIRE(Eventually(60s, [&] { return HttpGet(url + "/-/ready").status == 200; }));
  const auto value = [&](const std::string& query) {
    return Json(HttpGet(url + "/api/v1/query?query=" + UrlEscape(query)).body)
        .String("data.result.0.value.1");
  };
  REQUIRE(Eventually(60s, [&] { return value("job:up:sum") == "1"; }));
  CHECK(value(fmt::format("count(m @ {})", begin + kDay / 2)) == std::to_string(kSeries));
  const int64_t before = PeakRss(server.pid());
  REQUIRE(before > 0);

  const std::string range = fmt::format("&start={}&end={}&step=8", begin, begin + 10'999 * 8);
  const std::string deaths[] = {
      "{__name__=~\".+\"}",
      "rate({__name__=~\".+\"}[1h])",
      "sum by (i) (m) + sum by (i) (m)",
      "count_values(\"v\", m)",
      "max_over_time(max_over_time(m[1d:1s])[365d:1s])",
      "sum(sum_over_time(sum_over_time(m[1d:8s])[11000d:1s]))",
  };
  std::atomic<bool> done{false};
  std::atomic<size_t> asked{0};
  std::atomic<size_t> refused{0};
  Mutex mutex;
  std::string odd;
  const auto ask = [&](const std::string& query) {
    ++asked;
    const HttpResult answer =
        HttpGet(url + "/api/v1/query_range?query=" + UrlEscape(query) + range);
    if (answer.status == 422 &&
        answer.body.find("\"errorType\":\"execution\"") != std::string::npos) {
      ++refused;
    } else {
      MutexLock lock(mutex);
      odd += fmt::format("{}: {} {}\n", query, answer.status, answer.body.substr(0, 300));
    }
  };
  std::vector<std::thread> clients;
  for (size_t client = 1; client < 3; ++client) {
    clients.emplace_back([&, client] {
      for (size_t i = client; !done; ++i) ask(deaths[i % std::size(deaths)]);
    });
  }
  // Meanwhile others are served, targets are scraped and rules evaluated.
  const auto samples = [&](const std::string& series) {
    const std::string n = value(fmt::format("count_over_time({}[1h])", series));
    return n.empty() ? 0 : std::stoi(n);
  };
  for (const std::string& query : deaths) {
    const int scrapes = samples("up");
    const int evaluations = samples("job:up:sum");
    ask(query);
    INFO(query);
    CHECK(Eventually(
        60s, [&] { return samples("up") > scrapes && samples("job:up:sum") > evaluations; }));
  }
  done = true;
  for (std::thread& client : clients) client.join();
  CHECK(odd == "");
  CHECK(refused == asked);

  CHECK(server.running());

  // A query that would take seconds ends when its client goes.
  const auto metric = [&](const std::string& line) {
    return HttpGet(url + "/metrics").body.find("\n" + line + "\n") != std::string::npos;
  };
  const std::string slow = "sum(quantile_over_time(0.5, m[20h])) + sum(stddev_over_time(m[20h]))";
  AskAndLeave(port, "/api/v1/query_range?query=" + UrlEscape(slow) + range,
              [&] { return metric("prometheus_engine_queries 1"); });
  CHECK(Eventually(20s, [&] {
    return metric("prometheus_http_requests_total{code=\"499\",handler=\"/api/v1/query_range\"} 1");
  }));
  CHECK(Eventually(20s, [&] { return metric("prometheus_engine_queries 0"); }));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // The limit of all, more for what the allocator keeps for each thread and what grows by itself.
  CHECK(PeakRss(server.pid()) - before < 3 * 40 * kMiB);
#endif
  CHECK(Eventually(20s, [&] { return value("prometheus_engine_query_memory_bytes < 1e6") != ""; }));
  CHECK(value("prometheus_engine_queries_memory_limited_total > 0") != "");
}

}  // namespace
}  // namespace narthex::testing
