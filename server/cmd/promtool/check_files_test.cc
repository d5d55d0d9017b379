// The check commands that look at files, as the executable answers. The texts were compared with
// promtool 3.5.3.

#include <filesystem>

#include "server/cmd/promtool/test_files.h"

namespace narthex::promtool {
namespace {

TEST_CASE("rule files are checked and linted") {
  const Files files("check_rules");
  const std::string good = files.Write("good.yml", kTwoRules);
  const std::string twice = files.Write("twice.yml", R"(groups:
- name: g
  rules:
  - {record: b, expr: x, labels: {l: v}}
  - {record: b, expr: y, labels: {l: v}}
)");
  const std::string broken =
      files.Write("broken.yml", "groups: [{name: g, rules: [{record: a, expr: sum(}]}]");
  const auto check = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {Binary("promtool"), "check", "rules"});
    return RunToEnd(arguments);
  };
  RunResult result = check({good});
  CHECK(result.output == "Checking " + good + "\n  SUCCESS: 2 rules found\n\n");
  CHECK(result.exit_code == 0);
  result = check({twice});
  CHECK(
      Has(result.output, "lint error 1 duplicate rule(s) found.\nMetric: b\nLabel(s):\n\tl: v\n"));
  CHECK(result.exit_code == 0);
  CHECK(check({twice, "--lint-fatal"}).exit_code == 3);
  CHECK(check({twice, "--lint-fatal", "--lint=none"}).exit_code == 0);
  result = check({broken});
  CHECK(Has(result.output, "group \"g\", rule 1, \"a\": could not parse expression"));
  CHECK(result.exit_code == 1);
  result = check({"/no/such/file"});
  CHECK(Has(result.output, "promtool: error: path '/no/such/file' does not exist, try --help"));
  CHECK(result.exit_code == 1);
}

TEST_CASE("configuration files are checked with the rules they name") {
  const Files files("check_config");
  files.Write("rules.yml", kTwoRules);
  const std::string good = files.Write("c.yml", R"(rule_files: [rules.yml]
scrape_configs: [{job_name: a, scrape_interval: 10m, static_configs: [{targets: ["x:1"]}]}]
)");
  const auto check = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {Binary("promtool"), "check", "config"});
    return RunToEnd(arguments);
  };
  RunResult result = check({good});
  CHECK(result.exit_code == 0);
  CHECK(Has(result.output, "  SUCCESS: 1 rule files found\n SUCCESS: " + good +
                               " is valid prometheus config file syntax\n\nChecking "));
  CHECK(Has(result.output, "  SUCCESS: 2 rules found\n"));
  result = check({good, "--lint=all", "--lint-fatal"});
  CHECK(result.exit_code == 3);
  CHECK(Has(result.output,
            "too long scrape interval found, data point will be marked as stale - "
            "job: a, interval: 10m"));
  CHECK(check({good, "--lint=all", "--lint-fatal", "--query.lookback-delta=1h"}).exit_code == 0);
  const std::string broken = files.Write("broken.yml", "nope: 1\n");
  result = check({broken});
  CHECK(result.exit_code == 1);
  CHECK(Has(result.output, "  FAILED: "));
  CHECK(Has(result.output, "nope"));
  const std::string missing = files.Write("missing.yml", "rule_files: [none.yml]\n");
  CHECK(Has(check({missing}).output, "none.yml\" does not point to an existing file"));
  CHECK(check({missing, "--syntax-only"}).exit_code == 0);
  result = check({good, "--agent"});
  CHECK(result.exit_code == 1);
  CHECK(Has(result.output, "field rule_files is not allowed in agent mode"));
}

TEST_CASE("configuration files are checked with the files and targets they name") {
  const Files files("check_config_files");
  const auto check = [&](const std::string& text, std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(),
                     {Binary("promtool"), "check", "config", files.Write("c.yml", text)});
    return RunToEnd(arguments);
  };
  files.Write("targets.yml", "- targets: [a]\n");
  files.Write("bad.yml", "- targets: ['a/b']\n");
  files.Write("jobs.yml", "scrape_configs: [{job: x}]\n");
  RunResult result = check(R"(scrape_configs:
- {job_name: a, file_sd_configs: [{files: [targets.yml, 'later*.yml']}]}
)");
  CHECK(result.exit_code == 0);
  CHECK(Has(result.output, "later*.yml\" for file_sd in scrape job \"a\" does not exist\n"));
  const std::string kBroken[] = {
      "scrape_configs: [{job_name: a, file_sd_configs: [{files: [bad.yml]}]}]\n",
      "scrape_configs: [{job_name: a, bearer_token_file: none}]\n",
      "scrape_configs: [{job_name: a, tls_config: {cert_file: none, key_file: none}}]\n",
      "scrape_config_files: [jobs.yml]\n",
      "alerting: {alertmanagers: [{file_sd_configs: [{files: [bad.yml]}]}]}\n"};
  for (const std::string& text : kBroken) {
    INFO(text);
    CHECK(check(text).exit_code == 1);
    CHECK(check(text, {"--syntax-only"}).exit_code == 0);
  }
  // Those in the file itself are a matter of syntax.
  const std::string empty = "scrape_configs: [{job_name: a, static_configs: [{targets: ['']}]}]\n";
  result = check(empty, {"--syntax-only"});
  CHECK(result.exit_code == 1);
  CHECK(Has(result.output, "instance 0 in group 0: no address"));
}

TEST_CASE("service discovery is tried") {
  const Files files("check_discovery");
  files.Write("t.yml", "- {targets: [f]}\n");
  const std::string config = files.Write("c.yml", R"(scrape_configs:
- job_name: x
  static_configs: [{targets: [a, a, 'b/c', d], labels: {l: "<v>"}}]
  relabel_configs: [{source_labels: [__address__], regex: d, action: drop}]
- job_name: y
- job_name: z
  file_sd_configs: [{files: [t.yml]}]
)");
  const auto check = [&](const std::string& job) {
    return RunToEnd(
        {Binary("promtool"), "check", "service-discovery", "--timeout=500ms", config, job});
  };
  const auto labels = [](const std::string& address, const std::string& more) {
    return R"({
      "__address__": ")" +
           address + R"(",
      "__always_scrape_classic_histograms__": "false",
      "__convert_classic_histograms_to_nhcb__": "false",
      "__metrics_path__": "/metrics",
      "__scheme__": "http",
      "__scrape_interval__": "1m",
      "__scrape_native_histograms__": "false",
      "__scrape_timeout__": "10s",)" +
           more + R"(
      "job": "x",
      "l": "\u003cv\u003e"
    })";
  };
  RunResult result = check("x");
  CHECK(result.exit_code == 0);
  CHECK(result.output == R"([
  {
    "discoveredLabels": )" + labels("a", "") +
                             R"(,
    "labels": )" + labels("a", "\n      \"instance\": \"a\",") +
                             R"(
  },
  {
    "discoveredLabels": )" + labels("b/c", "") +
                             R"(,
    "labels": {},
    "error": "\"b/c\" is not a valid hostname"
  },
  {
    "discoveredLabels": )" + labels("d", "") +
                             R"(,
    "labels": {}
  }
])");
  result = check("y");
  CHECK(result.output == "[]");
  CHECK(result.exit_code == 0);
  result = check("z");
  CHECK(Has(result.output, "\"instance\": \"f\""));
  CHECK(Has(result.output, "/t.yml\""));
  result = check("nope");
  CHECK(result.output == "Job nope not found. Select one of:\n\tx\n\ty\n\tz\n");
  CHECK(result.exit_code == 1);
}

TEST_CASE("further fields of rules are ignored when asked for") {
  const Files files("check_unknown");
  const std::string rules =
      files.Write("r.yml", "groups: [{name: g, owner: me, rules: [{record: a, expr: b, x: 1}]}]");
  const std::string config = files.Write("c.yml", "rule_files: [r.yml]\n");
  const auto check = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {Binary("promtool"), "check"});
    return RunToEnd(arguments).exit_code;
  };
  CHECK(check({"rules", rules}) == 1);
  CHECK(check({"rules", rules, "--ignore-unknown-fields"}) == 0);
  CHECK(check({"config", config}) == 1);
  CHECK(check({"config", config, "--ignore-unknown-fields"}) == 0);
}

TEST_CASE("web configurations are checked") {
  const Files files("check_web");
  const std::string good = files.Write("good.yml", "http_server_config: {http2: false}\n");
  const std::string bad = files.Write("bad.yml", "tls_server_config: {cert_file: x}\n");
  RunResult result = RunToEnd({Binary("promtool"), "check", "web-config", good});
  CHECK(result.output == good + " SUCCESS\n");
  CHECK(result.exit_code == 0);
  result = RunToEnd({Binary("promtool"), "check", "web-config", bad, good});
  CHECK(Has(result.output, bad + " FAILED: "));
  CHECK(Has(result.output, good + " SUCCESS\n"));
  CHECK(result.exit_code == 1);
  CHECK(RunToEnd({Binary("promtool"), "check", "web-config", "/no/such"}).exit_code == 1);
}

}  // namespace
}  // namespace narthex::promtool
