#include "server/rules/manager.h"

#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>

#include "core/base/file.h"
#include "core/base/mutex.h"
#include "tests/catch.h"

namespace narthex::rules {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr TimestampMs kStart = 1'767'323'040'000;  // a whole minute

// A storage in memory, enough of one for rules.
class FakeStorage final : public storage::Appendable, public storage::Queryable {
 public:
  using Points = std::map<TimestampMs, double>;

  std::unique_ptr<storage::GroupWriter> NewGroup() override;
  std::unique_ptr<storage::Appender> NewAppender() override { return nullptr; }
  StatusOr<std::unique_ptr<storage::Querier>> NewQuerier(TimestampMs, TimestampMs) const override;

  std::map<std::string, Points> Dump(std::string_view metric = "") const {
    MutexLock lock(mutex);
    std::map<std::string, Points> out;
    for (const auto& [labels, points] : series) {
      if (metric.empty() || labels.metric_name() == metric) out[labels.ToMetricString()] = points;
    }
    return out;
  }

  mutable Mutex mutex;
  std::map<Labels, Points> series;
  std::atomic<bool> refuse{false};
};

class FakeWriter final : public storage::GroupWriter {
 public:
  explicit FakeWriter(FakeStorage* storage) : storage_(storage) {}
  StatusOr<uint32_t> AddMember(const Labels& labels, bool* created) override {
    if (storage_->refuse) return ResourceExhausted("series limit reached");
    *created = true;
    members_.push_back({labels, true, false});
    return static_cast<uint32_t>(members_.size() - 1);
  }
  void RetireMember(uint32_t member) override { members_.at(member).retired = true; }
  size_t member_count() const override { return members_.size(); }
  Commit CommitTick(TimestampMs t, std::span<const double> values) override {
    Commit commit;
    MutexLock lock(storage_->mutex);
    for (size_t i = 0; i < members_.size(); ++i) {
      Member& m = members_[i];
      if (!m.live) continue;
      const double v = m.retired ? storage::StaleNaN() : values[i];
      if (m.retired) m.live = false;
      auto& points = storage_->series[m.labels];
      if (!points.empty() && points.rbegin()->first >= t) {
        ++commit.out_of_order;
        continue;
      }
      points[t] = v;
      ++commit.appended;
    }
    return commit;
  }

 private:
  struct Member {
    Labels labels;
    bool live, retired;
  };
  FakeStorage* storage_;
  std::vector<Member> members_;
};

std::unique_ptr<storage::GroupWriter> FakeStorage::NewGroup() {
  return std::make_unique<FakeWriter>(this);
}

struct FakeList final : storage::SeriesList {
  std::vector<std::pair<Labels, FakeStorage::Points>> found;
  size_t size() const override { return found.size(); }
  Labels labels(size_t i) const override { return found[i].first; }
  Status Read(size_t, TimestampMs, TimestampMs, storage::SampleColumns*) const override {
    return Unimplemented("not needed here");
  }
  bool Last(size_t i, TimestampMs mint, TimestampMs t, TimestampMs* at, double* v) const override {
    const auto& points = found[i].second;
    auto it = points.upper_bound(t);
    if (it == points.begin() || (--it)->first <= mint) return false;
    *at = it->first;
    *v = it->second;
    return true;
  }
};

struct FakeQuerier final : storage::Querier {
  const FakeStorage* storage;
  StatusOr<std::unique_ptr<storage::SeriesList>> Select(
      const storage::SelectHints&, std::span<const Matcher> matchers) const override {
    auto list = std::make_unique<FakeList>();
    MutexLock lock(storage->mutex);
    for (const auto& [labels, points] : storage->series) {
      bool all = true;
      for (const Matcher& m : matchers) all = all && m.Matches(labels);
      if (all) list->found.emplace_back(labels, points);
    }
    return std::unique_ptr<storage::SeriesList>(std::move(list));
  }
  StatusOr<std::vector<std::string>> LabelNames(std::span<const Matcher>, size_t,
                                                bool*) const override {
    return Unimplemented("not needed here");
  }
  StatusOr<std::vector<std::string>> LabelValues(const std::string&, std::span<const Matcher>,
                                                 size_t, bool*) const override {
    return Unimplemented("not needed here");
  }
};

StatusOr<std::unique_ptr<storage::Querier>> FakeStorage::NewQuerier(TimestampMs,
                                                                   TimestampMs) const {
  auto querier = std::make_unique<FakeQuerier>();
  querier->storage = this;
  return std::unique_ptr<storage::Querier>(std::move(querier));
}

struct Fixture {
  Fixture() {
    std::string pattern = std::filesystem::temp_directory_path() / "rules_test.XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    dir = pattern;
    Restart();
  }
  ~Fixture() {
    manager.reset();
    std::filesystem::remove_all(dir);
  }

  // A new manager on the same storage, as after a restart of the process.
  void Restart(int concurrent_evals = 0) {
    manager.reset();
    registry = std::make_unique<Registry>();
    Options options;
    options.external_url = "http://prom.example/base";
    options.concurrent_evals = concurrent_evals;
    options.clock = &clock;
    manager = std::make_unique<Manager>(
        options, [this](const std::string& expr, TimestampMs t, const QueryContext& context) {
          if (on_query) on_query(expr);
          return Query(expr, t);
        },
        &storage, &storage,
        [this](std::vector<notifier::Alert> alerts) {
          for (auto& alert : alerts) sent.push_back(std::move(alert));
        },
        registry.get());
  }

  StatusOr<promql::QueryResult> Query(const std::string& expr, TimestampMs t) {
    MutexLock lock(mutex);
    queries.emplace_back(expr, t);
    if (expr == "bad") return InvalidArgument("1:1: parse error: bad");
    promql::QueryResult result;
    if (expr == "time()") {
      result.type = promql::ValueType::kScalar;
      result.scalar = {t, 42};
      return result;
    }
    if (expr == "up[5m]") {
      result.type = promql::ValueType::kMatrix;
      return result;
    }
    result.type = promql::ValueType::kVector;
    for (const auto& [labels, v] : vectors[expr]) result.vector.push_back({labels, t, v});
    return result;
  }

  void Load(const std::string& rules, std::string_view group = "g", std::string_view extra = "") {
    const std::string file = dir + "/rules.yml";
    const std::string text =
        fmt::format("groups:\n- name: {}\n  interval: 1m\n{}  rules:\n{}", group, extra, rules);
    REQUIRE(WriteFileAtomically(file, text).ok());
    const Status status = Update({file});
    INFO(MessageOf(status));
    REQUIRE(status.ok());
  }
  Status Update(std::vector<std::string> files) {
    return manager->Update({.files = std::move(files),
                            .interval_ms = kMinute,
                            .external_labels = {{"cluster", "c1"}}});
  }
  void EvaluateAt(int64_t minute) {
    clock.SetMs(kStart + minute * kMinute);
    manager->EvaluateAll(kStart + minute * kMinute);
  }
  RuleStatus Rule(size_t i = 0) { return manager->Groups().at(0).rules.at(i); }
  double Metric(const std::string& name) {
    for (const auto& family : registry->Gather().families) {
      if (family.name == name && !family.samples.empty()) return family.samples[0].value;
    }
    return -1;
  }

  std::string dir;
  FakeClock clock{kStart};
  FakeStorage storage;
  Mutex mutex;
  std::map<std::string, std::vector<std::pair<Labels, double>>> vectors;
  std::vector<std::pair<std::string, TimestampMs>> queries;
  std::vector<notifier::Alert> sent;
  std::function<void(const std::string& expr)> on_query;
  std::unique_ptr<Registry> registry;
  std::unique_ptr<Manager> manager;
};

bool IsStaleAt(const FakeStorage::Points& points, int64_t minute) {
  const auto it = points.find(kStart + minute * kMinute);
  return it != points.end() && storage::IsStaleNaN(it->second);
}

TEST_CASE("recording rules write their result under a new name and labels") {
  Fixture f;
  f.vectors["up"] = {{{{"__name__", "up"}, {"job", "a"}, {"drop", "x"}}, 1},
                     {{{"__name__", "up"}, {"job", "b"}}, 0}};
  f.Load("  - record: job:up\n    expr: up\n    labels: {drop: \"\", team: t}\n"
         "  - record: answer\n    expr: time()\n");
  f.EvaluateAt(1);
  const TimestampMs t = kStart + kMinute;
  CHECK(f.storage.Dump() == std::map<std::string, FakeStorage::Points>{
                                {R"(answer)", {{t, 42}}},
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
  f.Load("  - record: clash\n    expr: up\n    labels: {x: z}\n"
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
  CHECK(annotations["broken"].starts_with("<error expanding template: "));
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
  f.Load("  - alert: A\n    expr: up\n    for: 5m\n  - record: gone\n    expr: up\n"
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

TEST_CASE("the schedule runs groups on their own slots and ends removed ones") {
  Fixture f;
  const std::string file = f.dir + "/fast.yml";
  REQUIRE(WriteFileAtomically(file,
                              "groups:\n"
                              "- name: a\n  interval: 20ms\n  rules: [{record: ra, expr: time()}]\n"
                              "- name: b\n  interval: 20ms\n  rules: [{record: rb, expr: time()}]\n")
              .ok());
  Options options;
  Manager manager(
      options, [&f](const std::string& expr, TimestampMs t, const QueryContext&) { return f.Query(expr, t); },
      &f.storage, &f.storage, nullptr, nullptr);
  REQUIRE(manager.Update({.files = {file}}).ok());
  manager.Start();
  auto wait_for = [&](auto condition) {
    for (int i = 0; i < 2000 && !condition(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    CHECK(condition());
  };
  wait_for([&] {
    auto dump = f.storage.Dump();
    return dump["ra"].size() >= 3 && dump["rb"].size() >= 3;
  });
  auto dump = f.storage.Dump();
  for (const char* name : {"ra", "rb"}) {
    const TimestampMs first = dump[name].begin()->first;
    for (const auto& [t, v] : dump[name]) CHECK((t - first) % 20 == 0);
  }
  REQUIRE(manager.Update({}).ok());
  wait_for([&] { return storage::IsStaleNaN(f.storage.Dump()["ra"].rbegin()->second); });
  CHECK(manager.Groups().empty());
  REQUIRE(manager.Update({.files = {file}}).ok());
  const size_t points = f.storage.Dump()["ra"].size();
  wait_for([&] { return f.storage.Dump()["ra"].size() > points; });
  manager.Stop();
  manager.Stop();
  const size_t at_stop = f.storage.Dump()["ra"].size();
  CHECK_FALSE(storage::IsStaleNaN(f.storage.Dump()["ra"].rbegin()->second));
  CHECK(f.storage.Dump()["ra"].size() == at_stop);
}

TEST_CASE("independent rules run at the same time, dependent ones in their order") {
  Fixture f;
  f.Restart(/*concurrent_evals=*/2);
  Mutex mutex;
  CondVar changed;
  std::vector<std::string> begun;
  bool together = true;
  // The three that depend on nothing wait for each other.
  f.on_query = [&](const std::string& expr) {
    MutexLock lock(mutex);
    begun.push_back(expr);
    changed.NotifyAll();
    if (expr.find("base") != std::string::npos) return;
    together = changed.WaitFor(lock, std::chrono::seconds(20), [&] { return begun.size() >= 3; }) &&
               together;
  };
  f.vectors["up"] = {{Labels{{"a", "b"}}, 1}};
  f.Load(
      "  - {record: base, expr: up}\n"
      "  - {record: mid, expr: sum(base)}\n"
      "  - {record: other, expr: time()}\n"
      "  - {record: top, expr: max(mid) + max(base)}\n"
      "  - {record: third, expr: down}\n");
  f.EvaluateAt(0);
  CHECK(together);
  REQUIRE(begun.size() == 5);
  CHECK(begun[3] == "sum(base)");
  CHECK(begun[4] == "max(mid) + max(base)");
  CHECK(f.storage.Dump("base").size() == 1);
  CHECK(f.storage.Dump("other").size() == 1);
  CHECK(f.Metric("prometheus_rule_group_last_evaluation_samples") == 2);
  for (size_t i = 0; i < 5; ++i) CHECK(f.Rule(i).health == RuleHealth::kOk);
}

TEST_CASE("stopping cancels the running query") {
  Fixture f;
  const std::string file = f.dir + "/long.yml";
  REQUIRE(WriteFileAtomically(
              file, "groups:\n- name: l\n  interval: 10ms\n  rules: [{record: r, expr: time()}]\n")
              .ok());
  std::atomic<bool> entered{false};
  Manager manager(
      Options{},
      [&](const std::string&, TimestampMs, const QueryContext& context)
          -> StatusOr<promql::QueryResult> {
        entered = true;
        while (!*context.cancelled) std::this_thread::yield();
        return Cancelled("query was canceled");
      },
      &f.storage, nullptr, nullptr, nullptr);
  REQUIRE(manager.Update({.files = {file}}).ok());
  manager.Start();
  while (!entered) std::this_thread::yield();
  manager.Stop();
  CHECK(f.storage.Dump().empty());
}

TEST_CASE("a slow group misses its turns and counts them") {
  Fixture f;
  const std::string file = f.dir + "/slow.yml";
  REQUIRE(WriteFileAtomically(
              file, "groups:\n- name: s\n  interval: 10ms\n  rules: [{record: r, expr: time()}]\n")
              .ok());
  Registry registry;
  std::atomic<int> runs{0};
  Manager manager(
      Options{},
      [&](const std::string& expr, TimestampMs t, const QueryContext&) {
        if (++runs == 1) std::this_thread::sleep_for(std::chrono::milliseconds(100));
        return f.Query(expr, t);
      },
      &f.storage, nullptr, nullptr, &registry);
  REQUIRE(manager.Update({.files = {file}}).ok());
  manager.Start();
  for (int i = 0; i < 2000 && runs < 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  manager.Stop();
  double iterations = 0, missed = 0;
  for (const auto& family : registry.Gather().families) {
    if (family.name == "prometheus_rule_group_iterations_total") {
      iterations = family.samples.at(0).value;
    }
    if (family.name == "prometheus_rule_group_iterations_missed_total") {
      missed = family.samples.at(0).value;
    }
  }
  CHECK(missed >= 7);
  CHECK(iterations >= missed + 2);
}

}  // namespace
}  // namespace narthex::rules
