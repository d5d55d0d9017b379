// When groups and their rules are evaluated, and how that ends.
#include <thread>

#include "server/rules/manager_rig.h"
#include "tests/eventually.h"

namespace narthex::rules {
namespace {

TEST_CASE("the schedule runs groups on their own slots and ends removed ones") {
  Fixture f;
  const std::string file = f.dir + "/fast.yml";
  REQUIRE(
      WriteFileAtomically(file,
                          "groups:\n"
                          "- name: a\n  interval: 20ms\n  rules: [{record: ra, expr: time()}]\n"
                          "- name: b\n  interval: 20ms\n  rules: [{record: rb, expr: time()}]\n")
          .ok());
  Options options;
  Manager manager(
      options,
      [&f](const std::string& expr, TimestampMs t, const QueryContext&) {
        return f.Query(expr, t);
      },
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

TEST_CASE("a group that is removed in the millisecond of its evaluation ends its series too") {
  Fixture f;
  f.Load("  - {record: r, expr: time()}\n");
  f.EvaluateAt(0);
  f.manager->Start();
  REQUIRE(f.Update({}).ok());
  f.clock.SetMs(kStart + 3 * kMinute);
  REQUIRE(f.Update({}).ok());  // wakes the schedule
  const auto ended = [&] {
    const auto points = f.storage.Dump("r").begin()->second;
    return storage::IsStaleNaN(points.rbegin()->second) && points.rbegin()->first == kStart + 1;
  };
  CHECK(Eventually(ended));
  f.manager->Stop();
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
      [&](const std::string&, TimestampMs,
          const QueryContext& context) -> StatusOr<promql::QueryResult> {
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
