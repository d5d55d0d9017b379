#pragma once
// The notifier's own metrics, by Alertmanager URL.

#include <string>

#include "core/metrics/registry.h"

namespace narthex::notifier {

struct Metrics {
  explicit Metrics(Registry& registry);
  // Drops the children of an Alertmanager that is gone.
  void Remove(const std::string& url);

  SummaryVec& latency;
  CounterVec& sent;
  CounterVec& errors;
  CounterVec& dropped;
  GaugeVec& queue_length;
  Gauge& queue_capacity;
  Gauge& alertmanagers_discovered;
};

}  // namespace narthex::notifier
