#include <atomic>

#include "core/base/mutex.h"
#include "core/http/client.h"
#include "core/http/server.h"
#include "core/json/reader.h"
#include "server/notifier/alertmanager_urls.h"
#include "server/notifier/manager.h"
#include "server/notifier/payload.h"
#include "tests/catch.h"

namespace narthex::notifier {
namespace {

using namespace std::chrono_literals;

// An Alertmanager on a real socket that records what is posted to it.
class FakeAlertmanager {
 public:
  FakeAlertmanager() {
    auto server =
        http::Server::Create({.listen_addresses = {"127.0.0.1:0"}, .server_name = "fake-am"},
                             [this](const http::Request& request, http::ResponseWriter& response) {
                               MutexLock lock(mutex_);
                               posts_.push_back(request);
                               changed_.NotifyAll();
                               changed_.Wait(lock, [this] { return !held_; });
                               response.Send(status_, "text/plain", "");
                             });
    REQUIRE(server.ok());
    server_ = *std::move(server);
    REQUIRE(server_->Start().ok());
  }
  ~FakeAlertmanager() {
    Hold(false);
    server_->Stop();
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(server_->ports()[0]); }
  void Answer(int status) {
    MutexLock lock(mutex_);
    status_ = status;
  }
  void Hold(bool held) {
    MutexLock lock(mutex_);
    held_ = held;
    changed_.NotifyAll();
  }
  std::vector<http::Request> WaitForPosts(size_t count) {
    MutexLock lock(mutex_);
    REQUIRE(changed_.WaitFor(lock, 20s, [&] { return posts_.size() >= count; }));
    return posts_;
  }
  size_t post_count() {
    MutexLock lock(mutex_);
    return posts_.size();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<http::Request> posts_;
  int status_ = 200;
  bool held_ = false;
  std::unique_ptr<http::Server> server_;
};

Alert MakeAlert(std::string_view name) {
  return {.labels = {{"alertname", name}, {"severity", "page"}},
          .annotations = {{"empty", ""}, {"summary", "<it> \"burns\""}},
          .starts_at = 1'767'323'045'678,
          .ends_at = 1'767'323'285'000,
          .generator_url = "http://p/graph?g0.expr=up&g0.tab=1"};
}

RelabelConfig DropAlert(std::string value) {
  RelabelConfig rule;
  rule.source_labels = {"alertname"};
  rule.regex = std::move(value);
  rule.action = RelabelAction::kDrop;
  return rule;
}

std::shared_ptr<discovery::TargetSets> Sets(
    const std::map<std::string, std::vector<std::string>>& addresses) {
  auto sets = std::make_shared<discovery::TargetSets>();
  for (const auto& [key, list] : addresses) {
    auto group = std::make_shared<discovery::TargetGroup>();
    for (const std::string& address : list) {
      group->targets.push_back(Labels{{"__address__", address}});
    }
    (*sets)[key].push_back(group);
  }
  return sets;
}

struct Fixture {
  explicit Fixture(Options options = {}) : manager(std::move(options), runtime, &registry) {}

  void Apply() { REQUIRE(manager.ApplyConfig(std::make_shared<config::Config>(config)).ok()); }
  config::AlertmanagerConfig& AddBlock() {
    auto& block = config.alerting.alertmanagers.emplace_back();
    block.key = "config-" + std::to_string(config.alerting.alertmanagers.size() - 1);
    return block;
  }
  // The value of a metric of an Alertmanager, -1 when there is none.
  double Metric(const std::string& name, const std::string& url) {
    for (const auto& family : registry.Gather().families) {
      if (family.name != "prometheus_notifications_" + name) continue;
      for (const auto& sample : family.samples) {
        if (sample.labels.empty() || sample.labels[0].value == url) return sample.value;
      }
    }
    return -1;
  }
  void WaitForMetric(const std::string& name, const std::string& url, double value) {
    for (int i = 0; i < 2000 && Metric(name, url) != value; ++i) {
      std::this_thread::sleep_for(10ms);
    }
    CHECK(Metric(name, url) == value);
  }

  Registry registry;
  http::ClientRuntime runtime;
  config::Config config;
  Manager manager;
};

std::vector<std::string> NamesIn(const http::Request& post) {
  auto body = ParseJson(post.body);
  REQUIRE(body.ok());
  std::vector<std::string> names;
  for (const auto& alert : body->items()) names.push_back(alert["labels"]["alertname"].AsString());
  return names;
}

TEST_CASE("the body is what Alertmanager's API takes") {
  const Alert alert = MakeAlert("Down");
  CHECK(EncodeAlerts(std::span(&alert, 1)) ==
        R"([{"annotations":{"empty":"","summary":"\u003cit\u003e \"burns\""},)"
        R"("endsAt":"2026-01-02T03:08:05.000Z","startsAt":"2026-01-02T03:04:05.678Z",)"
        R"("generatorURL":"http://p/graph?g0.expr=up\u0026g0.tab=1",)"
        R"("labels":{"alertname":"Down","severity":"page"}}])");
  CHECK(EncodeAlerts({}) == "[]");
}

TEST_CASE("targets become URLs through relabelling") {
  CHECK(AlertsPath("") == "/api/v2/alerts");
  CHECK(AlertsPath("/") == "/api/v2/alerts");
  CHECK(AlertsPath("am//x/./y/../") == "/am/x/api/v2/alerts");
  CHECK(AlertsPath("/../..") == "/api/v2/alerts");

  config::AlertmanagerConfig config;
  config.scheme = "https";
  config.path_prefix = "/am";
  RelabelConfig drop;
  drop.source_labels = {"__address__"};
  drop.regex = "bad:.*";
  drop.action = RelabelAction::kDrop;
  RelabelConfig path;
  path.source_labels = {"path"};
  path.regex = "(.+)";
  path.target_label = "__alerts_path__";
  const auto rules = CompileRelabelRules(std::vector{drop, path}).value();
  discovery::TargetGroup group;
  group.targets = {Labels{{"__address__", "a:1"}},
                   Labels{{"__address__", "bad:2"}},
                   Labels{{"__address__", "a:1"}, {"other", "x"}},
                   Labels{{"__address__", "b:3"}, {"path", "/own"}},
                   Labels{{"__address__", "c/d"}},
                   Labels{{"other", "x"}}};
  group.labels = Labels{{"other", "common"}};
  const auto result =
      ResolveAlertmanagers(config, rules, {std::make_shared<const discovery::TargetGroup>(group)});
  CHECK(result.active ==
        std::vector<std::string>{"https://a:1/am/api/v2/alerts", "https://b:3/own"});
  CHECK(result.dropped == std::vector<std::string>{"https://bad:2/am/api/v2/alerts"});
}

TEST_CASE("alerts reach every Alertmanager with external labels and relabelling") {
  FakeAlertmanager one, two;
  Fixture f({.user_agent = "Prometheus/test"});
  f.config.global.external_labels = {{"cluster", "c1"}, {"severity", "never"}};
  f.config.alerting.alert_relabel_configs = {DropAlert("Secret")};
  f.AddBlock();
  auto& second = f.AddBlock();
  second.path_prefix = "/am";
  second.alert_relabel_configs = {DropAlert("OnlyOne")};
  f.Apply();
  f.manager.UpdateTargets(Sets(
      {{"config-0", {one.address()}}, {"config-1", {two.address()}}, {"config-9", {"unused:1"}}}));
  f.manager.Send({MakeAlert("Secret"), MakeAlert("OnlyOne"), MakeAlert("Both")});

  const auto first_posts = one.WaitForPosts(1);
  CHECK(first_posts[0].method == "POST");
  CHECK(first_posts[0].path == "/api/v2/alerts");
  CHECK(first_posts[0].headers.Get("Content-Type") == "application/json");
  CHECK(first_posts[0].headers.Get("User-Agent") == "Prometheus/test");
  CHECK(NamesIn(first_posts[0]) == std::vector<std::string>{"OnlyOne", "Both"});
  const auto labels = ParseJson(first_posts[0].body)->items()[0]["labels"];
  CHECK(labels["cluster"].AsString() == "c1");
  CHECK(labels["severity"].AsString() == "page");
  const auto second_posts = two.WaitForPosts(1);
  CHECK(second_posts[0].path == "/am/api/v2/alerts");
  CHECK(NamesIn(second_posts[0]) == std::vector<std::string>{"Both"});

  const auto shown = f.manager.alertmanagers();
  CHECK(shown.active == std::vector<std::string>{"http://" + one.address() + "/api/v2/alerts",
                                                 "http://" + two.address() + "/am/api/v2/alerts"});
  CHECK(f.Metric("alertmanagers_discovered", "") == 2);
  CHECK(f.Metric("queue_capacity", "") == 10'000);
  f.WaitForMetric("sent_total", shown.active[0], 2);
  CHECK(f.Metric("errors_total", shown.active[0]) == 0);
  CHECK(f.Metric("dropped_total", shown.active[0]) == 0);
}

TEST_CASE("a failed batch is counted and not sent again; any 2xx is fine") {
  FakeAlertmanager am;
  Fixture f;
  f.AddBlock();
  f.Apply();
  f.manager.UpdateTargets(Sets({{"config-0", {am.address()}}}));
  const std::string url = f.manager.alertmanagers().active.at(0);
  am.Answer(503);
  f.manager.Send({MakeAlert("a"), MakeAlert("b")});
  f.WaitForMetric("errors_total", url, 2);
  CHECK(f.Metric("dropped_total", url) == 2);
  CHECK(f.Metric("sent_total", url) == 2);
  am.Answer(202);
  f.manager.Send({MakeAlert("c")});
  f.WaitForMetric("sent_total", url, 3);
  CHECK(f.Metric("errors_total", url) == 2);
  CHECK(am.post_count() == 2);
}

TEST_CASE("an Alertmanager that hangs fills its own queue, oldest dropped, batches bounded") {
  FakeAlertmanager slow, quick;
  Fixture f({.queue_capacity = 5, .batch_size = 2});
  f.AddBlock();
  f.Apply();
  f.manager.UpdateTargets(Sets({{"config-0", {slow.address(), quick.address()}}}));
  const std::string slow_url = "http://" + slow.address() + "/api/v2/alerts";
  slow.Hold(true);
  f.manager.Send({MakeAlert("first")});
  slow.WaitForPosts(1);
  size_t sent_to_quick = 1;
  quick.WaitForPosts(sent_to_quick);
  for (int i = 0; i < 8; ++i) {
    f.manager.Send({MakeAlert("n" + std::to_string(i))});
    quick.WaitForPosts(++sent_to_quick);
  }
  CHECK(f.Metric("dropped_total", slow_url) == 3);
  CHECK(f.Metric("queue_length", slow_url) == 5);
  slow.Hold(false);
  const auto posts = slow.WaitForPosts(4);
  CHECK(NamesIn(posts[1]) == std::vector<std::string>{"n3", "n4"});
  CHECK(NamesIn(posts[2]) == std::vector<std::string>{"n5", "n6"});
  CHECK(NamesIn(posts[3]) == std::vector<std::string>{"n7"});
  f.WaitForMetric("queue_length", slow_url, 0);
  // More at once than the queue holds: the newest stay.
  slow.Hold(true);
  f.manager.Send({MakeAlert("x")});
  slow.WaitForPosts(5);
  std::vector<Alert> many;
  for (int i = 0; i < 20; ++i) many.push_back(MakeAlert("m" + std::to_string(i)));
  f.manager.Send(many);
  slow.Hold(false);
  CHECK(NamesIn(slow.WaitForPosts(6)[5]) == std::vector<std::string>{"m15", "m16"});
}

TEST_CASE("stopping drains the queue unless told otherwise") {
  for (bool drain : {true, false}) {
    FakeAlertmanager am;
    Fixture f({.batch_size = 1, .drain_on_shutdown = drain});
    f.AddBlock();
    f.Apply();
    f.manager.UpdateTargets(Sets({{"config-0", {am.address()}}}));
    am.Hold(true);
    f.manager.Send({MakeAlert("a"), MakeAlert("b"), MakeAlert("c")});
    am.WaitForPosts(1);
    std::thread release;
    if (drain) release = std::thread([&] { am.Hold(false); });
    f.manager.Stop();
    if (drain) release.join();
    am.Hold(false);
    CHECK(am.post_count() == (drain ? 3 : 1));
    f.manager.Send({MakeAlert("late")});
    f.manager.Stop();
  }
}

TEST_CASE("draining gives up on an Alertmanager that fails") {
  FakeAlertmanager am;
  Fixture f({.batch_size = 1});
  f.AddBlock();
  f.Apply();
  f.manager.UpdateTargets(Sets({{"config-0", {am.address()}}}));
  const std::string url = f.manager.alertmanagers().active.at(0);
  am.Answer(500);
  am.Hold(true);
  f.manager.Send({MakeAlert("a"), MakeAlert("b"), MakeAlert("c"), MakeAlert("d")});
  am.WaitForPosts(1);
  std::thread stop([&] { f.manager.Stop(); });
  // The queue stops accepting as soon as the drain has begun.
  am.Hold(false);
  stop.join();
  CHECK(f.Metric("dropped_total", url) == 4);
}

TEST_CASE("a reload keeps what did not change and ends what is gone") {
  FakeAlertmanager am;
  Fixture f;
  f.AddBlock();
  f.Apply();
  f.manager.UpdateTargets(Sets({{"config-0", {am.address(), "127.0.0.1:1"}}}));
  const std::string url = "http://" + am.address() + "/api/v2/alerts";
  const std::string gone = "http://127.0.0.1:1/api/v2/alerts";
  CHECK(f.Metric("sent_total", gone) == 0);
  am.Hold(true);
  f.manager.Send({MakeAlert("a")});
  am.WaitForPosts(1);
  f.manager.Send({MakeAlert("queued")});
  f.config.global.external_labels = {{"cluster", "new"}};
  f.Apply();
  f.manager.UpdateTargets(Sets({{"config-0", {am.address()}}}));
  CHECK(f.Metric("sent_total", gone) == -1);
  CHECK(f.Metric("queue_length", url) == 1);
  am.Hold(false);
  am.WaitForPosts(2);
  f.config.alerting.alertmanagers[0].timeout_ms = 5;
  f.Apply();
  CHECK(f.manager.alertmanagers().active == std::vector<std::string>{url});
  f.config.alerting.alertmanagers.clear();
  f.Apply();
  CHECK(f.manager.alertmanagers().active.empty());
  CHECK(f.Metric("alertmanagers_discovered", "") == 0);
  f.manager.Send({MakeAlert("nobody")});
}

TEST_CASE("a block that cannot be set up is named and the rest runs") {
  FakeAlertmanager am;
  Fixture f;
  f.AddBlock().relabel_configs = {DropAlert("((")};
  f.AddBlock();
  const Status status = f.manager.ApplyConfig(std::make_shared<config::Config>(f.config));
  CHECK(MessageOf(status).find("config-0") != std::string_view::npos);
  f.manager.UpdateTargets(Sets({{"config-1", {am.address()}}}));
  f.manager.Send({MakeAlert("a")});
  am.WaitForPosts(1);
}

TEST_CASE("a hanging request ends with the block's timeout") {
  FakeAlertmanager am;
  Fixture f;
  f.AddBlock().timeout_ms = 50;
  f.Apply();
  f.manager.UpdateTargets(Sets({{"config-0", {am.address()}}}));
  am.Hold(true);
  f.manager.Send({MakeAlert("a")});
  f.WaitForMetric("errors_total", f.manager.alertmanagers().active.at(0), 1);
}

}  // namespace
}  // namespace narthex::notifier
