#pragma once
// The prometheus_sd_kubernetes_* families. Thread-safe.

#include <string_view>

#include "core/metrics/registry.h"
#include "server/discovery/kubernetes/digest.h"

namespace narthex::discovery::kubernetes {

class Metrics {
 public:
  explicit Metrics(Registry& registry);

  // `event` is "add", "update" or "delete". Of kinds that are no roles nothing is counted.
  void CountEvent(Kind kind, std::string_view event);
  void CountFailure() { failures_.Inc(); }
  // Of every answer of an API server; seconds below 0 were not measured.
  void ObserveRequest(std::string_view path, int status, double seconds);

 private:
  CounterVec& events_;
  Counter& failures_;
  CounterVec& requests_;
  SummaryVec& durations_;
};

}  // namespace narthex::discovery::kubernetes
