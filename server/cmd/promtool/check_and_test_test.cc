// The check commands and test rules, as the executable answers. The texts
// were compared with promtool 3.5.3.

#include <filesystem>

#include "core/base/file.h"
#include "core/exposition/families.h"
#include "core/http/server.h"
#include "server/cmd/promtool/check_metrics.h"
#include "server/cmd/promtool/rule_test_file.h"
#include "tests/catch.h"
#include "tests/support/process.h"

namespace narthex::promtool {
namespace {

using testing::Binary;
using testing::RunResult;
using testing::RunToEnd;

// Files in a directory of their own.
class Files {
 public:
  explicit Files(const std::string& name) : dir_(testing::ScratchDir("promtool_" + name)) {}
  std::string Write(const std::string& name, const std::string& text) const {
    REQUIRE(WriteFileAtomically(dir_ + "/" + name, text).ok());
    return dir_ + "/" + name;
  }

 private:
  const std::string dir_;
};

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// With escapes for the terminal.
std::string operator""_e(const char* text, size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i) {
    const bool escape = text[i] == '\\' && i + 1 < size && text[i + 1] == 'e';
    out.push_back(escape ? '\x1b' : text[i]);
    i += escape ? 1 : 0;
  }
  return out;
}

constexpr char kRules[] = R"(groups:
  - name: g
    rules:
      - record: job:x:sum
        expr: sum by (job) (x)
      - alert: High
        expr: job:x:sum > 50
        for: 2m
        labels: {severity: page}
        annotations:
          summary: "{{ $labels.job }} at {{ $value }}"
          ext: "{{ $externalLabels.cluster }} {{ $externalURL }}"
)";

constexpr char kTests[] = R"(rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    name: first
    external_labels: {cluster: c1}
    external_url: http://x
    input_series:
      - series: 'x{job="a",i="1"}'
        values: '0+10x10'
      - series: 'x{job="a",i="2"}'
        values: '5 _ 5x3 stale'
    alert_rule_test:
      - eval_time: 8m
        alertname: High
        exp_alerts:
          - exp_labels: {severity: page, job: a}
            exp_annotations: {summary: "a at 80", ext: "c1 http://x"}
      - eval_time: 1m
        alertname: High
    promql_expr_test:
      - expr: job:x:sum
        eval_time: 4m
        exp_samples: [{labels: 'job:x:sum{job="a"}', value: 45}]
      - expr: sum(x)
        eval_time: 5m
        exp_samples: [{labels: '{}', value: 55}]
      - expr: sum(x)
        eval_time: 6m
        exp_samples: [{labels: '{}', value: 60}]
      - expr: count(ALERTS{alertstate="firing"})
        eval_time: 8m
        exp_samples: [{labels: '{}', value: 1}]
      - expr: none
        eval_time: 1m
)";

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("rules do what their tests say") {
  const Files files("test_rules");
  files.Write("rules.yml", kRules);
  const RunResult good =
      RunToEnd({Binary("promtool"), "test", "rules", files.Write("t.yml", kTests)});
  CHECK(good.output == "  SUCCESS\n\n");
  CHECK(good.exit_code == 0);
}

TEST_CASE("what rules do otherwise is shown") {
  const Files files("test_rules_bad");
  files.Write("rules.yml", kRules);
  std::string text = Replaced(kTests, "a at 80", "a at 81");
  text = Replaced(text, "value: 45", "value: 46");
  text = Replaced(text, "eval_time: 1m", "eval_time: 8m");
  const RunResult bad = RunToEnd({Binary("promtool"), "test", "rules", files.Write("t.yml", text)});
  CHECK(bad.exit_code == 1);
  CHECK(Has(bad.output, R"(    name: first,
    alertname: High, time: 8m, 
        exp:[
            0:
              Labels:{alertname="High", job="a", severity="page"}
              Annotations:{ext="c1 http://x", summary="a at 81"}
            ], 
        got:[
            0:
              Labels:{alertname="High", job="a", severity="page"}
              Annotations:{ext="c1 http://x", summary="a at 80"}
            ]
)"));
  CHECK(Has(bad.output, "        exp:[], \n        got:[\n"));
  CHECK(Has(bad.output, R"(    expr: "job:x:sum", time: 4m,
        exp: {__name__="job:x:sum", job="a"} 4.6E+01
        got: {__name__="job:x:sum", job="a"} 4.5E+01
)"));
  const RunResult other =
      RunToEnd({Binary("promtool"), "test", "rules", "--run=second", files.Write("t.yml", text)});
  CHECK(other.exit_code == 0);
}

constexpr char kTwoJobs[] = R"(rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    name: first
    input_series:
      - {series: 'x{job="a"}', values: '0+10x10'}
      - {series: 'x{job="b"}', values: '0+10x10'}
    alert_rule_test:
      - eval_time: 8m
        alertname: High
        exp_alerts:
          - exp_labels: {severity: page, job: a, z: "<&>"}
            exp_annotations: {summary: "a at 81"}
      - eval_time: 1m
        alertname: High
        exp_alerts: [{exp_labels: {severity: page}}]
  - interval: 1m
    promql_expr_test:
      - {expr: vector(1), eval_time: 4m, exp_samples: [{labels: '{}', value: 1}]}
)";

TEST_CASE("alerts that are otherwise than wanted, in colours") {
  const Files files("test_rules_diff");
  files.Write("rules.yml",
              Replaced(kRules, R"(          ext: "{{ $externalLabels.cluster }} {{ $externalURL }}"
)",
                       ""));
  const RunResult shown =
      RunToEnd({Binary("promtool"), "test", "rules", "--diff", files.Write("t.yml", kTwoJobs)});
  CHECK(shown.exit_code == 1);
  CHECK(Has(shown.output, R"(    name: first,
    alertname: High, time: 1m, 
        diff: [
                {
                    "Annotations": {},
                    "Labels": {
                        \e[0;31m"alertname": "High"\e[0m,
                        \e[0;31m"severity": "page"\e[0m
                    }
                }
            ]
)"_e));
  CHECK(Has(shown.output, R"(        diff: [
                {
                    "Annotations": {
                        "summary": \e[0;33m"a at 81" => "a at 80"\e[0m
                    },
                    "Labels": {
                        "alertname": "High",
                        "job": "a",
                        "severity": "page",
                        \e[0;31m"z": "<&>"\e[0m
                    }
                },
                \e[0;32m{\e[0m
                    \e[0;32m"Annotations": {\e[0m
                        \e[0;32m"summary": "b at 80"\e[0m
                    \e[0;32m},\e[0m
                    \e[0;32m"Labels": {\e[0m
                        \e[0;32m"alertname": "High",\e[0m
                        \e[0;32m"job": "b",\e[0m
                        \e[0;32m"severity": "page"\e[0m
                    \e[0;32m}\e[0m
                \e[0;32m}\e[0m
            ]
)"_e));
  const RunResult plain =
      RunToEnd({Binary("promtool"), "test", "rules", files.Write("t.yml", kTwoJobs)});
  CHECK(Has(plain.output, R"(              Annotations:{summary="a at 80"},
            1:
)"));
}

TEST_CASE("results of tests as JUnit XML, and what a test does") {
  const Files files("test_rules_junit");
  const std::string rules =
      Replaced(kRules, R"(          ext: "{{ $externalLabels.cluster }} {{ $externalURL }}"
)",
               "");
  files.Write("rules.yml", rules);
  const std::string junit = files.Write("out.xml", "");
  const std::string unknown = files.Write("unknown.yml", "bogus: 1\n");
  const RunResult run = RunToEnd({Binary("promtool"), "test", "rules", "--debug", "--junit", junit,
                                  files.Write("t.yml", kTwoJobs), unknown});
  CHECK(run.exit_code == 1);
  CHECK(Has(run.output,
            "DEBUG: Starting test first\nDEBUG: Dump of all data (input_series and "
            "rules) at 8m1s:\n"));
  CHECK(Has(run.output, R"({__name__="job:x:sum", job="a"} =>
10 @[60000]
20 @[120000]
)"));
  CHECK(Has(run.output, "DEBUG: Test first finished, took "));
  CHECK(Has(run.output,
            "DEBUG: Starting test unnamed#1\nDEBUG: Dump of all data (input_series and "
            "rules) at 4m1s:\n\nDEBUG: Test unnamed#1 finished, took "));
  const std::string xml = ReadFile(junit).value();
  CHECK(xml.starts_with("<testsuites><testsuite name=\""));
  CHECK(Has(xml, "t.yml\" tests=\"2\" failures=\"2\" errors=\"0\" skipped=\"0\" timestamp=\"2"));
  CHECK(Has(xml,
            "<testcase name=\"first\"><failure>    name: first,&#xA;    alertname: High, time: "
            "1m, &#xA;"));
  CHECK(Has(xml, "z=&#34;&lt;&amp;&gt;&#34;"));
  CHECK(Has(xml, "<testcase name=\"unnamed#1\"></testcase></testsuite>"));
  CHECK(Has(xml,
            "unknown.yml\" tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\" "
            "timestamp=\"\"><testcase name=\"unknown\"><error>yaml: unmarshal errors:&#xA;"));
  const RunResult nowhere =
      RunToEnd({Binary("promtool"), "test", "rules", "--junit=/no/such/x.xml", unknown});
  CHECK(nowhere.exit_code == 1);
  CHECK(Has(nowhere.output, "promtool: error: open /no/such/x.xml: "));

  // Fields that rules do not have.
  files.Write("rules.yml",
              Replaced(rules, "        for: 2m\n", "        for: 2m\n        owner: me\n"));
  const std::string test = files.Write(
      "u.yml",
      "rule_files: [rules.yml]\ntests: [{promql_expr_test: [{expr: vector(1), eval_time: "
      "1m, exp_samples: [{labels: '{}', value: 1}]}]}]\n");
  CHECK(RunToEnd({Binary("promtool"), "test", "rules", test}).exit_code == 1);
  CHECK(
      RunToEnd({Binary("promtool"), "test", "rules", "--ignore-unknown-fields", test}).exit_code ==
      0);
}

TEST_CASE("tests of histograms, order of groups and a start that is not zero") {
  const Files files("test_rules_more");
  files.Write("rules.yml", R"(groups:
  - {name: a, rules: [{record: second, expr: first + 1}]}
  - {name: b, rules: [{record: first, expr: time()}]}
  - {name: c, rules: [{record: sums, expr: sum(h)}]}
)");
  const std::string text = R"(rule_files: ["*.yml.rules", rules.yml]
group_eval_order: [b, a]
tests:
  - interval: 1m
    start_timestamp: 2020-01-01T00:00:00Z
    input_series:
      - {series: h, values: '{{schema:0 sum:5 count:4 buckets:[1 2 1]}}x2'}
    promql_expr_test:
      - {expr: second - time(), eval_time: 1m, exp_samples: [{labels: '{}', value: 1}]}
      - {expr: time(), eval_time: 1m, exp_samples: [{labels: '', value: 1577836860}]}
      - expr: sums
        eval_time: 2m
        exp_samples: [{labels: sums, histogram: '{{schema:0 sum:5 count:4 buckets:[1 2 1]}}'}]
)";
  const RunResult good =
      RunToEnd({Binary("promtool"), "test", "rules", files.Write("t.yml", text)});
  INFO(good.output);
  CHECK(good.exit_code == 0);
  CHECK(Has(good.output, "WARNING: no file match pattern"));
  const RunResult bad = RunToEnd({Binary("promtool"), "test", "rules",
                                  files.Write("t2.yml", Replaced(text, "count:4 b", "count:5 b"))});
  CHECK(bad.exit_code == 1);  // of the input, and so of the sum
  CHECK(Has(bad.output, "        got: {__name__=\"sums\"} {{count:5 sum:5 buckets:[1 2 1]}}\n"));
  const RunResult unordered = RunToEnd({Binary("promtool"), "test", "rules",
                                        files.Write("t3.yml", Replaced(text, "[b, a]", "[a, b]"))});
  CHECK(unordered.exit_code == 1);
}

TEST_CASE("broken tests are told") {
  const Files files("test_rules_broken");
  files.Write("rules.yml", "groups: [{name: g, rules: [{record: r, expr: 'a * on(i) b'}]}]");
  const struct {
    std::string text, want;
  } kCases[] = {
      {"rule_files: [x]\nnope: 1\ntests: []\n", "field nope not found in type main.unitTestFile"},
      {"tests: [{input_series: [{series: 'x{', values: '1'}]}]", "parse error"},
      {"tests: [{input_series: [{series: x, values: '1 zz'}]}]", "zz"},
      {"tests: [{promql_expr_test: [{expr: 'sum(', eval_time: 1m}]}]",
       "    expr: \"sum(\", time: 1m, err: 1:5: parse error: unclosed left parenthesis"},
      {"group_eval_order: [a, a]\ntests: [{}]", "group name repeated in evaluation order: a"},
      {"rule_files: [rules.yml]\ntests: [{interval: 1m, input_series: [{series: a, values: 1}, "
       "{series: 'b{j=\"1\"}', values: 1}, {series: 'b{j=\"2\"}', values: 1}]}]",
       "    rule: r, time: 0s, err: found duplicate series"},
  };
  for (const auto& c : kCases) {
    INFO(c.text);
    const RunResult result =
        RunToEnd({Binary("promtool"), "test", "rules", files.Write("t.yml", c.text)});
    INFO(result.output);
    CHECK(result.exit_code == 1);
    CHECK(Has(result.output, "  FAILED:\n"));
    CHECK(Has(result.output, c.want));
  }
}

TEST_CASE("repeated values count one more in the notation of tests") {
  CHECK(ToSeriesLine({"a", "1x3 2+1x2 _x2 NaNx1 stale 1e2x1"}) ==
        "a 1x4 2+1x2 _x2 NaNx2 stale 1e2x2");
  CHECK(ToSeriesLine({"a", "{{count:1 buckets:[1 2]}}x2 {{count:1}}+{{count:1}}x2"}) ==
        "a {{count:1 buckets:[1 2]}}x3 {{count:1}}+{{count:1}}x2");
}

TEST_CASE("rule files are checked and linted") {
  const Files files("check_rules");
  const std::string good = files.Write("good.yml", kRules);
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
  files.Write("rules.yml", kRules);
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
    return RunToEnd({Binary("promtool"), "check", "service-discovery", "--timeout=500ms", config, job});
  };
  const auto labels = [](const std::string& address, const std::string& more) {
    return R"({
      "__address__": ")" + address + R"(",
      "__always_scrape_classic_histograms__": "false",
      "__convert_classic_histograms_to_nhcb__": "false",
      "__metrics_path__": "/metrics",
      "__scheme__": "http",
      "__scrape_interval__": "1m",
      "__scrape_native_histograms__": "false",
      "__scrape_timeout__": "10s",)" + more + R"(
      "job": "x",
      "l": "\u003cv\u003e"
    })";
  };
  RunResult result = check("x");
  CHECK(result.exit_code == 0);
  CHECK(result.output == R"([
  {
    "discoveredLabels": )" + labels("a", "") + R"(,
    "labels": )" + labels("a", "\n      \"instance\": \"a\",") + R"(
  },
  {
    "discoveredLabels": )" + labels("b/c", "") + R"(,
    "labels": {},
    "error": "\"b/c\" is not a valid hostname"
  },
  {
    "discoveredLabels": )" + labels("d", "") + R"(,
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

TEST_CASE("a running server is asked how it is") {
  http::Router router;
  router.Handle("GET", "/-/healthy", [](const http::Request&, http::ResponseWriter& response) {
    response.Send(200, "text/plain", "It is Healthy.\n");
  });
  router.Handle("GET", "/-/ready", [](const http::Request&, http::ResponseWriter& response) {
    response.Send(503, "text/plain", "not yet");
  });
  auto server = http::Server::Create({.listen_addresses = {"127.0.0.1:0"}}, router.AsHandler());
  REQUIRE(server.ok());
  REQUIRE((*server)->Start().ok());
  const std::string url = fmt::format("http://127.0.0.1:{}", (*server)->ports()[0]);
  RunResult result = RunToEnd({Binary("promtool"), "check", "healthy", "--url", url});
  CHECK(result.output == "  SUCCESS:  It is Healthy.\n\n");
  CHECK(result.exit_code == 0);
  result = RunToEnd({Binary("promtool"), "check", "ready", "--url", url + "/"});
  CHECK(result.output == "check failed: URL=" + url + "/, status=503\n");
  CHECK(result.exit_code == 1);
  (*server)->Stop();
  result = RunToEnd({Binary("promtool"), "check", "ready", "--url", url});
  CHECK(Has(result.output, "connection refused"));
  CHECK(result.exit_code == 1);
}

TEST_CASE("the cardinality of metrics") {
  const auto families = ParseTextFamilies(R"(# TYPE b_total counter
b_total{a="1"} 1
b_total{a="2"} 1
# TYPE h_seconds histogram
h_seconds_bucket{le="1"} 1
h_seconds_bucket{le="2"} 1
h_seconds_bucket{le="+Inf"} 1
h_seconds_sum 1
h_seconds_count 1
# TYPE s_seconds summary
s_seconds{quantile="0.5"} 1
s_seconds{quantile="0.9"} 1
s_seconds_sum 1
s_seconds_count 1
# TYPE g gauge
g 1
)");
  REQUIRE(families.ok());
  CHECK(CardinalityTable(*families) ==
        "Metric       Cardinality    Percentage    \n"
        "h_seconds    5              41.67%        \n"
        "s_seconds    4              33.33%        \n"
        "b_total      2              16.67%        \n"
        "g            1              8.33%         \n"
        "Total        12             100%          \n");
  CHECK(CardinalityTable({}) ==
        "Metric    Cardinality    Percentage    \n"
        "Total     0              100%          \n");
}

TEST_CASE("metrics are linted") {
  const auto lint = [](const std::string& text) {
    const auto families = ParseTextFamilies(text);
    REQUIRE(families.ok());
    std::string all;
    for (const std::string& line : LintMetrics(*families)) all += line + "\n";
    return all;
  };
  CHECK(lint("# HELP a_seconds x\n# TYPE a_seconds gauge\na_seconds 1\n") == "");
  CHECK(lint("# HELP a_total x\n# TYPE a_total gauge\na_total 1\n# TYPE b counter\nb 1\n"
             "c_milliseconds 3\n") ==
        "a_total non-counter metrics should not have \"_total\" suffix\n"
        "b counter metrics should have \"_total\" suffix\n"
        "b no help text\n"
        "c_milliseconds no help text\n"
        "c_milliseconds use base unit \"seconds\" instead of \"milliseconds\"\n");
  const struct {
    std::string name, want;
  } kCases[] = {
      {"x_gauge", "metric name should not include type 'gauge'"},
      {"x:y", "metric names should not contain ':'"},
      {"fooBar", "metric names should be written in 'snake_case' not 'camelCase'"},
      {"x_ms", "metric names should not contain abbreviated units"},
      {"x_bucket", "non-histogram metrics should not have \"_bucket\" suffix"},
      {"x_count", "non-histogram and non-summary metrics should not have \"_count\" suffix"},
      {"x{le=\"1\"}", "non-histogram metrics should not have \"le\" label"},
      {"x{quantile=\"1\"}", "non-summary metrics should not have \"quantile\" label"},
      {"x{aB=\"1\"}", "label names should be written in 'snake_case' not 'camelCase'"},
  };
  for (const auto& c : kCases) {
    const std::string name = c.name.substr(0, c.name.find('{'));
    CHECK(lint(fmt::format("# HELP {0} h\n# TYPE {0} gauge\n{1} 1\n", name, c.name)) ==
          name + " " + c.want + "\n");
  }
}

}  // namespace
}  // namespace narthex::promtool
