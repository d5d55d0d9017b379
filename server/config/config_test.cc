#include "server/config/config.h"

#include <cstdlib>

#include "server/discovery/file/file.h"
#include "server/discovery/mechanism.h"
#include "tests/temp_dir.h"

namespace narthex::config {
namespace {

StatusOr<std::shared_ptr<const Config>> LoadText(std::string_view text) {
  return Load(text, "/etc/p", "prometheus.yml", {.getenv = [](const char* name) -> const char* {
                return std::string_view(name) == "HOST" ? "h1" : nullptr;
              }});
}

// The patterns of the one file_sd_configs entry.
std::string FileNames(const discovery::DiscoveryConfigs& d) {
  REQUIRE(d.mechanisms.size() == 1);
  const auto* file =
      dynamic_cast<const discovery::ConfigOf<discovery::file::Config>*>(d.mechanisms[0].get());
  REQUIRE(file != nullptr);
  return fmt::format("{}", fmt::join(file->value.files, ","));
}

// Job "a" with these keys.
std::string Job(std::string_view keys) {
  std::string text = "scrape_configs:\n- job_name: a\n";
  for (size_t at = 0; at < keys.size();) {
    const size_t end = std::min(keys.find('\n', at), keys.size());
    text += "  " + std::string(keys.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return text;
}

TEST_CASE("defaults and inheritance") {
  const auto config = LoadText(R"(
global:
  scrape_interval: 7s
  sample_limit: 10
  extra_scrape_metrics: true
scrape_configs:
- job_name: a
- job_name: b
  scrape_interval: 1m
  sample_limit: 5
  metric_name_validation_scheme: legacy
  metric_name_escaping_scheme: underscores
  extra_scrape_metrics: false
)");
  REQUIRE(config.ok());
  const Config& c = **config;
  CHECK(c.global.scrape_timeout_ms == 7000);
  CHECK(c.global.evaluation_interval_ms == 60'000);
  REQUIRE(c.scrape_configs.size() == 2);
  const ScrapeConfig& a = c.scrape_configs[0];
  CHECK(a.scrape_interval_ms == 7000);
  CHECK(a.scrape_timeout_ms == 7000);
  CHECK(a.limits.samples == 10);
  CHECK(a.metrics_path == "/metrics");
  CHECK(a.honor_timestamps);
  CHECK(*a.extra_scrape_metrics);
  CHECK(a.scrape_protocols.size() == 4);
  CHECK(a.scrape_protocols[0] == kOpenMetricsText100);
  const ScrapeConfig& b = c.scrape_configs[1];
  CHECK(b.scrape_interval_ms == 60'000);
  CHECK(b.scrape_timeout_ms == 7000);
  CHECK(b.limits.samples == 5);
  CHECK(b.name_validation == NameValidation::kLegacy);
  CHECK(b.name_escaping == NameEscaping::kUnderscores);
  CHECK_FALSE(*b.extra_scrape_metrics);
}

TEST_CASE("protobuf goes first under the feature of start timestamps, unless protocols are named") {
  const std::string jobs =
      "scrape_configs:\n- job_name: a\n- job_name: b\n  scrape_protocols: [PrometheusText0.0.4]\n";
  LoadOptions options;
  options.protobuf_first = true;
  auto config = Load(jobs, "/", "t.yml", options);
  REQUIRE(config.ok());
  CHECK((*config)->scrape_configs[0].scrape_protocols ==
        std::vector<std::string>{"PrometheusProto", "OpenMetricsText1.0.0", "OpenMetricsText0.0.1",
                                 "PrometheusText1.0.0", "PrometheusText0.0.4"});
  CHECK((*config)->scrape_configs[1].scrape_protocols ==
        std::vector<std::string>{"PrometheusText0.0.4"});
  const std::string global = "global: {scrape_protocols: [OpenMetricsText1.0.0]}\n";
  config = Load(global + jobs, "/", "t.yml", options);
  REQUIRE(config.ok());
  CHECK((*config)->scrape_configs[0].scrape_protocols ==
        std::vector<std::string>{"OpenMetricsText1.0.0"});
}

TEST_CASE("the threshold of stale series") {
  const auto config = LoadText("storage: {tsdb: {stale_series_compaction_threshold: 0.5}}\n");
  REQUIRE(config.ok());
  CHECK((*config)->storage.stale_series_threshold == 0.5);
}

TEST_CASE("jobs inherit the switches of histograms, and protobuf with that of native ones") {
  const auto config = LoadText(R"(
global: {scrape_native_histograms: true, always_scrape_classic_histograms: true, convert_classic_histograms_to_nhcb: true}
scrape_configs:
- job_name: a
- job_name: b
  scrape_native_histograms: false
  always_scrape_classic_histograms: false
  convert_classic_histograms_to_nhcb: false
- job_name: c
  scrape_protocols: [PrometheusText0.0.4]
)");
  REQUIRE(config.ok());
  const auto& jobs = (*config)->scrape_configs;
  CHECK(*jobs[0].scrape_native_histograms);
  CHECK(*jobs[0].always_scrape_classic_histograms);
  CHECK(*jobs[0].convert_classic_histograms_to_nhcb);
  CHECK_FALSE(*jobs[1].convert_classic_histograms_to_nhcb);
  CHECK_FALSE(*jobs[1].always_scrape_classic_histograms);
  CHECK(jobs[0].scrape_protocols.size() == 5);
  CHECK(jobs[0].scrape_protocols[0] == kPrometheusProto);
  CHECK_FALSE(*jobs[1].scrape_native_histograms);
  CHECK(jobs[1].scrape_protocols.size() == 4);
  CHECK(*jobs[2].scrape_native_histograms);
  CHECK(jobs[2].scrape_protocols.size() == 1);
}

TEST_CASE("variables are expanded in external labels alone") {
  const auto config = LoadText(R"(
global:
  external_labels: {a: "$HOST", b: "x${HOST}y", c: "$$HOST", d: "${NONE}z", e: "$", f: "a$-b"}
scrape_configs:
- job_name: $HOST
)");
  REQUIRE(config.ok());
  CHECK((*config)->global.external_labels.ToString() ==
        R"({a="h1", b="xh1y", c="$HOST", d="z", e="$", f="a$-b"})");
  CHECK((*config)->scrape_configs[0].job_name == "$HOST");
  REQUIRE((*config)->warnings.size() == 1);
  CHECK((*config)->warnings[0].find("NONE") != std::string::npos);
}

TEST_CASE("relative paths are joined to the directory of the file that mentions them") {
  TempDir dir;
  dir.Write("sub/more.yml",
            "scrape_configs:\n- job_name: m\n  basic_auth: {username: u, password_file: pw}\n");
  const std::string file = dir.Write("p.yml", R"(
rule_files: [r/*.yml, /abs.yml]
scrape_config_files: [sub/*.yml]
global: {query_log_file: q.log}
scrape_configs:
- job_name: a
  tls_config: {ca_file: ca.pem}
  bearer_token_file: tok
  file_sd_configs: [{files: [t.yml]}]
alerting:
  alertmanagers:
  - file_sd_configs: [{files: [am.yml]}]
)");
  const auto loaded = LoadFile(file);
  if (!loaded.ok()) FAIL(MessageOf(loaded.status()));
  const Config& c = **loaded;
  CHECK(c.rule_files == std::vector<std::string>{dir.path() + "/r/*.yml", "/abs.yml"});
  CHECK(c.global.query_log_file == dir.path() + "/q.log");
  REQUIRE(c.scrape_configs.size() == 2);
  CHECK(c.scrape_configs[0].http.tls.ca_file == dir.path() + "/ca.pem");
  CHECK(c.scrape_configs[0].http.authorization->credentials_file == dir.path() + "/tok");
  CHECK(FileNames(c.scrape_configs[0].discovery) == dir.path() + "/t.yml");
  CHECK(c.scrape_configs[1].http.basic_auth->password_file == dir.path() + "/sub/pw");
  CHECK(c.scrape_configs[1].source_file == dir.path() + "/sub/more.yml");
  CHECK(FileNames(c.alerting.alertmanagers[0].discovery) == dir.path() + "/am.yml");
  CHECK(c.alerting.alertmanagers[0].key == "config-0");

  // A name twice, in two files: both places are named.
  dir.Write("sub/more.yml", "scrape_configs:\n- job_name: a\n");
  const auto twice = LoadFile(file);
  REQUIRE_FALSE(twice.ok());
  const std::string message(MessageOf(twice.status()));
  CHECK(message.find("found multiple scrape configs with job name \"a\"") != std::string::npos);
  CHECK(message.find("p.yml:6") != std::string::npos);
  CHECK(message.find("sub/more.yml:2") != std::string::npos);
  dir.Write("sub/more.yml", "scrape_configs:\n- job: a\n");
  CHECK(std::string(MessageOf(LoadFile(file).status())).find("line 2: field job not found") !=
        std::string::npos);
  CHECK_FALSE(LoadFile(dir.path() + "/none.yml").ok());
}

TEST_CASE("the print-out keeps upstream's order, hides secrets and reads back the same") {
  const auto config = LoadText(R"(
global: {external_labels: {b: "2", a: "1"}}
scrape_configs:
- job_name: a
  basic_auth: {username: u, password: hunter2}
  proxy_url: http://p:hunter2@x/
  relabel_configs:
  - {source_labels: [x, y], target_label: z}
  static_configs: [{targets: [h:1], labels: {l: v}}]
alerting:
  alertmanagers:
  - authorization: {credentials: hunter2}
    static_configs: [{targets: [am:1]}]
storage: {tsdb: {out_of_order_time_window: 0s, retention: {time: 10d}}}
)");
  if (!config.ok()) FAIL(MessageOf(config.status()));
  const std::string& yaml = (*config)->yaml;
  INFO(yaml);
  CHECK(yaml.find("hunter2") == std::string::npos);
  CHECK(yaml.find("password: <secret>") != std::string::npos);
  CHECK(yaml.find("proxy_url: http://p:xxxxx@x/") != std::string::npos);
  size_t last = 0;
  for (const char* key : {"global:",
                          "  scrape_interval: 1m",
                          "  scrape_timeout: 10s",
                          "  evaluation_interval: 1m",
                          "  external_labels:",
                          "runtime:",
                          "  gogc: 75",
                          "alerting:",
                          "scrape_configs:",
                          "- job_name: a",
                          "  honor_timestamps: true",
                          "  track_timestamps_staleness: false",
                          "  scrape_interval: 1m",
                          "  scrape_protocols:",
                          "  metrics_path: /metrics",
                          "  scheme: http",
                          "  enable_compression: true",
                          "  basic_auth:",
                          "  follow_redirects: true",
                          "  enable_http2: true",
                          "  relabel_configs:",
                          "    separator: ;",
                          "    replacement: $1",
                          "  static_configs:",
                          "storage:",
                          "      time: 10d",
                          "otlp:",
                          "  translation_strategy: UnderscoreEscapingWithSuffixes",
                          "  label_name_underscore_sanitization: true",
                          "  label_name_preserve_multiple_underscores: true"}) {
    const size_t at = yaml.find(key, last);
    INFO(key);
    REQUIRE(at != std::string::npos);
    last = at;
  }
  const auto again = LoadText(yaml);
  if (!again.ok()) FAIL(MessageOf(again.status()));
  CHECK((*again)->yaml == yaml);
  CHECK((*again)->storage.retention_time_ms == 864'000'000);
  CHECK((*config)->scrape_configs[0].yaml.starts_with("job_name: a\n"));
}

TEST_CASE("the section otlp is printed as it is understood") {
  const auto config = LoadText("otlp: {promote_resource_attributes: [' a ', b.c]}\n");
  REQUIRE(config.ok());
  CHECK((*config)->otlp.promote_resource_attributes == std::vector<std::string>{"a", "b.c"});
  CHECK(
      (*config)->yaml.ends_with("otlp:\n"
                                "  promote_resource_attributes:\n"
                                "  - a\n"
                                "  - b.c\n"
                                "  translation_strategy: UnderscoreEscapingWithSuffixes\n"
                                "  label_name_underscore_sanitization: true\n"
                                "  label_name_preserve_multiple_underscores: true\n"));
}

TEST_CASE("the fingerprint of a job tells secrets apart") {
  const auto with = [](const std::string& password) {
    return (*LoadText(Job("basic_auth: {username: u, password: " + password + "}")))
        ->scrape_configs[0];
  };
  CHECK(with("x").yaml == with("y").yaml);
  CHECK(with("x").fingerprint != with("y").fingerprint);
  CHECK(with("x").fingerprint == with("x").fingerprint);
}

}  // namespace
}  // namespace narthex::config
