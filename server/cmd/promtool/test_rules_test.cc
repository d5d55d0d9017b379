// test rules, as the executable answers. The texts were compared with promtool 3.5.3.

#include "server/cmd/promtool/rule_test_file.h"
#include "server/cmd/promtool/test_files.h"

namespace narthex::promtool {
namespace {

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

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("rules do what their tests say") {
  const Files files("test_rules");
  files.Write("rules.yml", kTwoRules);
  const RunResult good =
      RunToEnd({Binary("promtool"), "test", "rules", files.Write("t.yml", kTests)});
  CHECK(good.output == "  SUCCESS\n\n");
  CHECK(good.exit_code == 0);
}

TEST_CASE("what rules do otherwise is shown") {
  const Files files("test_rules_bad");
  files.Write("rules.yml", kTwoRules);
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
  files.Write(
      "rules.yml",
      Replaced(kTwoRules, R"(          ext: "{{ $externalLabels.cluster }} {{ $externalURL }}"
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
      Replaced(kTwoRules, R"(          ext: "{{ $externalLabels.cluster }} {{ $externalURL }}"
)",
               "");
  files.Write("rules.yml", rules);
  const std::string junit = files.Write("out.xml", "");
  const std::string unknown = files.Write("unknown.yml", "bogus: 1\n");
  const RunResult run = RunToEnd({Binary("promtool"), "test", "--junit", junit, "rules", "--debug",
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

TEST_CASE("two rules may write the same, but nothing else") {
  const Files files("test_rules_twice");
  files.Write("rules.yml",
              "groups: [{name: g, rules: [{record: r, expr: x}, {record: r, expr: x * 1}]}]");
  constexpr char kTwice[] = R"(
rule_files: [rules.yml]
tests:
  - interval: 1m
    input_series: [{series: x, values: 7x3}]
    promql_expr_test: [{expr: r, eval_time: 2m, exp_samples: [{labels: r, value: 7}]}]
)";
  const RunResult good =
      RunToEnd({Binary("promtool"), "test", "rules", files.Write("t.yml", kTwice)});
  INFO(good.output);
  CHECK(good.exit_code == 0);
  files.Write("rules.yml",
              "groups: [{name: g, rules: [{record: r, expr: x}, {record: r, expr: x * 2}]}]");
  const RunResult bad =
      RunToEnd({Binary("promtool"), "test", "rules", files.Write("t.yml", kTwice)});
  CHECK(Has(bad.output, "    rule: r, time: 0s, err: duplicate sample for timestamp"));
}

TEST_CASE("templates see histograms") {
  const Files files("test_rules_histogram_alerts");
  files.Write("rules.yml", R"(groups: [{name: g, rules: [{alert: A, expr: h, labels: {
    v: '{{ $value }}', c: '{{ with query "h" }}{{ . | first | value }}{{ end }}'},
    annotations: {bad: '{{ humanize $value }}', worse: '{{ if gt $value 3.0 }}{{ end }}'}}]}])");
  const RunResult result = RunToEnd({Binary("promtool"), "test", "rules", files.Write("t.yml", R"(
rule_files: [rules.yml]
tests:
  - interval: 1m
    input_series: [{series: h, values: '{{sum:5 count:4 buckets:[1 2 1]}}x5'}]
    alert_rule_test: [{eval_time: 1m, alertname: A}]
)")});
  const std::string text = "{count:4, sum:5, (0.5,1]:1, (1,2]:2, (2,4]:1}";
  INFO(result.output);
  CHECK(Has(result.output, fmt::format(R"(Labels:{{alertname="A", c="{}", v="{}"}})", text, text)));
  CHECK(Has(result.output, "can't convert *histogram.FloatHistogram to float"));
  CHECK(Has(result.output, "error calling gt: invalid type for comparison"));
}

TEST_CASE("what comes later is not seen") {
  const Files files("test_rules_later");
  files.Write("rules.yml", "groups: [{name: g, rules: [{record: ahead, expr: x offset -1m}]}]");
  const RunResult result = RunToEnd({Binary("promtool"), "test", "rules", files.Write("t.yml", R"(
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 30s
    input_series:
      - {series: x, values: 0+1x10}
      - {series: long, values: 1_000x1000000}
      - {series: h, values: '{{count:9 buckets:[9]}}-{{count:1 buckets:[1]}}x4'}
    promql_expr_test:
      # The last evaluation is at 2m, and nothing behind it is loaded.
      - {expr: x, eval_time: 2m30s, exp_samples: [{labels: x, value: 4}]}
      - {expr: long, eval_time: 1m, exp_samples: [{labels: long, value: 1000}]}
      - {expr: x offset -1m, eval_time: 1m, exp_samples: [{labels: x, value: 4}]}
      - {expr: ahead, eval_time: 1m, exp_samples: [{labels: ahead, value: 2}]}
      - {expr: histogram_count(h), eval_time: 2m, exp_samples: [{labels: '{}', value: 5}]}
)")});
  INFO(result.output);
  CHECK(result.exit_code == 0);
}

TEST_CASE("broken tests are told") {
  const Files files("test_rules_broken");
  files.Write("rules.yml", "groups: [{name: g, rules: [{record: r, expr: 'a * on(i) b'}]}]");
  files.Write("negative.yml", "groups: [{name: g, rules: [{record: r, expr: -h}]}]");
  files.Write("two.yml", "groups: [{name: g, rules: [{record: r, expr: 'a('}, {record: 'a b'}]}]");
  const struct {
    std::string text, want;
  } kCases[] = {
      {"tests: [{name: n, alert_rule_test: [{eval_time: 90s}]}]",
       "  FAILED:\nan item under alert_rule_test misses required attribute alertname at eval_time "
       "1m30s (in TestGroup n)\n"},
      {"tests: [{input_series: [{series: x, values: 1}, {series: 'y{', values: 1}]}]",
       "  FAILED:\n3:4: parse error"},
      {"tests: [{input_series: [{series: x, values: 1+1}]}]",
       "2:6: parse error: unexpected end of input in series values"},
      {"tests: [{input_series: [{series: x, values: stalex2}]}]",
       "2:3: parse error: unexpected identifier"},
      {"tests: [{input_series: [{series: x, values: '{{count:1 count:2}}'}]}]",
       "duplicate key \"count\" in histogram"},
      {"tests: [{input_series: [{series: x, values: '{{schema:0.5}}'}]}]", "2:12: parse error"},
      {"tests: [{input_series: [{series: x, values: '{{count:[]}}'}]}]", "2:11: parse error"},
      {"tests: [{input_series: [{series: x, values: '{{counter_reset_hint:foo}}'}]}]",
       "bad histogram"},
      {"rule_files: [negative.yml]\ntests: [{interval: 1m, input_series: [{series: h, values: "
       "'{{count:1 buckets:[1]}}x2'}]}]",
       "    rule: r, time: 0s, err: "},
      {"rule_files: [two.yml, two.yml]\ntests: [{}]",
       "group \"g\", rule 1, \"r\": could not parse"},
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

TEST_CASE("a series that ends for one rule may go on for another") {
  const Files files("test_rules_shared");
  files.Write("rules.yml",
              "groups: [{name: g, rules: [{record: r, expr: vector(1)}, {record: r, "
              "expr: vector(1) unless on() y}]}]");
  const std::string test =
      "rule_files: [rules.yml]\ntests: [{interval: 1m, input_series: [{series: y, values: _ 1}], "
      "promql_expr_test: [{expr: r, eval_time: 1m, exp_samples: [{labels: r, value: 1}]}]}]";
  CHECK(RunToEnd({Binary("promtool"), "test", "rules", files.Write("t.yml", test)}).output ==
        "  SUCCESS\n\n");
}

// Expected and found alerts may have annotations of no text; a second rule may write what the first
// one did; external_url keeps its slash; what cannot be loaded is tried at every time.
TEST_CASE("corners of tests of rules") {
  const Files files("test_rules_corners");
  files.Write("rules.yml", R"(groups: [{name: g, rules: [
    {record: r, expr: h}, {record: r, expr: h},
    {alert: A, expr: vector(1), annotations: {none: '', url: '{{ externalURL }}'}}]}])");
  const auto run = [&](const std::string& test) {
    const std::string text =
        "rule_files: [rules.yml]\ntests: [{interval: 1m, external_url: "
        "'http://x/p/', " +
        test + "}]";
    return RunToEnd({Binary("promtool"), "test", "rules", files.Write("t.yml", text)}).output;
  };
  CHECK(run("input_series: [{series: h, values: '{{count:1 sum:2}}x3'}], alert_rule_test: "
            "[{eval_time: 2m, alertname: A, exp_alerts: [{exp_annotations: {none: '', url: "
            "'http://x/p/'}}]}]") == "  SUCCESS\n\n");
  CHECK(Has(run("alert_rule_test: [{eval_time: 1m, alertname: A, exp_alerts: [{exp_annotations: "
                "{url: 'http://x/p/'}}]}]"),
            R"(Annotations:{none="", url="http://x/p/"})"));
  CHECK(Has(run("input_series: [{series: '{}', values: 1}], alert_rule_test: [{eval_time: 1m, "
                "alertname: None}]"),
            "empty labelset: invalid sample"));
  CHECK(Has(run("promql_expr_test: [{expr: h, eval_time: 0s, exp_samples: [{labels: h, histogram: "
                "'{{bad'}]}]"),
            R"(labels "h": 1:6: parse error: bad histogram descriptor found: "bad")"));
}

}  // namespace
}  // namespace narthex::promtool
