#pragma once
// The metrics of notifications. Every integration and reason exists from the start at zero, which
// dashboards rely on.

#include <string_view>

#include "core/metrics/registry.h"

namespace narthex::am {

struct NotifyMetrics {
  explicit NotifyMetrics(Registry& registry);

  CounterVec& notifications;         // integration
  CounterVec& notifications_failed;  // integration, reason
  CounterVec& requests;              // integration
  CounterVec& requests_failed;       // integration
  HistogramVec& latency;             // integration
  CounterVec& suppressed;            // reason
};

}  // namespace narthex::am
