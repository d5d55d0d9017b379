#include "server/config/config.h"

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "core/base/file.h"
#include "server/discovery/file/file.h"
#include "server/discovery/mechanism.h"
#include "tests/catch.h"

namespace narthex::config {
namespace {

struct TempDir {
  TempDir() {
    char name[] = "/tmp/nx-config-XXXXXX";
    path = mkdtemp(name);
  }
  ~TempDir() { std::filesystem::remove_all(path); }
  std::string Put(const std::string& name, std::string_view text) const {
    REQUIRE(WriteFileAtomically(path + "/" + name, text).ok());
    return path + "/" + name;
  }
  std::string path;
};

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

// What Debian's promtool says: 0 fine, 1 broken; -1 when it is not there.
int Promtool(const std::string& file) {
  if (!FileExists("/usr/bin/promtool")) return -1;
  const int rc = std::system(("/usr/bin/promtool check config --lint=none " + file +
                              " >/dev/null 2>&1").c_str());
  return WIFEXITED(rc) && WEXITSTATUS(rc) == 0 ? 0 : 1;
}

struct Broken {
  std::string text;
  std::string error;
  // Does the older promtool of the distribution refuse it as well? What it does not know yet, or
  // knows and we do not have, is left out of the comparison.
  bool compare = true;
};

const std::vector<Broken>& BrokenConfigs() {
  static const std::vector<Broken> cases = {
      {"global:\n  scrape_intervall: 5s\n", "line 2: field scrape_intervall not found in type config.plain"},
      {"globl: {}\n", "line 1: field globl not found in type config.plain"},
      {"a: [\n", "yaml: "},
      {"- a\n", "cannot unmarshal"},
      {"global: {scrape_interval: 5x}\n", "unknown unit \"x\" in duration \"5x\""},
      {"global: {scrape_interval: -5s}\n", "not a valid duration string: \"-5s\""},
      {"global: {scrape_interval: 5s, scrape_timeout: 6s}\n", "global scrape timeout greater than scrape interval"},
      {"global: {sample_limit: -1}\n", "cannot unmarshal !!int `-1` into uint"},
      {"global: {body_size_limit: 100}\n", "unknown unit"},
      {"global:\n  external_labels: {a: [1]}\n", "cannot unmarshal !!seq"},
      {"global: {}\nglobal: {}\n", "line 2: field global already set in type config.plain"},
      {"global: {scrape_protocols: [X]}\n", "unknown scrape protocol X", false},
      {"global: {scrape_protocols: [PrometheusText0.0.4, PrometheusText0.0.4]}\n", "duplicated protocol in scrape_protocols", false},
      {"global: {metric_name_validation_scheme: foo}\n", "unrecognized ValidationScheme: \"foo\"", false},
      {"global: {metric_name_escaping_scheme: foo}\n", "unknown global name escaping method", false},
      {"rule_files: ['a/*/b.yml']\n", "invalid rule file path \"a/*/b.yml\""},
      {"rule_files: x\n", "cannot unmarshal !!str `x` into []string"},
      {"scrape_config_files: ['*a*.yml']\n", "invalid scrape config file path", true},
      {"scrape_configs:\n- static_configs: []\n", "job_name is empty"},
      {"scrape_configs:\n-\n", "empty or null scrape config section"},
      {"scrape_configs:\n- job_name: a\n- job_name: a\n", "found multiple scrape configs with job name \"a\""},
      {Job("nope: 1"), "line 3: field nope not found in type config.ScrapeConfig"},
      {Job("job_name: b"), "line 3: field job_name already set in type config.ScrapeConfig"},
      {Job("scrape_interval: 5s\nscrape_timeout: 10s"), "scrape timeout greater than scrape interval for scrape config with job name \"a\""},
      {Job("static_configs:\n- targets: ['http://x/y']"), "\"http://x/y\" is not a valid hostname"},
      {Job("static_configs:\n-"), "empty or null section in static_configs"},
      {Job("static_configs:\n- target: [a]"), "field target not found"},
      {Job("static_configs:\n- targets: a"), "cannot unmarshal !!str `a` into []string"},
      {Job("relabel_configs:\n-"), "empty or null target relabeling rule in scrape config"},
      {Job("metric_relabel_configs:\n-"), "empty or null metric relabeling rule in scrape config"},
      {Job("relabel_configs:\n- action: kep"), "unknown relabel action \"kep\""},
      {Job("relabel_configs:\n- regex: '('"), "error parsing regexp"},
      {Job("relabel_configs:\n- action: hashmod\n  target_label: x"), "relabel configuration for hashmod requires non-zero modulus"},
      {Job("relabel_configs:\n- source_labels: [a]"), "relabel configuration for replace action requires 'target_label' value"},
      {Job("relabel_configs:\n- source_label: [a]\n  target_label: b"), "field source_label not found in type relabel.plain"},
      {Job("relabel_configs:\n- action: labeldrop\n  regex: a\n  source_labels: [b]"), "labeldrop action requires only 'regex', and no other fields"},
      {Job("bearer_token: a\nbearer_token_file: b"), "at most one of bearer_token & bearer_token_file must be configured"},
      {Job("basic_auth: {username: u}\nauthorization: {credentials: x}"), "at most one of basic_auth"},
      {Job("basic_auth: {username: u, password: p, password_file: f}"), "at most one of basic_auth password"},
      {Job("authorization: {type: Basic, credentials: x}"), "authorization type cannot be set to \"basic\""},
      {Job("tls_config: {ca_fil: x}"), "field ca_fil not found"},
      {Job("tls_config: {min_version: TLS9}"), "unknown TLS version"},
      {Job("proxy_url: '::x'"), "missing protocol scheme"},
      {Job("honor_labels: maybe"), "cannot unmarshal !!str `maybe` into bool"},
      {Job("fallback_scrape_protocol: X"), "unknown scrape protocol X", false},
      {Job("metric_name_validation_scheme: legacy\nmetric_name_escaping_scheme: allow-utf-8"), "utf8 metric names requested but validation scheme is not set to UTF8", false},
      {Job("consul_sd_configs: [{server: x}]"), "consul_sd_configs is not implemented: known to Prometheus, not implemented here", false},
      {Job("kubernetes_sd_configs: [{role: pod}]"), "kubernetes_sd_configs is not implemented", false},
      {Job("konsul_sd_configs: []"), "field konsul_sd_configs not found in type config.ScrapeConfig"},
      {Job("file_sd_configs: [{}]"), "file service discovery config must contain at least one path name"},
      {Job("file_sd_configs: [{files: [a.txt]}]"), "path name \"a.txt\" is not valid for file discovery"},
      {"remote_write: [{url: http://x}]\n", "remote_write is not implemented", false},
      {"remote_read: [{url: http://x}]\n", "remote_read is not implemented", false},
      {"tracing: {endpoint: x}\n", "tracing is not implemented", false},
      {"otlp: {promote_resource_attributes: [a]}\n", "otlp is not implemented", false},
      {"storage: {exemplars: {max_exemplar: 1}}\n", "field max_exemplar not found"},
      {"storage: {tsdb: {stale_series_compaction_threshold: 1.5}}\n", "must be in the range [0, 1]", false},
      {"storage: {tsdb: {chunk_encoding: {floats: xor2}}}\n", "chunk_encoding.floats: \"xor2\"", false},
      {"storage: {tsdb: {retention: {percentage: 101}}}\n", "'storage.tsdb.retention.percentage' must be in the range [0, 100]", false},
      {"storage: {tsdb: {out_of_order_window: 1h}}\n", "field out_of_order_window not found"},
      {"alerting: {alertmanagers: [{api_version: v3}]}\n", "expected Alertmanager api version to be one of"},
      {"alerting: {alertmanagers: [{static_configs: [{targets: ['http://x']}]}]}\n", "\"http://x\" is not a valid hostname"},
      {"alerting: {alert_relabel_configs: [null]}\n", "empty or null alert relabeling rule"},
      {"alerting: {alertmanagers: [{relabel_configs: [null]}]}\n", "empty or null Alertmanager target relabeling rule"},
      {"alerting: {alertmanagers: [{sigv4: {region: x}}]}\n", "sigv4 is not implemented", false},
      {"alerting: {alertmanager: []}\n", "field alertmanager not found"},
  };
  return cases;
}

TEST_CASE("broken configurations are refused with file, line and field, as promtool refuses them") {
  TempDir dir;
  for (const Broken& c : BrokenConfigs()) {
    INFO(c.text);
    const std::string file = dir.Put("bad.yml", c.text);
    const auto config = LoadFile(file);
    if (config.ok()) {
      FAIL_CHECK("was accepted");
      continue;
    }
    const std::string message(MessageOf(config.status()));
    INFO(message);
    CHECK(message.find(c.error) != std::string::npos);
    CHECK(message.find("bad.yml") != std::string::npos);
    if (c.compare) CHECK(Promtool(file) != 0);
  }
}

TEST_CASE("good configurations are accepted, also by promtool") {
  TempDir dir;
  const std::string cases[] = {
      "",
      "global: {}\n",
      "global:\n",
      "scrape_configs: []\n",
      Job("static_configs:\n- targets: [a:1, b]\n  labels: {x: y}"),
      Job("static_configs:\n- targets: ['http://x/y']\nrelabel_configs:\n- target_label: __address__\n  replacement: x"),
      Job("params: {module: [a, b]}\nhonor_labels: yes\nscheme: https\nbody_size_limit: 10MB\nsample_limit: 5"),
      Job("file_sd_configs:\n- files: ['x/*.yml', y.json]\n  refresh_interval: 1m"),
      "x: &x {targets: [a]}\n",
      "alerting:\n  alertmanagers:\n  - scheme: https\n    path_prefix: /am\n    static_configs: [{targets: [a]}]\n",
      "rule_files: ['r/*.yml', 'x*.yml']\n",
      "storage: {tsdb: {out_of_order_time_window: 0s}}\n",
      "storage: {tsdb: {out_of_order_time_window: 30m}}\n",
  };
  for (const std::string& text : cases) {
    INFO(text);
    const std::string file = dir.Put("good.yml", text);
    const auto config = LoadFile(file);
    if (text.starts_with("x:")) {
      CHECK_FALSE(config.ok());  // an unknown key holds the anchor
      continue;
    }
    if (!config.ok()) FAIL_CHECK(MessageOf(config.status()));
    CHECK(Promtool(file) <= 0);
  }
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
  std::filesystem::create_directory(dir.path + "/sub");
  dir.Put("sub/more.yml", "scrape_configs:\n- job_name: m\n  basic_auth: {username: u, password_file: pw}\n");
  const std::string file = dir.Put("p.yml", R"(
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
  CHECK(c.rule_files == std::vector<std::string>{dir.path + "/r/*.yml", "/abs.yml"});
  CHECK(c.global.query_log_file == dir.path + "/q.log");
  REQUIRE(c.scrape_configs.size() == 2);
  CHECK(c.scrape_configs[0].http.tls.ca_file == dir.path + "/ca.pem");
  CHECK(c.scrape_configs[0].http.authorization->credentials_file == dir.path + "/tok");
  CHECK(FileNames(c.scrape_configs[0].discovery) == dir.path + "/t.yml");
  CHECK(c.scrape_configs[1].http.basic_auth->password_file == dir.path + "/sub/pw");
  CHECK(c.scrape_configs[1].source_file == dir.path + "/sub/more.yml");
  CHECK(FileNames(c.alerting.alertmanagers[0].discovery) == dir.path + "/am.yml");
  CHECK(c.alerting.alertmanagers[0].key == "config-0");

  // A name twice, in two files: both places are named.
  dir.Put("sub/more.yml", "scrape_configs:\n- job_name: a\n");
  const auto twice = LoadFile(file);
  REQUIRE_FALSE(twice.ok());
  const std::string message(MessageOf(twice.status()));
  CHECK(message.find("found multiple scrape configs with job name \"a\"") != std::string::npos);
  CHECK(message.find("p.yml:6") != std::string::npos);
  CHECK(message.find("sub/more.yml:2") != std::string::npos);
  dir.Put("sub/more.yml", "scrape_configs:\n- job: a\n");
  CHECK(std::string(MessageOf(LoadFile(file).status())).find("line 2: field job not found") !=
        std::string::npos);
  CHECK_FALSE(LoadFile(dir.path + "/none.yml").ok());
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
  for (const char* key :
       {"global:", "  scrape_interval: 1m", "  scrape_timeout: 10s", "  evaluation_interval: 1m",
        "  external_labels:", "runtime:", "  gogc: 75", "alerting:", "scrape_configs:",
        "- job_name: a", "  honor_timestamps: true", "  track_timestamps_staleness: false",
        "  scrape_interval: 1m", "  scrape_protocols:", "  metrics_path: /metrics",
        "  scheme: http", "  enable_compression: true", "  basic_auth:",
        "  follow_redirects: true", "  enable_http2: true", "  relabel_configs:",
        "    separator: ;", "    replacement: $1", "  static_configs:", "storage:",
        "      time: 10d"}) {
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
