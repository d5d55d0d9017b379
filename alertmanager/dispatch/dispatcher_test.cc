#include "alertmanager/dispatch/dispatcher.h"

#include "alertmanager/testing/temp_store.h"
#include "tests/catch.h"

namespace narthex::am {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

// Remembers what it is told; answers at once, as it was told to.
class FakeNotifier final : public Notifier {
 public:
  void Notify(const Notification& notification, int64_t timeout_ns, Callback done) override {
    std::string text(ReasonText(notification.reason));
    text += ":";
    for (const AlertPtr& alert : notification.alerts) {
      text += fmt::format(" {}{}", alert->ResolvedAt(notification.now) ? "-" : "+",
                          alert->labels.Get("n"));
    }
    told.push_back(text);
    timeouts.push_back(timeout_ns);
    Result result = answer;
    if (failures_left > 0) {
      --failures_left;
      result = {Unavailable("down"), true, "serverError"};
    }
    if (hold) {
      held = std::move(done);
    } else {
      done(result);
    }
  }
  std::vector<std::string> told;
  std::vector<int64_t> timeouts;
  Result answer{OkStatus(), false, ""};
  int failures_left = 0;
  bool hold = false;
  Callback held;
};

struct World {
  TempStore store;
  FakeClock clock{1'000'000'000};
  Registry registry;
  NotifyMetrics metrics{registry};
  Loop loop{clock};
  std::unique_ptr<NotificationLog> log = NotificationLog::Open(store.get(), clock).value();
  std::unique_ptr<Silences> silences =
      Silences::Open(store.get(), clock, 1000 * kSecond, {}).value();
  std::shared_ptr<FakeNotifier> notifier = std::make_shared<FakeNotifier>();
  std::shared_ptr<Inhibitor> inhibitor;
  std::shared_ptr<Dispatcher> dispatcher;
  bool send_resolved = true;

  explicit World(std::string_view route = "", std::string_view rest = "") { Load(route, rest); }

  void Load(std::string_view route = "", std::string_view rest = "", int64_t start_delay = 0) {
    auto config =
        LoadConfig(fmt::format("route:\n  receiver: w\n  group_by: [g]\n  group_wait: 10s\n"
                               "  group_interval: 60s\n  repeat_interval: 5m\n{}"
                               "receivers: [{{name: w}}, {{name: other}}]\n{}",
                               route, rest),
                   "")
            .value();
    auto tree = std::make_shared<const RouteTree>(config);
    inhibitor = std::make_shared<Inhibitor>(config, clock);
    auto receivers = std::make_shared<Receivers>();
    receivers->integrations["w"] = {{"webhook", 0, send_resolved, notifier}};
    auto context = std::make_shared<FlushContext>();
    context->loop = &loop;
    context->clock = &clock;
    context->log = log.get();
    context->silences = silences.get();
    context->inhibitor = inhibitor;
    context->receivers = receivers;
    context->metrics = &metrics;
    context->retention_ns = 100'000 * kSecond;
    context->random = [] { return 0.5; };
    dispatcher = std::make_shared<Dispatcher>(
        tree, context, start_delay > 0 ? clock.MonotonicNanos() + start_delay : 0);
  }

  void Fire(std::string_view n, int64_t age_s = 0, Labels extra = {}) {
    Send(n, age_s, 3600, extra);
  }
  void Resolve(std::string_view n) { Send(n, 100, 0, {}); }
  void Send(std::string_view n, int64_t age_s, int64_t ends_in_s, const Labels& extra) {
    auto alert = std::make_shared<Alert>();
    LabelsBuilder builder(extra);
    builder.Set("g", "x").Set("n", n);
    alert->labels = builder.Build();
    alert->starts_at = {clock.NowNanos() - age_s * kSecond, 0};
    alert->ends_at = {clock.NowNanos() + ends_in_s * kSecond, 0};
    alert->updated_at = clock.NowNanos();
    inhibitor->Observe(alert);
    dispatcher->Ingest(alert);
    loop.RunDue();
  }
  // Moves the time in steps of a second, as timers would see it.
  void Pass(int64_t seconds) {
    for (int64_t i = 0; i < seconds; ++i) {
      clock.Advance(std::chrono::seconds(1));
      loop.RunDue();
    }
  }
  size_t told() const { return notifier->told.size(); }
  std::string last() const { return notifier->told.empty() ? "" : notifier->told.back(); }
};

TEST_CASE("group_wait, then group_interval from the start of a flush, then repeat_interval") {
  World w;
  w.Fire("a");
  w.Pass(9);
  CHECK(w.told() == 0);
  w.Fire("b");
  w.Pass(1);
  REQUIRE(w.told() == 1);
  CHECK(w.last() == "first notification: +a +b");
  w.Fire("c");
  w.Pass(59);
  CHECK(w.told() == 1);
  w.Pass(1);
  REQUIRE(w.told() == 2);
  CHECK(w.last() == "new alerts added: +a +b +c");
  // Nothing new: quiet until repeat_interval is over, then on the next tick of group_interval.
  w.Pass(300);
  CHECK(w.told() == 2);
  w.Pass(60);
  REQUIRE(w.told() == 3);
  CHECK(w.last() == "repeat interval elapsed: +a +b +c");
}

TEST_CASE("resolved alerts are told once and then forgotten with their group") {
  World w;
  w.Fire("a");
  w.Fire("b");
  w.Pass(10);
  w.Resolve("a");
  w.Pass(60);
  CHECK(w.last() == "some alerts resolved: -a +b");
  w.Resolve("b");
  w.Pass(60);
  CHECK(w.last() == "all alerts resolved: -b");
  CHECK(w.told() == 3);
  CHECK(w.dispatcher->group_count() == 0);
  // The next alert starts a fresh group, with its own group_wait.
  w.Fire("c");
  w.Pass(9);
  CHECK(w.told() == 3);
  w.Pass(1);
  CHECK(w.last() == "first notification: +c");
}

TEST_CASE("an alert that has waited elsewhere is not held back") {
  World w;
  w.Fire("a", 11);
  CHECK(w.last() == "first notification: +a");
}

TEST_CASE("start-delay holds back the first flush") {
  World w;
  w.Load("", "", 30 * kSecond);
  w.Fire("a", 100);
  w.Pass(29);
  CHECK(w.told() == 0);
  w.Pass(1);
  CHECK(w.told() == 1);
}

TEST_CASE("a restart does not repeat what was told") {
  World w;
  w.Fire("a");
  w.Pass(10);
  CHECK(w.told() == 1);
  w.dispatcher->Stop();
  w.log.reset();
  w.silences.reset();
  w.store.Reopen();
  w.log = NotificationLog::Open(w.store.get(), w.clock).value();
  w.silences = Silences::Open(w.store.get(), w.clock, kSecond, {}).value();
  w.Load();
  w.Fire("a", 100);
  w.Pass(200);
  CHECK(w.told() == 1);
}

TEST_CASE("failures are retried with growing pauses until the deadline of the flush") {
  World w;
  w.notifier->failures_left = 3;
  w.Fire("a");
  w.Pass(10);
  CHECK(w.told() == 1);
  w.Pass(1);  // 0.5 s
  CHECK(w.told() == 2);
  w.Pass(1);  // + 0.75 s
  CHECK(w.told() == 3);
  w.Pass(2);  // + 1.125 s
  CHECK(w.told() == 4);
  w.Pass(50);
  CHECK(w.told() == 4);
  // The whole flush shares one deadline: group_interval.
  CHECK(w.notifier->timeouts[0] == 60 * kSecond);
  CHECK(w.notifier->timeouts[1] < 60 * kSecond);
  CHECK(w.metrics.requests_failed.With({"webhook"}).value() == 3);
  CHECK(w.metrics.notifications.With({"webhook"}).value() == 1);
  CHECK(w.metrics.notifications_failed.With({"webhook", "serverError"}).value() == 0);
}

TEST_CASE("a refusal is final for this flush and tried again at the next") {
  World w;
  w.notifier->answer = {InvalidArgument("no"), false, "clientError"};
  w.Fire("a");
  w.Pass(59);
  CHECK(w.told() == 1);
  CHECK(w.metrics.notifications_failed.With({"webhook", "clientError"}).value() == 1);
  w.notifier->answer = {OkStatus(), false, ""};
  w.Pass(11);
  CHECK(w.told() == 2);
  CHECK(w.last() == "first notification: +a");
}

TEST_CASE("a failed flush keeps resolved alerts for the next one") {
  World w;
  w.Fire("a");
  w.Pass(10);
  w.notifier->answer = {InvalidArgument("no"), false, "clientError"};
  w.Resolve("a");
  w.Pass(60);
  w.notifier->answer = {OkStatus(), false, ""};
  w.Pass(60);
  CHECK(w.last() == "all alerts resolved: -a");
  CHECK(w.dispatcher->group_count() == 0);
}

TEST_CASE("an alert that fires again while its end is being told stays") {
  World w;
  w.Fire("a");
  w.Pass(10);
  w.Resolve("a");
  w.notifier->hold = true;
  w.Pass(60);
  CHECK(w.last() == "all alerts resolved: -a");
  w.Fire("a");
  w.notifier->hold = false;
  std::exchange(w.notifier->held, nullptr)({OkStatus(), false, ""});
  w.loop.RunDue();
  CHECK(w.dispatcher->group_count() == 1);
  w.Pass(60);
  CHECK(w.last() == "first notification: +a");
}

TEST_CASE("send_resolved: false tells nothing, yet the log remembers") {
  World w;
  w.send_resolved = false;
  w.Load();
  w.Fire("a");
  w.Pass(10);
  w.Resolve("a");
  w.Pass(60);
  CHECK(w.told() == 1);
  w.Fire("a");
  w.Pass(10);
  CHECK(w.told() == 2);
  CHECK(w.last() == "first notification: +a");
}

TEST_CASE("silenced and inhibited alerts are left out") {
  World w("", "inhibit_rules: [{source_matchers: [n=src], target_matchers: [n=dst]}]\n");
  Silence silence;
  silence.matchers = ParseMatchers("n=quiet").value();
  silence.starts_at = w.clock.NowNanos();
  silence.ends_at = silence.starts_at + 1000 * kSecond;
  REQUIRE(w.silences->Set(silence).ok());
  for (std::string_view n : {"src", "dst", "quiet", "loud"}) w.Fire(n);
  w.Pass(10);
  CHECK(w.last() == "first notification: +loud +src");
  CHECK(w.metrics.suppressed.With({"silence"}).value() == 1);
  CHECK(w.metrics.suppressed.With({"inhibition"}).value() == 1);
}

TEST_CASE("a muted flush is a flush: resolved alerts go unannounced") {
  World w("  routes:\n  - matchers: [g=x]\n    mute_time_intervals: [always]\n",
          "time_intervals: [{name: always, time_intervals: [{}]}]\n");
  w.Fire("a");
  w.Pass(10);
  CHECK(w.told() == 0);
  CHECK(w.dispatcher->Groups()[0].muted_by == std::vector<std::string>{"always"});
  w.Resolve("a");
  w.Pass(60);
  CHECK(w.told() == 0);
  CHECK(w.dispatcher->group_count() == 0);
}

TEST_CASE("outside of all active intervals a route is muted") {
  World w("  routes:\n  - matchers: [g=x]\n    active_time_intervals: [never]\n",
          "time_intervals: [{name: never, time_intervals: [{years: ['1980']}]}]\n");
  w.Fire("a");
  w.Pass(10);
  CHECK(w.told() == 0);
  CHECK(w.metrics.suppressed.With({"active_time_interval"}).value() == 1);
}

TEST_CASE("the tree: first match unless continue, parents only without matching children") {
  auto config = LoadConfig(
                    "route:\n  receiver: root\n  group_by: [a]\n  group_wait: 7s\n  routes:\n"
                    "  - {matchers: [x=1], receiver: one, continue: true}\n"
                    "  - {matchers: [x=~\"1|2\"], receiver: two, group_by: [], routes: "
                    "[{matchers: [y=1], group_wait: 1s}]}\n"
                    "  - {matchers: [x=2], receiver: three}\n"
                    "  - {matchers: [z=1], group_by: ['...']}\n"
                    "receivers: [{name: root}, {name: one}, {name: two}, {name: three}]\n",
                    "")
                    .value();
  const RouteTree tree(config);
  auto names = [&](Labels labels) {
    std::string out;
    for (const RouteNode* node : tree.Match(labels)) out += node->receiver + node->key + ";";
    return out;
  };
  CHECK(names({{"q", "1"}}) == "root{};");
  CHECK(names({{"x", "1"}}) == "one{}/{x=\"1\"};two{}/{x=~\"1|2\"};");
  CHECK(names({{"x", "2"}}) == "two{}/{x=~\"1|2\"};");
  CHECK(names({{"x", "2"}, {"y", "1"}}) == "two{}/{x=~\"1|2\"}/{y=\"1\"};");
  const RouteNode* child = tree.Match({{"x", "2"}, {"y", "1"}})[0];
  CHECK(child->group_wait_ns == kSecond);
  CHECK(child->GroupLabels({{"a", "1"}, {"x", "2"}}).empty());
  CHECK(tree.Match({{"x", "1"}})[0]->GroupLabels({{"a", "1"}, {"x", "1"}}) == Labels{{"a", "1"}});
  CHECK(tree.Match({{"z", "1"}})[0]->GroupLabels({{"z", "1"}, {"k", "v"}}).size() == 2);
}

TEST_CASE("the loop runs timers in order and forgets cancelled ones") {
  FakeClock clock(0);
  Loop loop(clock);
  std::string order;
  loop.After(3, [&] { order += "c"; });
  loop.After(1, [&] { order += "a"; });
  const Loop::TimerId gone = loop.After(2, [&] { order += "x"; });
  loop.After(2, [&] { order += "b"; });
  loop.Cancel(gone);
  CHECK(loop.NextDelay() == 1);
  clock.Advance(std::chrono::nanoseconds(2));
  loop.RunDue();
  CHECK(order == "ab");
  clock.Advance(std::chrono::nanoseconds(1));
  loop.RunDue();
  CHECK(order == "abc");
  CHECK(loop.NextDelay() == -1);
}

TEST_CASE("a started loop runs what other threads post") {
  Loop loop(Clock::System());
  loop.Start();
  int runs = 0;
  for (int i = 0; i < 10; ++i) loop.Call([&] { ++runs; });
  std::promise<void> fired;
  loop.Post([&] { loop.After(1'000'000, [&] { fired.set_value(); }); });
  CHECK(fired.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  loop.Stop();
  CHECK(runs == 10);
}

}  // namespace
}  // namespace narthex::am
