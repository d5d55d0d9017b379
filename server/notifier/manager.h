#pragma once
// Sends alerts to every Alertmanager: one bounded queue each, so that a slow or dead one holds up
// none of the others.
//
//   rules ──Send──▶ external labels, alert_relabel_configs
//                     └─▶ per Alertmanager: its relabelling, queue ──batch──▶ POST …/api/v2/alerts
//
// A full queue drops its oldest alerts; a batch that fails is dropped and counted: alerts are sent
// again by the rules as long as they last.
//
// Threads: requests run on the I/O threads of the HTTP client, at most one a queue at a time. The
// public methods may be called from any thread; Send never blocks on the network.

#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/http/client.h"
#include "core/metrics/registry.h"
#include "server/config/config.h"
#include "server/discovery/target_group.h"
#include "server/notifier/alert.h"

namespace narthex::notifier {

struct Options {
  size_t queue_capacity = 10'000;  // of each Alertmanager
  size_t batch_size = 256;
  bool drain_on_shutdown = true;
  std::string user_agent;
};

class Manager {
 public:
  // `runtime` and `registry` outlive the manager.
  Manager(Options options, http::ClientRuntime& runtime, Registry* registry);
  ~Manager();  // Stop, when that has not been called

  // An Alertmanager block that did not change keeps its queues. The error names every block that
  // could not be set up; the rest runs.
  Status ApplyConfig(std::shared_ptr<const config::Config> config);
  // The newest target groups by the blocks' keys; sets of other keys are ignored.
  void UpdateTargets(std::shared_ptr<const discovery::TargetSets> sets);

  void Send(const std::vector<Alert>& alerts);

  // Sends what is queued first when draining is on. Each request is bounded by its block's timeout.
  void Stop();

  Alertmanagers alertmanagers() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::notifier
