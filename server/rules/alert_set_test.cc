#include "server/rules/alert_set.h"

#include "tests/catch.h"

namespace narthex::rules {
namespace {

constexpr int64_t kMinute = 60'000;

RuleSpec Rule(int64_t for_minutes = 0, int64_t keep_minutes = 0) {
  RuleSpec rule;
  rule.is_alert = true;
  rule.name = "Down";
  rule.for_ms = for_minutes * kMinute;
  rule.keep_firing_for_ms = keep_minutes * kMinute;
  return rule;
}

struct Machine {
  explicit Machine(RuleSpec r = Rule()) : rule(std::move(r)) {}
  Status At(int64_t minute, std::vector<std::string> instances, int64_t limit = 0) {
    now = minute * kMinute;
    std::vector<AlertElement> elements;
    for (const auto& instance : instances) {
      elements.push_back({Labels{{"alertname", "Down"}, {"instance", instance}}, {}, 1});
    }
    return set.Update(rule, limit, now, std::move(elements));
  }
  // "a:pending b:firing"
  std::string States() const {
    std::string text;
    for (const auto& [labels, alert] : set.alerts()) {
      text += fmt::format("{}{}:{}", text.empty() ? "" : " ", labels.Get("instance"),
                          AlertStateToString(alert.state));
    }
    return text;
  }
  size_t Due(int64_t resend_minutes = 1) {
    return set.TakeDue(now, resend_minutes * kMinute, kMinute).size();
  }
  RuleSpec rule;
  AlertSet set;
  TimestampMs now = 0;
};

TEST_CASE("without for an alert fires at once and is kept 15 minutes after it is over") {
  Machine m;
  REQUIRE(m.At(100, {"a"}).ok());
  CHECK(m.States() == "a:firing");
  CHECK(m.set.worst_state() == AlertState::kFiring);
  REQUIRE(m.At(101, {}).ok());
  CHECK(m.States() == "a:inactive");
  CHECK(m.set.Statuses().empty());
  CHECK(m.set.alerts().begin()->second.resolved_at == 101 * kMinute);
  REQUIRE(m.At(116, {}).ok());
  CHECK(m.States() == "a:inactive");
  REQUIRE(m.At(117, {}).ok());
  CHECK(m.States().empty());
}

TEST_CASE("pending alerts wait for their time and vanish at once") {
  Machine m(Rule(5));
  REQUIRE(m.At(100, {"a", "b"}).ok());
  CHECK(m.States() == "a:pending b:pending");
  REQUIRE(m.At(104, {"a"}).ok());
  CHECK(m.States() == "a:pending");
  REQUIRE(m.At(105, {"a"}).ok());
  CHECK(m.States() == "a:firing");
  CHECK(m.set.alerts().begin()->second.fired_at == 105 * kMinute);
  CHECK(m.set.alerts().begin()->second.active_at == 100 * kMinute);
}

TEST_CASE("an alert that comes back starts anew") {
  Machine m(Rule(2));
  REQUIRE(m.At(100, {"a"}).ok());
  REQUIRE(m.At(102, {"a"}).ok());
  REQUIRE(m.At(103, {}).ok());
  REQUIRE(m.At(104, {"a"}).ok());
  CHECK(m.States() == "a:pending");
  CHECK(m.set.alerts().begin()->second.active_at == 104 * kMinute);
  CHECK(m.set.alerts().begin()->second.resolved_at == 0);
}

TEST_CASE("keep_firing_for bridges gaps") {
  Machine m(Rule(0, 3));
  REQUIRE(m.At(100, {"a"}).ok());
  REQUIRE(m.At(101, {}).ok());
  CHECK(m.States() == "a:firing");
  CHECK(m.set.Statuses().at(0).keep_firing_since == 101 * kMinute);
  REQUIRE(m.At(102, {"a"}).ok());
  CHECK(m.set.Statuses().at(0).keep_firing_since == 0);
  REQUIRE(m.At(103, {}).ok());
  REQUIRE(m.At(105, {}).ok());
  CHECK(m.States() == "a:firing");
  REQUIRE(m.At(106, {}).ok());
  CHECK(m.States() == "a:inactive");
}

TEST_CASE("raising for puts a firing alert back to pending") {
  Machine m(Rule(2));
  REQUIRE(m.At(100, {"a"}).ok());
  REQUIRE(m.At(102, {"a"}).ok());
  CHECK(m.States() == "a:firing");
  m.rule.for_ms = 10 * kMinute;
  REQUIRE(m.At(103, {"a"}).ok());
  CHECK(m.States() == "a:pending");
  REQUIRE(m.At(110, {"a"}).ok());
  CHECK(m.States() == "a:firing");
}

TEST_CASE("too many alerts are an error and leave none") {
  Machine m;
  REQUIRE(m.At(100, {"a", "b"}, 2).ok());
  const Status status = m.At(101, {"a", "b", "c"}, 2);
  CHECK(MessageOf(status) == "exceeded limit of 2 with 3 alerts");
  CHECK(m.States().empty());
}

TEST_CASE("two elements with the same labels are an error") {
  Machine m;
  REQUIRE(m.At(100, {"x"}).ok());
  CHECK(MessageOf(m.At(101, {"a", "a"})) ==
        "vector contains metrics with the same labelset after applying alert labels");
  CHECK(m.States() == "x:firing");
}

TEST_CASE("alerts are sent when they fire, again after the delay, and when resolved") {
  Machine m(Rule(1));
  REQUIRE(m.At(100, {"a"}).ok());
  CHECK(m.Due() == 0);
  REQUIRE(m.At(101, {"a"}).ok());
  CHECK(m.Due() == 1);
  CHECK(m.set.alerts().begin()->second.valid_until == 105 * kMinute);
  CHECK(m.Due() == 0);
  REQUIRE(m.At(102, {"a"}).ok());
  CHECK(m.Due() == 0);  // the delay must have passed, not just be reached
  REQUIRE(m.At(103, {"a"}).ok());
  CHECK(m.Due() == 1);
  REQUIRE(m.At(104, {}).ok());
  CHECK(m.Due(60) == 1);
  CHECK(m.Due(60) == 0);
}

TEST_CASE("the state is written as two series an alert") {
  Machine m(Rule(1));
  REQUIRE(m.At(100, {"a"}).ok());
  auto samples = m.set.Output(m.rule);
  REQUIRE(samples.size() == 2);
  CHECK(samples[0].labels ==
        Labels{{"__name__", "ALERTS_FOR_STATE"}, {"alertname", "Down"}, {"instance", "a"}});
  CHECK(samples[0].value == 6000);
  CHECK(samples[1].labels == Labels{{"__name__", "ALERTS"},
                                    {"alertname", "Down"},
                                    {"alertstate", "pending"},
                                    {"instance", "a"}});
  CHECK(samples[1].value == 1);
  REQUIRE(m.At(101, {"a"}).ok());
  CHECK(m.set.Output(m.rule)[1].labels.Get("alertstate") == "firing");
  REQUIRE(m.At(102, {}).ok());
  CHECK(m.set.Output(m.rule).empty());
}

}  // namespace
}  // namespace narthex::rules
