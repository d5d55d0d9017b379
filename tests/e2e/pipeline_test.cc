// The suite's main job, end to end, with the real executables.

#include <cmath>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>

#include "core/base/file.h"
#include "tests/catch.h"
#include "tests/e2e/suite.h"
#include "tests/support/http.h"
#include "tests/support/json.h"

namespace narthex::testing {
namespace {

using namespace std::chrono_literals;

double ProcMeminfo(const std::string& field) {
  const std::string text = ReadFile("/proc/meminfo").value();
  const size_t at = text.find(field + ":");
  REQUIRE(at != std::string::npos);
  return std::stod(text.substr(at + field.size() + 1)) * 1024;
}

double ProcIdleSeconds() {
  const std::string text = ReadFile("/proc/stat").value();
  double user, nice, system, idle;
  REQUIRE(std::sscanf(text.c_str(), "cpu %lf %lf %lf %lf", &user, &nice, &system, &idle) == 4);
  return idle / 100;
}

// Every sample of every series of a matrix answer, as "labels @ time" → value text.
std::map<std::string, std::string> Samples(const std::string& body) {
  std::map<std::string, std::string> samples;
  const Json answer(body);
  for (size_t i = 0; i < answer.Size("data.result"); ++i) {
    const std::string series = fmt::format("data.result.{}", i);
    std::set<std::string> labels;
    for (const auto& [name, value] : answer.Find(series + ".metric")->get_object()) {
      labels.insert(fmt::format("{}={}", std::string(name), Json::Text(value)));
    }
    const std::string id = fmt::format("{}", fmt::join(labels, ","));
    for (const Json::Value pair : answer.Find(series + ".values")->get_array()) {
      const double seconds = pair.at(0).get_double();
      samples[fmt::format("{} @ {:.3f}", id, seconds)] = Json::Text(pair.at(1).value());
    }
  }
  return samples;
}

TEST_CASE("a real exporter is scraped, stored, queried, alerted on, and survives a crash") {
  Suite suite("e2e");
  suite.StartAll();
  const bool up = Eventually(60s, [&] {
    return suite.Query("sum(up)") == 3.0 &&
           suite.Query("min_over_time(job:up:sum{job=\"node\"}[5s])") == 1.0;
  });
  INFO(suite.logs());
  REQUIRE(up);

  SECTION("all of it") {
    // ---- node metrics equal /proc ----
    CHECK(suite.Query("node_memory_MemTotal_bytes") == ProcMeminfo("MemTotal"));
    const double free = suite.Query("node_memory_MemAvailable_bytes").value_or(0);
    CHECK(free == Approx(ProcMeminfo("MemAvailable")).epsilon(0.3));
    const double idle = suite.Query("sum(node_cpu_seconds_total{mode=\"idle\"})").value_or(0);
    CHECK(std::abs(idle - ProcIdleSeconds()) < 60);
    CHECK(suite.Query("count(node_uname_info)") == 1.0);
    CHECK(suite.Query("time() - node_time_seconds").value_or(99) < 5);

    // ---- limits that are not given are shown as they act: Thanos reads them ----
    const std::string flags = HttpGet(suite.url("prometheus") + "/api/v1/status/flags").body;
    INFO(flags);
    CHECK(flags.find(R"("storage.tsdb.retention.time":"15d")") != std::string::npos);
    CHECK(flags.find(R"("storage.tsdb.max-block-duration":"1d12h")") != std::string::npos);

    // ---- push, then query ----
    const auto pushed = HttpSend("POST", suite.url("pushgateway") + "/metrics/job/backup/shard/7",
                                 "# TYPE backup_bytes gauge\nbackup_bytes 12345\n", "text/plain");
    CHECK(pushed.status == 200);
    CHECK(Eventually(
        20s, [&] { return suite.Query("backup_bytes{job=\"backup\",shard=\"7\"}") == 12345.0; }));
    CHECK(suite.Query("push_time_seconds{job=\"backup\"}").value_or(0) > 1.6e9);

    // ---- a target goes down: up == 0, alert, webhook; then it returns and the alert resolves ----
    suite.Kill("node_exporter", SIGKILL);
    CHECK(Eventually(20s, [&] { return suite.Query("up{job=\"node\"}") == 0.0; }));
    CHECK(Eventually(
        20s, [&] { return suite.Query("count(node_memory_MemTotal_bytes)") == std::nullopt; }));
    CHECK(Eventually(30s, [&] {
      return suite.Query(
                 "ALERTS{alertname=\"NodeDown\",alertstate=\"firing\",severity=\"page\"}") == 1.0;
    }));
    CHECK(
        Eventually(30s, [&] { return suite.webhooks().find("\"firing\"") != std::string::npos; }));
    const std::string hooks = suite.webhooks();
    const Json hook(hooks.substr(0, hooks.find('\n')));
    CHECK(hook.String("alerts.0.labels.alertname") == "NodeDown");
    CHECK(hook.String("alerts.0.labels.severity") == "page");
    CHECK(hook.String("alerts.0.annotations.summary").ends_with(" of job node is down, value 0"));
    CHECK(hook.String("receiver") == "hook");
    CHECK(hook.String("version") == "4");
    suite.StartNodeExporter();
    CHECK(Eventually(30s, [&] { return suite.Query("up{job=\"node\"}") == 1.0; }));
    CHECK(Eventually(60s,
                     [&] { return suite.webhooks().find("\"resolved\"") != std::string::npos; }));

    // ---- kill -9, restart: every sample that a query has shown is still there ----
    const std::string all = "/api/v1/query?query=" + UrlEscape("{job=~\".+\"}[10m]") + "&time=";
    const std::string now = fmt::format("{}", std::time(nullptr) + 5);
    const auto before = Samples(suite.Api(all + now));
    suite.Kill("prometheus", SIGKILL);
    REQUIRE(before.size() > 1000);
    suite.StartServer();
    REQUIRE(Eventually(
        60s, [&] { return HttpGet(suite.url("prometheus") + "/-/ready").status == 200; }));
    const auto after = Samples(suite.Api(all + now));
    size_t lost = 0, changed = 0;
    for (const auto& [key, value] : before) {
      const auto found = after.find(key);
      if (found == after.end()) {
        if (lost++ == 0) UNSCOPED_INFO("first lost: " << key);
      } else if (found->second != value) {
        ++changed;
      }
    }
    INFO("of " << before.size() << " samples");
    CHECK(lost == 0);
    CHECK(changed == 0);
    // It goes on scraping.
    CHECK(Eventually(30s, [&] { return suite.Query("sum(up)") == 3.0; }));

    // ---- the page in a real browser ----
    const auto browser = RunToEnd(
        {NARTHEX_NODE, NARTHEX_SOURCE_DIR "/tests/browser/graph.mjs", suite.url("prometheus"),
         "rate(node_cpu_seconds_total[1m])", NARTHEX_BUILD_DIR "/artefacts/graph.png"},
        120s);
    INFO(browser.output);
    CHECK(browser.exit_code == 0);
    CHECK(FileExists(NARTHEX_BUILD_DIR "/artefacts/graph.png"));

    // ---- everything stops cleanly ----
    for (const char* name : {"prometheus", "alertmanager", "pushgateway", "node_exporter"}) {
      suite.process(name).Signal(SIGTERM);
      INFO(name);
      const auto code = suite.process(name).Wait(20s);
      REQUIRE(code.has_value());
      // node_exporter keeps the default action, as upstream does.
      if (std::string_view(name) != "node_exporter") CHECK(*code == 0);
    }
  }
}

}  // namespace
}  // namespace narthex::testing
