#pragma once
// A scrape manager over a fake storage, for tests with real sockets.

#include <memory>
#include <string>

#include "core/base/check.h"
#include "server/scrape/fake_storage.h"
#include "server/scrape/manager.h"
#include "tests/eventually.h"

namespace narthex::scrape {

struct ManagerRig {
  FakeStorage storage;
  Registry registry;
  std::unique_ptr<Manager> manager;

  explicit ManagerRig(Options options = {}, bool hold = false) {
    options.user_agent = "Prometheus/test";
    options.host_name = "h";
    options.reload_interval_ms = 1;
    manager = std::make_unique<Manager>(std::move(options), &storage, &registry);
    manager->Start(hold);
  }
  ~ManagerRig() { manager->Stop(); }

  // The configuration of one job "j": keys as in prometheus.yml, two blanks deep.
  static std::shared_ptr<const config::Config> OneJob(const std::string& keys,
                                                      const std::string& interval = "100ms") {
    const auto config =
        config::Load(fmt::format("scrape_configs:\n- job_name: j\n  scrape_interval: {0}\n  "
                                 "scrape_timeout: {0}\n{1}",
                                 interval, keys),
                     "/", "test.yml");
    NX_CHECK(config.ok());
    return *config;
  }
  void Apply(std::shared_ptr<const config::Config> config) {
    NX_CHECK(manager->ApplyConfig(std::move(config)).ok());
  }
  void SetTargets(const std::vector<std::string>& addresses, const Labels& labels = {}) {
    auto group = std::make_shared<discovery::TargetGroup>();
    for (const std::string& a : addresses) group->targets.push_back(Labels{{"__address__", a}});
    group->labels = labels;
    auto sets = std::make_shared<discovery::TargetSets>();
    (*sets)["j"] = {group};
    manager->UpdateTargets(std::move(sets));
  }
  // lastError of the only target, once it has been scraped.
  std::string LastError() const {
    TargetsSnapshot targets;
    Eventually([&] {
      targets = manager->Targets();
      return targets.active.size() == 1 && targets.active[0].health != Health::kUnknown;
    });
    return targets.active.empty() ? "no target" : targets.active[0].last_error;
  }
  double Metric(const std::string& name) const {
    double sum = 0;
    for (const MetricFamily& family : registry.Gather().families) {
      if (family.name != name) continue;
      for (const MetricSample& sample : family.samples) sum += sample.value;
    }
    return sum;
  }
};

}  // namespace narthex::scrape
