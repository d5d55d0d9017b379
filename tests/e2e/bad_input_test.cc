// What an operator meets when something is wrong: each case ends with a clear message and the
// right exit code, and nothing is lost.

#include <csignal>
#include <filesystem>
#include <fstream>

#include "core/base/file.h"
#include "tests/catch.h"
#include "tests/e2e/suite.h"
#include "tests/support/http.h"

namespace narthex::testing {
namespace {

using namespace std::chrono_literals;

RunResult RunServer(const std::string& dir, const std::string& config,
                    std::vector<std::string> extra = {}) {
  REQUIRE(WriteFileAtomically(dir + "/bad.yml", config).ok());
  std::vector<std::string> argv = {Binary("prometheus"), "--config.file=" + dir + "/bad.yml",
                                   "--storage.tsdb.path=" + dir + "/data",
                                   "--web.listen-address=127.0.0.1:0"};
  argv.insert(argv.end(), extra.begin(), extra.end());
  return RunToEnd(argv, 20s);
}

TEST_CASE("a broken configuration names file, line and field and stops with exit 2") {
  const std::string dir = ScratchDir("bad-config");
  struct Case {
    std::string config, want;
  };
  const Case cases[] = {
      {"global:\n  scrape_intervall: 5s\n", "line 2: field scrape_intervall not found"},
      {"global:\n  scrape_interval: 5x\n", "unknown unit \\\"x\\\" in duration \\\"5x\\\""},
      {"scrape_configs:\n  - static_configs: []\n", "job_name is empty"},
      {"scrape_configs:\n- job_name: a\n- job_name: a\n",
       "found multiple scrape configs with job name \\\"a\\\""},
      {"global: {scrape_interval: 5s, scrape_timeout: 6s}\n",
       "scrape timeout greater than scrape interval"},
      {"a: [\n", "yaml: "},
  };
  for (const Case& c : cases) {
    const RunResult result = RunServer(dir, c.config);
    INFO(c.config << result.output);
    CHECK(result.exit_code == 2);
    CHECK(result.output.find("bad.yml") != std::string::npos);
    CHECK(result.output.find(c.want) != std::string::npos);
  }
}

TEST_CASE("flags are refused the way people know it") {
  const RunResult unknown = RunToEnd({Binary("prometheus"), "--no-such-flag"});
  CHECK(unknown.exit_code == 1);
  CHECK(unknown.output.find(
            "Error parsing command line arguments: unknown long flag '--no-such-flag'") !=
        std::string::npos);
  const RunResult value = RunToEnd({Binary("prometheus"), "--query.timeout=abc"});
  CHECK(value.exit_code == 2);
  CHECK(value.output.find("not a valid duration string: \"abc\"") != std::string::npos);
  const RunResult exporter = RunToEnd({Binary("node_exporter"), "--nope"});
  CHECK(exporter.exit_code == 1);
  CHECK(exporter.output.find("error: unknown long flag '--nope', try --help") != std::string::npos);
  for (const char* name : {"prometheus", "alertmanager", "pushgateway", "node_exporter"}) {
    INFO(name);
    const RunResult version = RunToEnd({Binary(name), "--version"});
    CHECK(version.exit_code == 0);
    CHECK(version.output.find(std::string(name) + ", version ") != std::string::npos);
    CHECK(RunToEnd({Binary(name), "--help"}).exit_code == 0);
  }
}

TEST_CASE("a data directory that cannot be used, a port in use: exit 1 and the reason") {
  const std::string dir = ScratchDir("bad-data");
  std::ofstream(dir + "/data") << "a file, not a directory";
  const RunResult data = RunServer(dir, "global: {}\n");
  INFO(data.output);
  CHECK(data.exit_code == 1);
  CHECK(data.output.find(dir + "/data") != std::string::npos);

  Suite suite("bad-port");
  suite.StartAll();
  REQUIRE(
      Eventually(60s, [&] { return HttpGet(suite.url("prometheus") + "/-/ready").status == 200; }));
  const std::string taken = suite.url("prometheus").substr(7);
  std::filesystem::remove(dir + "/data");
  const RunResult second =
      RunToEnd({Binary("prometheus"), "--config.file=" + suite.dir() + "/prometheus.yml",
                "--storage.tsdb.path=" + dir + "/other", "--web.listen-address=" + taken},
               20s);
  INFO(second.output);
  CHECK(second.exit_code == 1);
  CHECK(second.output.find(taken) != std::string::npos);
  CHECK(second.output.find("address already in use") != std::string::npos);

  // The same data directory twice: the lock file says no, and the first server is unharmed.
  const RunResult locked =
      RunToEnd({Binary("prometheus"), "--config.file=" + suite.dir() + "/prometheus.yml",
                "--storage.tsdb.path=" + suite.dir() + "/data", "--web.listen-address=127.0.0.1:0"},
               20s);
  INFO(locked.output);
  CHECK(locked.exit_code == 1);
  CHECK(locked.output.find("lock") != std::string::npos);
  CHECK(HttpGet(suite.url("prometheus") + "/-/healthy").status == 200);
}

TEST_CASE("a torn and scribbled WAL tail costs its last records, not the start") {
  Suite suite("bad-wal");
  suite.StartAll();
  REQUIRE(Eventually(
      60s, [&] { return suite.Query("count_over_time(up{job=\"node\"}[1m])").value_or(0) >= 5; }));
  const double first = suite.Query("min_over_time(timestamp(up{job=\"node\"})[1m:1s])").value_or(0);
  suite.Kill("prometheus", SIGKILL);
  std::filesystem::path newest;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(suite.dir() + "/data")) {
    if (entry.path().filename().string().starts_with("wal-") && entry.path() > newest) {
      newest = entry.path();
    }
  }
  REQUIRE_FALSE(newest.empty());
  std::ofstream(newest, std::ios::app | std::ios::binary) << std::string(1000, '\x5a');
  suite.StartServer();
  INFO(suite.logs());
  REQUIRE(Eventually(60s, [&] { return suite.Query("sum(up)") == 3.0; }));
  CHECK(suite.Query("min_over_time(timestamp(up{job=\"node\"})[2m:1s])").value_or(1e18) <= first);
  CHECK(Eventually(
      20s, [&] { return suite.Query("prometheus_tsdb_wal_corruptions_total").value_or(0) >= 1; }));
}

}  // namespace
}  // namespace narthex::testing
