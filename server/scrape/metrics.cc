#include "server/scrape/metrics.h"

namespace narthex::scrape {
namespace {

SummaryOptions Quantiles() {
  return {.objectives = {{0.01, 0.001}, {0.05, 0.005}, {0.5, 0.05}, {0.90, 0.01}, {0.99, 0.001}}};
}

}  // namespace

Metrics::Metrics(Registry* r)
    : interval_length(r->AddSummaryVec("prometheus_target_interval_length_seconds",
                                       "Actual intervals between scrapes.", {"interval"},
                                       Quantiles())),
      sync_length(r->AddSummaryVec("prometheus_target_sync_length_seconds",
                                   "Actual interval to sync the scrape pool.", {"scrape_job"},
                                   Quantiles())),
      sync_failed(r->AddCounterVec("prometheus_target_sync_failed_total",
                                   "Total number of target sync failures.", {"scrape_job"})),
      exceeded_sample_limit(
          r->AddCounter("prometheus_target_scrapes_exceeded_sample_limit_total",
                        "Total number of scrapes that hit the sample limit and were rejected.")),
      exceeded_body_size_limit(
          r->AddCounter("prometheus_target_scrapes_exceeded_body_size_limit_total",
                        "Total number of scrapes that hit the body size limit")),
      exceeded_body_memory(
          r->AddCounter("prometheus_target_scrapes_exceeded_body_memory_total",
                        "Total number of scrapes that failed because the bodies of all scrapes in "
                        "flight held the memory they may hold together.")),
      sample_out_of_order(
          r->AddCounter("prometheus_target_scrapes_sample_out_of_order_total",
                        "Total number of samples rejected due to not being out of the expected "
                        "order.")),
      sample_out_of_bounds(
          r->AddCounter("prometheus_target_scrapes_sample_out_of_bounds_total",
                        "Total number of samples rejected due to timestamp falling outside of the "
                        "time bounds.")),
      sample_duplicate(
          r->AddCounter("prometheus_target_scrapes_sample_duplicate_timestamp_total",
                        "Total number of samples rejected due to duplicate timestamps but "
                        "different values.")),
      sample_refused(r->AddCounter("prometheus_target_scrapes_sample_refused_total",
                                   "Total number of samples the storage took no more series for.")),
      native_histograms_ignored(
          r->AddCounter("prometheus_target_scrapes_native_histograms_ignored_total",
                        "Total number of native histograms scraped and not stored.")),
      exceeded_bucket_limit(
          r->AddCounter("prometheus_target_scrapes_exceeded_native_histogram_bucket_limit_total",
                        "Total number of scrapes that hit the native histogram bucket limit and "
                        "were rejected.")),
      exemplar_out_of_order(
          r->AddCounter("prometheus_target_scrapes_exemplar_out_of_order_total",
                        "Total number of exemplar rejected due to not being out of the expected "
                        "order.")),
      cache_flush_forced(
          r->AddCounter("prometheus_target_scrapes_cache_flush_forced_total",
                        "How many times a scrape cache was flushed due to getting big while "
                        "scrapes are failing.")),
      exceeded_label_limits(
          r->AddCounter("prometheus_target_scrape_pool_exceeded_label_limits_total",
                        "Total number of times scrape pools hit the label limits, during sync or "
                        "config reload.")),
      exceeded_target_limit(
          r->AddCounter("prometheus_target_scrape_pool_exceeded_target_limit_total",
                        "Total number of times scrape pools hit the target limit, during sync or "
                        "config reload.")),
      pools_total(r->AddCounter("prometheus_target_scrape_pools_total",
                                "Total number of scrape pool creation attempts.")),
      pools_failed(r->AddCounter("prometheus_target_scrape_pools_failed_total",
                                 "Total number of scrape pool creations that failed.")),
      pool_reloads(r->AddCounter("prometheus_target_scrape_pool_reloads_total",
                                 "Total number of scrape pool reloads.")),
      pool_reloads_failed(r->AddCounter("prometheus_target_scrape_pool_reloads_failed_total",
                                        "Total number of failed scrape pool reloads.")),
      pool_sync(r->AddCounterVec("prometheus_target_scrape_pool_sync_total",
                                 "Total number of syncs that were executed on a scrape pool.",
                                 {"scrape_job"})),
      pool_targets(r->AddGaugeVec("prometheus_target_scrape_pool_targets",
                                  "Current number of targets in this scrape pool.",
                                  {"scrape_job"})),
      pool_target_limit(r->AddGaugeVec("prometheus_target_scrape_pool_target_limit",
                                       "Maximum number of targets allowed in this scrape pool.",
                                       {"scrape_job"})) {}

}  // namespace narthex::scrape
