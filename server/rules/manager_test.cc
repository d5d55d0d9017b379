#include "server/rules/manager.h"

#include "server/rules/manager_rig.h"

namespace narthex::rules {
namespace {

TEST_CASE("recording rules write their result under a new name and labels") {
  Fixture f;
  f.vectors["up"] = {{{{"__name__", "up"}, {"job", "a"}, {"drop", "x"}}, 1},
                     {{{"__name__", "up"}, {"job", "b"}}, 0}};
  f.Load(
      "  - record: job:up\n    expr: up\n    labels: {drop: \"\", team: t}\n"
      "  - record: answer\n    expr: time()\n");
  f.EvaluateAt(1);
  const TimestampMs t = kStart + kMinute;
  CHECK(f.storage.Dump() ==
        std::map<std::string, FakeStorage::Points>{{R"(answer)", {{t, 42}}},
                                                   {R"(job:up{job="a", team="t"})", {{t, 1}}},
                                                   {R"(job:up{job="b", team="t"})", {{t, 0}}}});
  CHECK(f.Rule().health == RuleHealth::kOk);
  CHECK(f.Rule().query == "up");
  CHECK(f.Rule().last_evaluation_nanos == t * 1'000'000);
  CHECK(f.Metric("prometheus_rule_evaluations_total") == 2);
  CHECK(f.Metric("prometheus_rule_group_last_evaluation_samples") == 3);
  CHECK(f.Metric("prometheus_rule_group_rules") == 2);
  CHECK(f.Metric("prometheus_rule_group_interval_seconds") == 60);
}

TEST_CASE("vanished outputs get stale markers and may come back") {
  Fixture f;
  const Labels a{{"job", "a"}}, b{{"job", "b"}};
  f.vectors["up"] = {{a, 1}, {b, 1}};
  f.Load("  - record: r\n    expr: up\n");
  f.EvaluateAt(1);
  f.vectors["up"] = {{b, 2}};
  f.EvaluateAt(2);
  f.vectors["up"] = {{a, 3}, {b, 3}};
  f.EvaluateAt(3);
  auto dump = f.storage.Dump("r");
  CHECK(IsStaleAt(dump[R"(r{job="a"})"], 2));
  CHECK(dump[R"(r{job="a"})"].size() == 3);
  CHECK(dump[R"(r{job="a"})"].rbegin()->second == 3);
  CHECK(dump[R"(r{job="b"})"].size() == 3);
}

TEST_CASE("failures are shown, counted and do not stop the group") {
  Fixture f;
  f.vectors["up"] = {{{{"job", "a"}}, 1}, {{{"job", "a"}, {"x", "y"}}, 1}};
  // Loaded expressions must parse, so the ones that fail do so when they run.
  f.Load(
      "  - record: clash\n    expr: up\n    labels: {x: z}\n"
      "  - record: matrix\n    expr: up[5m]\n"
      "  - record: failing\n    expr: bad\n"
      "  - record: fine\n    expr: time()\n");
  f.EvaluateAt(1);
  CHECK(f.Rule(0).last_error ==
        "vector contains metrics with the same labelset after applying rule labels");
  CHECK(f.Rule(1).last_error == "rule result is not a vector or scalar");
  CHECK(f.Rule(2).last_error == "1:1: parse error: bad");
  CHECK(f.Rule(2).health == RuleHealth::kError);
  CHECK(f.Rule(3).health == RuleHealth::kOk);
  CHECK(f.Metric("prometheus_rule_evaluation_failures_total") == 3);
  CHECK(f.storage.Dump().size() == 1);
  f.EvaluateAt(1);  // the same time again: out of order
  CHECK(f.Rule(3).health == RuleHealth::kError);
  CHECK(f.Rule(3).last_error == "out of order sample");
  f.EvaluateAt(2);
  CHECK(f.Rule(3).health == RuleHealth::kOk);
  CHECK(f.Rule(3).last_error.empty());
}

TEST_CASE("a storage that refuses new series is reported and retried") {
  Fixture f;
  f.Load("  - record: r\n    expr: time()\n");
  f.storage.refuse = true;
  f.EvaluateAt(1);
  CHECK(f.Rule().last_error == "series limit reached");
  f.storage.refuse = false;
  f.EvaluateAt(2);
  CHECK(f.Rule().health == RuleHealth::kOk);
  CHECK(f.storage.Dump("r").at("r").size() == 1);
}

TEST_CASE("limits cut whole rules") {
  Fixture f;
  f.vectors["up"] = {{{{"job", "a"}}, 1}, {{{"job", "b"}}, 1}};
  f.Load("  - record: r\n    expr: up\n  - alert: A\n    expr: up\n", "g", "  limit: 1\n");
  f.EvaluateAt(1);
  CHECK(f.Rule(0).last_error == "exceeded limit of 1 with 2 series");
  CHECK(f.Rule(1).last_error == "exceeded limit of 1 with 2 alerts");
  CHECK(f.Rule(1).alerts.empty());
  CHECK(f.storage.Dump().empty());
}

TEST_CASE("query_offset moves the query and the samples") {
  Fixture f;
  f.Load("  - record: r\n    expr: time()\n", "g", "  query_offset: 30s\n");
  f.EvaluateAt(1);
  CHECK(f.queries.back().second == kStart + 30'000);
  CHECK(f.storage.Dump("r").at("r").begin()->first == kStart + 30'000);
}

TEST_CASE("alerts carry templated labels and annotations to the notifier") {
  Fixture f;
  f.vectors["up == 0"] = {{{{"__name__", "up"}, {"job", "a"}, {"instance", "i:1"}}, 0.25}};
  f.vectors["other"] = {{{{"who", "me"}}, 7}};
  f.Load(R"(  - alert: Down
    expr: up  ==  0
    labels: {severity: "{{ if gt $value 0.0 }}page{{ end }}", instance: ""}
    annotations:
      summary: "{{ $labels.job }}/{{ $labels.instance }} {{ $value | humanizePercentage }}"
      where: "{{ $externalLabels.cluster }} {{ externalURL }} {{ pathPrefix }}"
      other: "{{ with query \"other\" }}{{ . | first | value }} {{ . | first | label \"who\" }}{{ end }}"
      broken: "{{ query \"bad\" }}"
      missing: "{{ $labels.nope }}"
)");
  auto elements = std::exchange(f.vectors["up == 0"], {});
  f.EvaluateAt(3);
  f.EvaluateAt(4);  // series of alerts are written once the former state was looked for
  f.vectors["up == 0"] = std::move(elements);
  f.EvaluateAt(5);
  REQUIRE(f.sent.size() == 1);
  const auto& alert = f.sent[0];
  CHECK(alert.labels == Labels{{"alertname", "Down"}, {"job", "a"}, {"severity", "page"}});
  std::map<std::string, std::string> annotations(alert.annotations.begin(),
                                                 alert.annotations.end());
  CHECK(annotations["summary"] == "a/i:1 25%");
  CHECK(annotations["where"] == "c1 http://prom.example/base /base");
  CHECK(annotations["other"] == "7 me");
  CHECK(annotations["broken"].starts_with(
      "<error expanding template: error executing template __alert_"));
  CHECK(annotations["missing"] == "");
  CHECK(alert.starts_at == kStart + 5 * kMinute);
  CHECK(alert.ends_at == kStart + 9 * kMinute);
  CHECK(alert.generator_url == "http://prom.example/base/graph?g0.expr=up+%3D%3D+0&g0.tab=1");
  const auto series = f.storage.Dump("ALERTS");
  REQUIRE(series.size() == 1);
  CHECK(series.begin()->first ==
        R"(ALERTS{alertname="Down", alertstate="firing", job="a", severity="page"})");

  f.vectors["up == 0"].clear();
  f.EvaluateAt(6);
  REQUIRE(f.sent.size() == 2);
  CHECK(f.sent[1].ends_at == kStart + 6 * kMinute);
  CHECK(IsStaleAt(f.storage.Dump("ALERTS").begin()->second, 6));
}

TEST_CASE("the state of a rule is unknown until it was evaluated") {
  Fixture f;
  f.vectors["up"] = {{{{"job", "a"}}, 1}};
  f.Load("  - alert: A\n    expr: up\n    for: 2m\n");
  CHECK(f.Rule().state == AlertState::kUnknown);
  CHECK(f.Rule().health == RuleHealth::kUnknown);
  f.EvaluateAt(1);
  CHECK(f.Rule().state == AlertState::kPending);
  f.EvaluateAt(3);
  CHECK(f.Rule().state == AlertState::kFiring);
  CHECK(f.Rule().alerts.at(0).active_at == kStart + kMinute);
  f.vectors["up"].clear();
  f.EvaluateAt(4);
  CHECK(f.Rule().state == AlertState::kInactive);
}

TEST_CASE("after a restart the waiting goes on where it stopped") {
  Fixture f;
  const std::string rules =
      "  - alert: Long\n    expr: up\n    for: 1h\n  - alert: Short\n    expr: up\n    for: 5m\n";
  f.vectors["up"] = {{{{"job", "a"}}, 1}};
  f.Load(rules);
  for (int minute : {1, 2, 31}) f.EvaluateAt(minute);
  f.Restart();
  f.Load(rules);
  const size_t before = f.storage.Dump("ALERTS_FOR_STATE").begin()->second.size();
  f.EvaluateAt(41);
  CHECK(f.storage.Dump("ALERTS_FOR_STATE").begin()->second.size() == before);
  f.EvaluateAt(42);
  // Active since minute 1, down from 31 to 42: the 11 minutes are added.
  CHECK(f.Rule(0).alerts.at(0).active_at == kStart + 12 * kMinute);
  CHECK(f.Rule(1).alerts.at(0).active_at == kStart + 41 * kMinute);
  f.EvaluateAt(43);
  CHECK(f.storage.Dump("ALERTS_FOR_STATE").begin()->second.size() == before + 1);
  f.EvaluateAt(71);
  CHECK(f.Rule(0).state == AlertState::kPending);
  f.EvaluateAt(72);
  CHECK(f.Rule(0).state == AlertState::kFiring);
}

TEST_CASE("restoration: firing stays firing, little time left becomes the grace period") {
  Fixture f;
  const std::string rules = "  - alert: Long\n    expr: up\n    for: 1h\n";
  f.vectors["up"] = {{{{"job", "a"}}, 1}};
  f.Load(rules);
  for (int minute : {0, 1, 61}) f.EvaluateAt(minute);
  REQUIRE(f.Rule().state == AlertState::kFiring);
  f.Restart();
  f.Load(rules);
  for (int minute : {70, 71}) f.EvaluateAt(minute);
  CHECK(f.Rule().state == AlertState::kPending);
  f.EvaluateAt(72);
  CHECK(f.Rule().state == AlertState::kFiring);

  Fixture g;
  g.vectors["up"] = {{{{"job", "a"}}, 1}};
  g.Load(rules);
  for (int minute : {0, 1, 55}) g.EvaluateAt(minute);
  g.Restart();
  g.Load(rules);
  for (int minute : {60, 61}) g.EvaluateAt(minute);
  CHECK(g.Rule().alerts.at(0).active_at == kStart + (61 + 10 - 60) * kMinute);

  // Down for longer than the tolerance: everything from the start.
  Fixture h;
  h.vectors["up"] = {{{{"job", "a"}}, 1}};
  h.Load(rules);
  for (int minute : {0, 1, 55}) h.EvaluateAt(minute);
  h.Restart();
  h.Load(rules);
  for (int minute : {200, 201}) h.EvaluateAt(minute);
  CHECK(h.Rule().alerts.at(0).active_at == kStart + 200 * kMinute);
}

TEST_CASE("a reload keeps the state of rules that stay and ends the series of the others") {
  Fixture f;
  f.vectors["up"] = {{{{"job", "a"}}, 1}};
  f.Load(
      "  - alert: A\n    expr: up\n    for: 5m\n  - record: gone\n    expr: up\n"
      "  - record: stays\n    expr: up\n");
  f.EvaluateAt(1);
  f.Load("  - record: stays\n    expr: up\n  - alert: A\n    expr: up\n    for: 3m\n");
  CHECK(f.Rule(1).alerts.size() == 1);
  f.EvaluateAt(2);
  CHECK(IsStaleAt(f.storage.Dump("gone").begin()->second, 2));
  CHECK(f.storage.Dump("stays").begin()->second.size() == 2);
  f.EvaluateAt(4);
  CHECK(f.Rule(1).state == AlertState::kFiring);

  const auto evaluated = f.Rule(0).last_evaluation_nanos;
  f.Load("  - record: stays\n    expr: up\n  - alert: A\n    expr: up\n    for: 3m\n");
  CHECK(f.Rule(0).last_evaluation_nanos == evaluated);  // unchanged: the same group
}

TEST_CASE("a broken file changes nothing") {
  Fixture f;
  f.Load("  - record: r\n    expr: time()\n");
  REQUIRE(WriteFileAtomically(f.dir + "/bad.yml", "groups: 5").ok());
  CHECK_FALSE(f.Update({f.dir + "/rules.yml", f.dir + "/bad.yml"}).ok());
  CHECK_FALSE(CheckFiles({f.dir + "/bad.yml"}).ok());
  CHECK(CheckFiles({f.dir + "/rules.yml"}).ok());
  CHECK(f.manager->Groups().size() == 1);
  REQUIRE(f.Update({}).ok());
  CHECK(f.manager->Groups().empty());
  CHECK(f.Metric("prometheus_rule_evaluations_total") == -1);
}

}  // namespace
}  // namespace narthex::rules
