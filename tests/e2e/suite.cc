#include "tests/e2e/suite.h"

#include <fmt/format.h>

#include <csignal>

#include "core/base/check.h"
#include "core/base/file.h"
#include "tests/support/http.h"
#include "tests/support/json.h"

namespace narthex::testing {
namespace {

constexpr std::string_view kServerConfig = R"(global:
  scrape_interval: 1s
  scrape_timeout: 900ms
  evaluation_interval: 1s
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - static_configs:
        - targets: ["127.0.0.1:{alertmanager}"]
scrape_configs:
  - job_name: node
    static_configs:
      - targets: ["127.0.0.1:{node_exporter}"]
  - job_name: pushgateway
    honor_labels: true
    static_configs:
      - targets: ["127.0.0.1:{pushgateway}"]
  - job_name: prometheus
    static_configs:
      - targets: ["127.0.0.1:{prometheus}"]
)";

constexpr std::string_view kRules = R"(groups:
  - name: e2e
    rules:
      - record: job:up:sum
        expr: sum by (job) (up)
      - alert: NodeDown
        expr: up{job="node"} == 0
        for: 2s
        labels: {severity: page}
        annotations:
          summary: "{{ $labels.instance }} of job {{ $labels.job }} is down, value {{ $value }}"
)";

constexpr std::string_view kAlertmanagerConfig = R"(route:
  receiver: hook
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: hook
    webhook_configs:
      - url: http://127.0.0.1:{webhook_printer}/
)";

std::string Fill(std::string text, const std::map<std::string, int>& ports) {
  for (const auto& [name, port] : ports) {
    const std::string mark = "{" + name + "}";
    for (size_t at; (at = text.find(mark)) != std::string::npos;) {
      text.replace(at, mark.size(), std::to_string(port));
    }
  }
  return text;
}

}  // namespace

Suite::Suite(const std::string& scratch_name) : dir_(ScratchDir(scratch_name)) {
  for (const char* name :
       {"prometheus", "node_exporter", "pushgateway", "alertmanager", "webhook_printer"}) {
    ports_[name] = FreePort();
  }
  WriteConfigs();
}

void Suite::WriteConfigs() const {
  NX_CHECK(
      WriteFileAtomically(dir_ + "/prometheus.yml", Fill(std::string(kServerConfig), ports_)).ok());
  NX_CHECK(WriteFileAtomically(dir_ + "/rules.yml", kRules).ok());
  NX_CHECK(WriteFileAtomically(dir_ + "/alertmanager.yml",
                               Fill(std::string(kAlertmanagerConfig), ports_))
               .ok());
}

std::string Suite::url(const std::string& name) const {
  return fmt::format("http://127.0.0.1:{}", ports_.at(name));
}

void Suite::Start(const std::string& name, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), Binary(name));
  processes_.erase(name);
  processes_.emplace(name, ChildProcess(std::move(arguments), dir_ + "/" + name + ".log", dir_));
}

void Suite::StartServer() {
  Start("prometheus", {"--config.file=prometheus.yml", "--storage.tsdb.path=data",
                       "--web.enable-lifecycle", "--rules.alert.resend-delay=1s",
                       fmt::format("--web.listen-address=127.0.0.1:{}", ports_["prometheus"])});
}

void Suite::StartNodeExporter() {
  Start("node_exporter",
        {fmt::format("--web.listen-address=127.0.0.1:{}", ports_["node_exporter"])});
}

void Suite::StartAll() {
  Start("webhook_printer",
        {"--raw", fmt::format("--listen=127.0.0.1:{}", ports_["webhook_printer"])});
  StartNodeExporter();
  Start("pushgateway", {fmt::format("--web.listen-address=127.0.0.1:{}", ports_["pushgateway"]),
                        "--persistence.file=pushgateway-data"});
  Start("alertmanager", {"--config.file=alertmanager.yml", "--storage.path=alertmanager-data",
                         "--cluster.listen-address=",
                         fmt::format("--web.listen-address=127.0.0.1:{}", ports_["alertmanager"])});
  StartServer();
}

void Suite::Kill(const std::string& name, int signal) {
  processes_.at(name).Signal(signal);
  NX_CHECK(processes_.at(name).Wait(std::chrono::seconds(20)).has_value());
}

std::string Suite::Api(const std::string& path_and_query) const {
  return HttpGet(url("prometheus") + path_and_query).body;
}

std::optional<double> Suite::Query(const std::string& expression) const {
  const Json answer(Api("/api/v1/query?query=" + UrlEscape(expression)));
  if (answer.Size("data.result") != 1) return std::nullopt;
  const std::string value = answer.String("data.result.0.value.1");
  if (value.empty()) return std::nullopt;
  return std::stod(value);
}

std::string Suite::webhooks() const { return ReadFile(dir_ + "/webhook_printer.log").value_or(""); }

std::string Suite::logs() {
  std::string all;
  for (auto& [name, process] : processes_) {
    const std::string output = process.output();
    all += fmt::format("---- {}\n{}\n", name,
                       output.substr(output.size() > 4000 ? output.size() - 4000 : 0));
  }
  return all;
}

}  // namespace narthex::testing
