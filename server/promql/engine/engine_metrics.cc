#include "server/promql/engine/engine_metrics.h"

namespace narthex::promql {
namespace {

constexpr const char* kSlices[4] = {"queue_time", "prepare_time", "inner_eval", "result_sort"};

}  // namespace

EngineMetrics::EngineMetrics(Registry* registry, int max_concurrent) {
  if (registry == nullptr) return;
  queries_ = &registry->AddGauge("prometheus_engine_queries",
                                 "The current number of queries being executed or waiting.");
  registry
      ->AddGauge("prometheus_engine_queries_concurrent_max",
                 "The max number of concurrent queries.")
      .Set(max_concurrent);
  log_enabled_ =
      &registry->AddGauge("prometheus_engine_query_log_enabled", "State of the query log.");
  log_failures_ = &registry->AddCounter("prometheus_engine_query_log_failures_total",
                                        "The number of query log failures.");
  samples_ = &registry->AddCounter("prometheus_engine_query_samples_total",
                                   "The total number of samples loaded by all queries.");
  memory_refused_ = &registry->AddCounter(
      "prometheus_engine_queries_memory_limited_total",
      "The number of queries that failed because they would have held more memory than they may.");
  auto& summaries =
      registry->AddSummaryVec("prometheus_engine_query_duration_seconds", "Query timings",
                              {"slice"}, {.objectives = {{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}}});
  auto& histograms = registry->AddHistogramVec(
      "prometheus_engine_query_duration_histogram_seconds",
      "The duration of various parts of PromQL query execution.", {"slice"},
      {.buckets = {0.01, 0.1, 1, 10}, .native_bucket_factor = 1.1});
  for (int i = 0; i < 4; ++i) {
    slices_[i] = &summaries.With({kSlices[i]});
    histograms_[i] = &histograms.With({kSlices[i]});
  }
}

void EngineMetrics::QueryLogEnabled(bool enabled) {
  if (log_enabled_ != nullptr) log_enabled_->Set(enabled ? 1 : 0);
}

void EngineMetrics::QueryLogFailed() {
  if (log_failures_ != nullptr) log_failures_->Inc();
}

void EngineMetrics::Samples(int64_t samples) {
  if (samples_ != nullptr) samples_->Add(static_cast<double>(samples));
}

void EngineMetrics::MemoryRefused() {
  if (memory_refused_ != nullptr) memory_refused_->Inc();
}

void EngineMetrics::Observe(int slice, double seconds) {
  if (slices_[slice] == nullptr) return;
  slices_[slice]->Observe(seconds);
  histograms_[slice]->Observe(seconds);
}

}  // namespace narthex::promql
