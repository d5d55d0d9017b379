#pragma once
// kube-state-metrics at work with one configuration: the connection to the API server, the watches,
// the two servers. A change of the configuration makes a new one.
//
// Threads: those of its parts; all end before the destructor returns. The main thread owns it.

#include <memory>

#include "kube_state_metrics/options/options.h"
#include "kube_state_metrics/serve/self_metrics.h"

namespace narthex::ksm {

class Instance {
 public:
  // Blocks until the API server has answered once. The options have been checked; `metrics`
  // outlives the instance.
  static StatusOr<std::unique_ptr<Instance>> Start(const Options& options, SelfMetrics* metrics);
  ~Instance();

  int port() const;
  int telemetry_port() const;
  // Every resource has been listed.
  bool synced() const;

 private:
  struct Impl;
  explicit Instance(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::ksm
