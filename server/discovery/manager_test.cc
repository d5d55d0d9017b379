#include "server/discovery/manager.h"

#include <filesystem>
#include <fstream>
#include <future>
#include <set>

#include "server/discovery/describe.h"
#include "server/discovery/file/file.h"
#include "server/discovery/group_store.h"
#include "server/discovery/mechanism.h"
#include "tests/temp_dir.h"

namespace narthex::discovery {
namespace {

using namespace std::chrono_literals;

MechanismConfigPtr Files(const std::string& pattern) {
  return std::make_shared<ConfigOf<file::Config>>(file::Config{{pattern}, 3'600'000});
}

// Collects what a manager says.
struct Listener {
  Mutex mutex;
  CondVar changed;
  std::shared_ptr<const TargetSets> sets GUARDED_BY(mutex);
  int updates GUARDED_BY(mutex) = 0;

  Manager::Consumer consumer() {
    return [this](std::shared_ptr<const TargetSets> s) {
      MutexLock lock(mutex);
      sets = std::move(s);
      ++updates;
      changed.NotifyAll();
    };
  }
  bool WaitFor(const std::function<bool(const TargetSets&)>& condition) {
    MutexLock lock(mutex);
    return changed.WaitFor(lock, 20s,
                           [&]() REQUIRES(mutex) { return sets != nullptr && condition(*sets); });
  }
};

std::string Addresses(const TargetSets& sets, const std::string& job) {
  std::string out;
  const auto found = sets.find(job);
  if (found == sets.end()) return "no job";
  for (const auto& group : found->second) {
    for (const Labels& target : group->targets) {
      out += std::string(out.empty() ? "" : ",") + std::string(target.Get("__address__"));
    }
  }
  return out;
}

TEST_CASE("the manager sees atomic renames, plain writes, new and removed files") {
  TempDir dir;
  Registry registry;
  Listener listener;
  Manager manager({.name = "scrape", .update_interval_ms = 1, .registry = &registry},
                  listener.consumer());
  manager.Start();
  DiscoveryConfigs job;
  job.static_groups.push_back({{Labels{{"__address__", "s:1"}}}, {}, "0"});
  job.mechanisms.push_back(Files(dir.path() + "/*.yml"));
  manager.ApplyConfig({{"j", job}});
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "j") == "s:1"; }));
  dir.Write("x.yml", "- targets: [x:1]\n");
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "j") == "s:1,x:1"; }));
  dir.Write("x.yml", "- targets: [x:2]\n");
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "j") == "s:1,x:2"; }));
  std::ofstream(dir.path() + "/x.yml") << "- targets: [x:3]\n";
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "j") == "s:1,x:3"; }));
  std::filesystem::remove(dir.path() + "/x.yml");
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "j") == "s:1"; }));

  // A second job joins, the first one goes.
  DiscoveryConfigs other;
  other.static_groups.push_back({{Labels{{"__address__", "o:1"}}}, {}, "0"});
  manager.ApplyConfig({{"o", other}});
  REQUIRE(listener.WaitFor([](const TargetSets& s) {
    return Addresses(s, "o") == "o:1" && Addresses(s, "j") == "no job";
  }));
  const auto gathered = registry.Gather();
  CHECK(gathered.errors.empty());
  bool found = false;
  for (const MetricFamily& f : gathered.families) {
    if (f.name != "prometheus_sd_discovered_targets") continue;
    found = true;
    REQUIRE(f.samples.size() == 1);
    CHECK(f.samples[0].labels[0].value == "o");
    CHECK(f.samples[0].value == 1);
  }
  CHECK(found);
  manager.Stop();
}

TEST_CASE("a provider that stays in the configuration is not read again") {
  TempDir dir;
  dir.Write("x.yml", "- targets: [x:1]\n");
  Listener listener;
  Manager manager({.name = "scrape", .update_interval_ms = 1}, listener.consumer());
  manager.Start();
  DiscoveryConfigs job;
  job.mechanisms.push_back(Files(dir.path() + "/x.yml"));
  manager.ApplyConfig({{"j", job}});
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "j") == "x:1"; }));
  const auto first = [&] {
    MutexLock lock(listener.mutex);
    return listener.sets->at("j").at(0);
  }();
  manager.ApplyConfig({{"j", job}, {"k", job}});
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "k") == "x:1"; }));
  MutexLock lock(listener.mutex);
  CHECK(listener.sets->at("j").at(0) == first);
  CHECK(listener.sets->at("k").at(0) == first);
}

TEST_CASE("updates are coalesced") {
  TempDir dir;
  Listener listener;
  Manager manager({.name = "scrape", .update_interval_ms = 300}, listener.consumer());
  manager.Start();
  DiscoveryConfigs job;
  job.mechanisms.push_back(Files(dir.path() + "/x.yml"));
  manager.ApplyConfig({{"j", job}});
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return s.contains("j"); }));
  for (int i = 1; i <= 20; ++i) dir.Write("x.yml", fmt::format("- targets: [x:{}]\n", i));
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "j") == "x:20"; }));
  MutexLock lock(listener.mutex);
  CHECK(listener.updates < 15);
}

// A mechanism of the test's own: the test publishes, or lets it fail.
struct Manual {
  static constexpr std::string_view kMechanism = "manual";
  std::string name;
  std::map<std::string, std::shared_ptr<Publisher>>* publishers = nullptr;
  int* alive = nullptr;
  friend bool operator==(const Manual&, const Manual&) = default;
};

void Describe(config::Fields& f, Manual& manual) { f.Field("name", manual.name); }

class ManualProvider final : public Provider {
 public:
  explicit ManualProvider(int* alive) : alive_(alive) { ++*alive_; }
  ~ManualProvider() override { --*alive_; }

 private:
  int* const alive_;
};

StatusOr<std::unique_ptr<Provider>> MakeProvider(const Manual& config,
                                                 const ProviderContext& context) {
  if (config.name == "broken") return Unavailable("it is broken");
  (*config.publishers)[config.name] = context.publisher;
  return std::unique_ptr<Provider>(std::make_unique<ManualProvider>(config.alive));
}

std::shared_ptr<const TargetGroup> Group(const std::string& source, const std::string& address) {
  TargetGroup group;
  group.source = source;
  if (!address.empty()) group.targets.push_back(Labels{{"__address__", address}});
  return std::make_shared<const TargetGroup>(std::move(group));
}

struct ManualRig {
  std::map<std::string, std::shared_ptr<Publisher>> publishers;
  int alive = 0;
  Listener listener;
  Registry registry;
  Manager manager{{.name = "scrape", .update_interval_ms = 1, .registry = &registry},
                  listener.consumer()};

  DiscoveryConfigs Of(const std::vector<std::string>& names) {
    DiscoveryConfigs job;
    for (const std::string& name : names) {
      job.mechanisms.push_back(
          std::make_shared<ConfigOf<Manual>>(Manual{name, &publishers, &alive}));
    }
    return job;
  }
  bool Wait(const std::string& job, const std::string& addresses) {
    return listener.WaitFor([&](const TargetSets& s) { return Addresses(s, job) == addresses; });
  }
  double Value(const std::string& name) {
    for (const MetricFamily& f : registry.Gather().families) {
      if (f.name == name) return f.samples.at(0).value;
    }
    return -1;
  }
};

TEST_CASE("the metrics of every mechanism are there from the start") {
  Registry registry;
  const Manager manager({.name = "scrape", .registry = &registry}, nullptr);
  std::set<std::string> names;
  for (const MetricFamily& family : registry.Gather().families) names.insert(family.name);
  for (const char* name :
       {"prometheus_sd_consul_rpc_failures_total", "prometheus_sd_consul_rpc_duration_seconds",
        "prometheus_sd_dns_lookups_total", "prometheus_sd_dns_lookup_failures_total",
        "prometheus_sd_file_read_errors_total", "prometheus_sd_http_failures_total",
        "prometheus_sd_nomad_failures_total", "prometheus_sd_kubernetes_failures_total",
        "prometheus_sd_failed_configs", "prometheus_sd_updates_total"}) {
    INFO(name);
    CHECK(names.contains(name));
  }
}

TEST_CASE("a group replaces the one of its source, an empty one deletes it") {
  ManualRig rig;
  rig.manager.Start();
  rig.manager.ApplyConfig({{"j", rig.Of({"a"})}, {"k", rig.Of({"a", "broken"})}});
  REQUIRE(rig.Wait("j", ""));
  const auto publisher = rig.publishers.at("a");
  publisher->Publish({Group("1", "x:1"), Group("2", "y:1"), nullptr});
  REQUIRE(rig.Wait("j", "x:1,y:1"));
  REQUIRE(rig.Wait("k", "x:1,y:1"));
  publisher->Publish({Group("1", "x:2")});
  REQUIRE(rig.Wait("k", "x:2,y:1"));
  publisher->Publish({Group("2", "")});
  REQUIRE(rig.Wait("k", "x:2"));
  CHECK(rig.alive == 1);
  CHECK(rig.Value("prometheus_sd_failed_configs") == 1);
  CHECK(rig.Value("prometheus_sd_received_updates_total") == 3);
  rig.manager.ApplyConfig({{"k", rig.Of({"b"})}});
  REQUIRE(rig.Wait("j", "no job"));
  rig.manager.Stop();
  CHECK(rig.alive == 0);
  CHECK(rig.Value("prometheus_sd_failed_configs") == 0);
  publisher->Publish({Group("1", "late:1")});  // harmless
}

TEST_CASE("the groups of a replaced provider stay until its successor has looked") {
  ManualRig rig;
  rig.manager.Start();
  rig.manager.ApplyConfig({{"j", rig.Of({"a"})}});
  REQUIRE(rig.Wait("j", ""));
  rig.publishers.at("a")->Publish({Group("1", "x:1"), Group("2", "x:2")});
  REQUIRE(rig.Wait("j", "x:1,x:2"));
  rig.manager.ApplyConfig({{"j", rig.Of({"b"})}, {"new", rig.Of({"b"})}});
  REQUIRE(rig.Wait("new", "x:1,x:2"));  // shares the provider
  CHECK(rig.Wait("j", "x:1,x:2"));
  rig.publishers.at("b")->Publish({Group("1", "z:1")});
  REQUIRE(rig.Wait("j", "z:1"));
  // Nothing is a finding, too.
  rig.manager.ApplyConfig({{"j", rig.Of({"c"})}});
  REQUIRE(rig.Wait("new", "no job"));
  CHECK(rig.Wait("j", "z:1"));
  rig.publishers.at("c")->Publish({});
  REQUIRE(rig.Wait("j", ""));
}

TEST_CASE("the first answer of a provider does not wait for the interval") {
  ManualRig rig;
  Manager slow({.name = "slow", .update_interval_ms = 3'600'000}, rig.listener.consumer());
  slow.Start();
  slow.ApplyConfig({{"j", rig.Of({"a"})}});
  REQUIRE(rig.Wait("j", ""));
  rig.publishers.at("a")->Publish({Group("1", "x:1")});
  REQUIRE(rig.Wait("j", "x:1"));
}

TEST_CASE("discovery of one job for a time") {
  TempDir dir;
  dir.Write("x.yml", "- targets: [x:1]\n");
  DiscoveryConfigs job;
  job.static_groups.push_back({{Labels{{"__address__", "s:1"}}}, {}, "0"});
  job.mechanisms.push_back(Files(dir.path() + "/x.yml"));
  CHECK(Addresses({{"j", DiscoverFor(job, 10ms, "")}}, "j") == "s:1,x:1");
}

struct LoopRig {
  Loop loop;
  NamedThread thread{"loop", [this] { loop.Run(); }};
  ~LoopRig() { loop.Stop(); }
};

TEST_CASE("timers run in order, may set each other and go with their owner") {
  LoopRig rig;
  std::promise<std::string> done;
  std::string order;
  Loop::Timer a(&rig.loop), b(&rig.loop), end(&rig.loop), late(&rig.loop);
  auto dropped = std::make_unique<Loop::Timer>(&rig.loop);
  auto lifetime = std::make_unique<Loop::Lifetime>();
  const auto begin = [&] {
    order += "g";
    b.Set(20, [&] {
      order += "b";
      a.Set(0, [&] {
        order += "A";
        end.Set(0, [&] { done.set_value(order); });
      });
    });
    a.Set(10, [&] {
      order += "a";
      dropped.reset();
      lifetime.reset();
    });
    dropped->Set(15, [&] { order += "no"; });
    end.Set(12, [&] { order += "no"; });
    end.Set(3'600'000, [&] { order += "no"; });
    late.Set(10, lifetime->Guard([&] { order += "no"; }));  // behind a
  };
  rig.loop.Post([&] { rig.loop.Post(lifetime->Guard(begin)); });
  CHECK(done.get_future().get() == "gabA");
}

}  // namespace
}  // namespace narthex::discovery
