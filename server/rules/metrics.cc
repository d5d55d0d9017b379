#include "server/rules/metrics.h"

namespace narthex::rules {
namespace {

std::vector<std::string> ByGroup() { return {"rule_group"}; }

}  // namespace

Metrics::Metrics(Registry& r)
    : evaluation_duration(r.AddSummary("prometheus_rule_evaluation_duration_seconds",
                                       "The duration for a rule to execute.",
                                       {.objectives = {{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}}})),
      group_duration(r.AddSummary(
          "prometheus_rule_group_duration_seconds", "The duration of rule group evaluations.",
          {.objectives = {{0.01, 0.001}, {0.05, 0.005}, {0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}}})),
      evaluations(r.AddCounterVec("prometheus_rule_evaluations_total",
                                  "The total number of rule evaluations.", ByGroup())),
      evaluation_failures(r.AddCounterVec("prometheus_rule_evaluation_failures_total",
                                          "The total number of rule evaluation failures.",
                                          ByGroup())),
      iterations(r.AddCounterVec(
          "prometheus_rule_group_iterations_total",
          "The total number of scheduled rule group evaluations, whether executed or missed.",
          ByGroup())),
      iterations_missed(r.AddCounterVec(
          "prometheus_rule_group_iterations_missed_total",
          "The total number of rule group evaluations missed due to slow rule group evaluation.",
          ByGroup())),
      interval(r.AddGaugeVec("prometheus_rule_group_interval_seconds",
                             "The interval of a rule group.", ByGroup())),
      last_duration(r.AddGaugeVec("prometheus_rule_group_last_duration_seconds",
                                  "The duration of the last rule group evaluation.", ByGroup())),
      last_rule_duration_sum(r.AddGaugeVec(
          "prometheus_rule_group_last_rule_duration_sum_seconds",
          "The sum of time in seconds it took to evaluate each rule in the group regardless of "
          "concurrency. This should be higher than the group duration if rules are evaluated "
          "concurrently.",
          ByGroup())),
      last_evaluation_timestamp(
          r.AddGaugeVec("prometheus_rule_group_last_evaluation_timestamp_seconds",
                        "The timestamp of the last rule group evaluation in seconds.", ByGroup())),
      last_evaluation_samples(r.AddGaugeVec(
          "prometheus_rule_group_last_evaluation_samples",
          "The number of samples returned during the last rule group evaluation.", ByGroup())),
      last_restore_duration(r.AddGaugeVec(
          "prometheus_rule_group_last_restore_duration_seconds",
          "The duration of the last alert rules alerts restoration using the `ALERTS_FOR_STATE` "
          "series across all rules.",
          ByGroup())),
      rules(r.AddGaugeVec("prometheus_rule_group_rules", "The number of rules.", ByGroup())) {}

void Metrics::AddGroup(const std::string& key) {
  for (CounterVec* vec : {&evaluations, &evaluation_failures, &iterations, &iterations_missed}) {
    vec->With({key});
  }
}

void Metrics::RemoveGroup(const std::string& key) {
  for (CounterVec* vec : {&evaluations, &evaluation_failures, &iterations, &iterations_missed}) {
    vec->Remove({key});
  }
  for (GaugeVec* vec :
       {&interval, &last_duration, &last_rule_duration_sum, &last_evaluation_timestamp,
        &last_evaluation_samples, &last_restore_duration, &rules}) {
    vec->Remove({key});
  }
}

}  // namespace narthex::rules
