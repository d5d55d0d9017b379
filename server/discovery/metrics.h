#pragma once
// The prometheus_sd_* families of the managers, and those of mechanisms that look at intervals.
// Families of one mechanism alone stand with it.
//
// Thread safety: all methods.

#include <cstdint>
#include <string>

#include "core/metrics/registry.h"

namespace narthex::discovery {

// One manager's series, told apart by the label `name`.
class ManagerMetrics {
 public:
  ManagerMetrics(Registry& registry, const std::string& manager);

  void SetDiscoveredTargets(const std::string& config, size_t n);
  void RemoveConfig(const std::string& config);
  Counter& received;
  Counter& sent;
  Counter& delayed;  // stays 0: the consumer takes an update at once
  Gauge& failed_configs;
  Gauge& last_update;

 private:
  const std::string manager_;
  GaugeVec& discovered_;
};

// The series of one provider; they go with it.
class RefreshMetrics {
 public:
  RefreshMetrics(Registry& registry, std::string mechanism, std::string config);
  ~RefreshMetrics();
  RefreshMetrics(const RefreshMetrics&) = delete;

  void CountFailure() { failures_.With({mechanism_, config_}).Inc(); }
  void ObserveDuration(double seconds);

 private:
  const std::string mechanism_, config_;
  CounterVec& failures_;
  SummaryVec& durations_;
  HistogramVec& duration_histogram_;
};

}  // namespace narthex::discovery
