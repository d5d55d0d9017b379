#pragma once
// The rule manager's own metrics; those by group carry rule_group="file;name".

#include <string>

#include "core/metrics/registry.h"

namespace narthex::rules {

struct Metrics {
  explicit Metrics(Registry& registry);
  // Makes the children of a group, so that rates start from zero; drops them.
  void AddGroup(const std::string& key);
  void RemoveGroup(const std::string& key);

  Summary& evaluation_duration;
  Summary& group_duration;
  CounterVec& evaluations;
  CounterVec& evaluation_failures;
  CounterVec& iterations;
  CounterVec& iterations_missed;
  GaugeVec& interval;
  GaugeVec& last_duration;
  GaugeVec& last_rule_duration_sum;
  GaugeVec& last_evaluation_timestamp;
  GaugeVec& last_evaluation_samples;
  GaugeVec& last_restore_duration;
  GaugeVec& rules;
};

}  // namespace narthex::rules
