#pragma once
// Runs the discovery mechanisms of every job and tells one consumer, coalesced, what they found.
//
// A provider whose configuration the next one holds unchanged keeps running and keeps its groups.
// The groups of one that was replaced by another of the same mechanism in the same job stay until
// the successor has published, for a while. A mechanism that fails keeps what it found last.
//
// Threads: one of its own, `sd-<name>`, on which providers live (see provider.h) and the consumer
// is called; HTTP threads once a provider asks for them. The public methods may be called from any
// other thread.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/thread.h"
#include "core/metrics/registry.h"
#include "server/discovery/config.h"
#include "server/discovery/loop.h"
#include "server/discovery/metrics.h"
#include "server/discovery/target_group.h"

namespace narthex::discovery {

class HttpThreads;

class Manager {
 public:
  // Called from the manager's thread with every set of every job.
  using Consumer = std::function<void(std::shared_ptr<const TargetSets>)>;

  struct Options {
    std::string name;                    // "scrape", "notify": the label of the metrics
    int64_t update_interval_ms = 5'000;  // at most one update to the consumer in this time
    Registry* registry = nullptr;
    std::string user_agent;
  };

  Manager(Options options, Consumer consumer);
  ~Manager();

  void Start();
  void Stop();
  // Replaces what is discovered. Takes effect at once; the consumer hears of it soon.
  void ApplyConfig(std::map<std::string, DiscoveryConfigs> configs);

 private:
  struct Running;
  struct Job {
    TargetGroups static_groups;
    std::vector<std::shared_ptr<Running>> providers;
  };
  using Jobs = std::map<std::string, Job>;

  void Adopt(const std::map<std::string, DiscoveryConfigs>& configs);
  std::shared_ptr<Running> StartProvider(const std::string& job, const MechanismConfigPtr& config,
                                         const Job* before,
                                         const std::map<std::string, DiscoveryConfigs>& configs);
  void OnUpdate();
  void PublishSets();

  const Options options_;
  const Consumer consumer_;
  std::unique_ptr<Registry> own_registry_;  // when none was given
  Registry* const registry_;
  ManagerMetrics metrics_;

  Loop loop_;
  std::unique_ptr<HttpThreads> http_;
  // The thread's own.
  Jobs jobs_;
  Loop::Timer publish_timer_;
  int64_t publish_due_ms_ = 0;
  int64_t last_publish_ms_ = 0;
  size_t failed_ = 0;
  NamedThread thread_;
};

// Runs the discovery of one job for a time and returns what was found by then:
// `promtool check service-discovery`.
TargetGroups DiscoverFor(const DiscoveryConfigs& configs, std::chrono::milliseconds time,
                         const std::string& user_agent);

}  // namespace narthex::discovery
