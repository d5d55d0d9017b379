#include "server/rules/rule_file.h"

#include "core/strings/quote.h"
#include "tests/catch.h"

namespace narthex::rules {
namespace {

StatusOr<std::vector<GroupSpec>> Parse(std::string_view text) {
  return ParseRuleFile(text, "r.yml", {.interval_ms = 30'000, .query_offset_ms = 7'000}, {});
}

std::string FaultsOf(std::string_view text) {
  auto groups = Parse(text);
  return groups.ok() ? "no fault" : std::string(MessageOf(groups.status()));
}

TEST_CASE("groups and rules are read with their defaults") {
  auto groups = Parse(R"(
groups:
- name: first
  interval: 1m
  query_offset: 0s
  limit: 5
  labels: {team: a, both: group}
  rules:
  - record: job:up:sum
    expr: sum  by(job)( up )
    labels: {both: rule, empty: ""}
  - alert: Down
    expr: up == 0
    for: 5m
    keep_firing_for: 1h
    labels: {severity: "{{ $labels.sev }}"}
    annotations: {summary: "{{ $value }}", empty: ""}
- name: second
)");
  INFO(MessageOf(groups.status()));
  REQUIRE(groups.ok());
  REQUIRE(groups->size() == 2);
  const GroupSpec& g = groups->at(0);
  CHECK(g.file == "r.yml");
  CHECK(g.interval_ms == 60'000);
  CHECK(g.query_offset_ms == 0);
  CHECK(g.limit == 5);
  REQUIRE(g.rules.size() == 2);
  CHECK_FALSE(g.rules[0].is_alert);
  CHECK(g.rules[0].expr == "sum by (job) (up)");
  CHECK(g.rules[0].labels == NamedTexts{{"both", "rule"}, {"empty", ""}, {"team", "a"}});
  CHECK(g.rules[1].is_alert);
  CHECK(g.rules[1].for_ms == 300'000);
  CHECK(g.rules[1].keep_firing_for_ms == 3'600'000);
  CHECK(g.rules[1].annotations == NamedTexts{{"empty", ""}, {"summary", "{{ $value }}"}});
  CHECK(groups->at(1).interval_ms == 30'000);
  CHECK(groups->at(1).query_offset_ms == 7'000);
  CHECK(groups->at(1).rules.empty());
}

TEST_CASE("empty files, second documents and anchors are fine") {
  CHECK(Parse("")->empty());
  CHECK(Parse("# nothing\n")->empty());
  CHECK(Parse("groups:\n")->empty());
  CHECK(Parse("groups: []\n---\ngroups: 5\n")->empty());
  auto groups = Parse("groups:\n- name: g\n  rules:\n  - &r {record: a, expr: up}\n  - *r\n");
  REQUIRE(groups.ok());
  CHECK(groups->at(0).rules.size() == 2);
}

// What promtool says of the same file.
TEST_CASE("faults are all reported with their place") {
  const std::string text = R"(groups:
- name: g
  rules:
  - record: "{b}"
    expr: sum(
  - alert: x
    record: y
    expr: up
  - alert: z
    expr: up
    labels: {__name__: x}
    annotations: {s: "{{ .Foo"}
  - record: ok:x
    expr: up
    for: 5m
    labels: {a: "{{ $labels.x }}"}
    annotations: {b: c}
  - alert: nn
  - record: ok2
    expr: up
    keep_firing_for: 5m
  - expr: up
- name: g
  rules: []
- name: ""
)";
  const std::string faults = FaultsOf(text);
  const std::vector<std::string> expected = {
      R"(r.yml: 5:11: group "g", rule 1, "{b}": could not parse expression: 1:5: parse error: unclosed left parenthesis)",
      R"(r.yml: 4:13: group "g", rule 1, "{b}": braces present in the recording rule name; should it be in expr?: {b})",
      R"(r.yml: 7:13: 6:12: group "g", rule 2, "x": only one of 'record' and 'alert' must be set)",
      R"(r.yml: group "g", rule 3, "z": invalid label name: __name__)",
      R"(r.yml: group "g", rule 3, "z": annotation "s": template: __alert_z:1: unclosed action)",
      R"(r.yml: 13:13: group "g", rule 4, "ok:x": invalid field 'annotations' in recording rule)",
      R"(r.yml: 13:13: group "g", rule 4, "ok:x": invalid field 'for' in recording rule)",
      R"(r.yml: 0:0: group "g", rule 5, "nn": field 'expr' must be set in rule)",
      R"(r.yml: 19:13: group "g", rule 6, "ok2": invalid field 'keep_firing_for' in recording rule)",
      R"(r.yml: 0:0: group "g", rule 7, "": one of 'record' or 'alert' must be set)",
      R"(r.yml: 23:3: groupname: "g" is repeated in the same file)",
      R"(r.yml: 25:3: Groupname must not be empty)",
  };
  std::vector<std::string> found;
  for (std::string_view line : SplitString(faults, '\n')) found.emplace_back(line);
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) CHECK(found[i] == expected[i]);
}

TEST_CASE("the YAML is strict") {
  CHECK(FaultsOf(
            "groups:\n- name: g\n  foo: 1\n  rules:\n  - record: a\n    expr: up\n    bar: 2\n") ==
        "r.yml: yaml: unmarshal errors:\n"
        "  line 3: field foo not found in type rulefmt.RuleGroup\n"
        "  line 7: field bar not found in type rulefmt.RuleNode");
  CHECK(FaultsOf("groups:\n- name: h\n  interval: 5x\n").find("5x") != std::string::npos);
  CHECK(FaultsOf("groups: [\n").starts_with("r.yml: yaml: "));
  CHECK(FaultsOf("groups: 5\n") != "no fault");
  CHECK(FaultsOf("groups:\n- name: h\n  limit: -1\n") != "no fault");
}

TEST_CASE("files that cannot be read are named with the others") {
  auto groups = LoadRuleFiles({"/no/such/one.yml", "/no/such/two.yml"}, {}, {});
  REQUIRE_FALSE(groups.ok());
  CHECK(MessageOf(groups.status()).find("/no/such/one.yml") != std::string_view::npos);
  CHECK(MessageOf(groups.status()).find("/no/such/two.yml") != std::string_view::npos);
}

}  // namespace
}  // namespace narthex::rules
