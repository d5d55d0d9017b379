#pragma once
// The prometheus_target_* families.

#include "core/metrics/registry.h"

namespace narthex::scrape {

struct Metrics {
  explicit Metrics(Registry* registry);

  SummaryVec& interval_length;
  SummaryVec& sync_length;
  CounterVec& sync_failed;
  Counter& exceeded_sample_limit;
  Counter& exceeded_body_size_limit;
  Counter& exceeded_body_memory;
  Counter& sample_out_of_order;
  Counter& sample_out_of_bounds;
  Counter& sample_duplicate;
  Counter& sample_refused;
  Counter& native_histograms_ignored;
  Counter& exceeded_bucket_limit;
  Counter& exemplar_out_of_order;
  Counter& cache_flush_forced;
  Counter& exceeded_label_limits;
  Counter& exceeded_target_limit;
  Counter& pools_total;
  Counter& pools_failed;
  Counter& pool_reloads;
  Counter& pool_reloads_failed;
  CounterVec& pool_sync;
  GaugeVec& pool_targets;
  GaugeVec& pool_target_limit;
};

}  // namespace narthex::scrape
