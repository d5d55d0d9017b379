#include "server/discovery/metrics.h"

namespace narthex::discovery {
namespace {

SummaryOptions Quantiles() { return {.objectives = {{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}}}; }

HistogramOptions DurationBuckets() {
  return {.buckets = {.01, .1, 1, 10}, .native_bucket_factor = 1.1, .native_max_buckets = 100};
}

}  // namespace

ManagerMetrics::ManagerMetrics(Registry& registry, const std::string& manager)
    : received(registry
                   .AddCounterVec("prometheus_sd_received_updates_total",
                                  "Total number of update events received from the SD providers.",
                                  {"name"})
                   .With({manager})),
      sent(registry
               .AddCounterVec("prometheus_sd_updates_total",
                              "Total number of update events sent to the SD consumers.", {"name"})
               .With({manager})),
      delayed(registry
                  .AddCounterVec("prometheus_sd_updates_delayed_total",
                                 "Total number of update events that couldn't be sent immediately.",
                                 {"name"})
                  .With({manager})),
      failed_configs(
          registry
              .AddGaugeVec(
                  "prometheus_sd_failed_configs",
                  "Current number of service discovery configurations that failed to load.",
                  {"name"})
              .With({manager})),
      last_update(registry
                      .AddGaugeVec("prometheus_sd_last_update_timestamp_seconds",
                                   "Timestamp of the last update sent to the SD consumers.",
                                   {"name"})
                      .With({manager})),
      manager_(manager),
      discovered_(registry.AddGaugeVec("prometheus_sd_discovered_targets",
                                       "Current number of discovered targets.",
                                       {"name", "config"})) {}

void ManagerMetrics::SetDiscoveredTargets(const std::string& config, size_t n) {
  discovered_.With({manager_, config}).Set(static_cast<double>(n));
}

void ManagerMetrics::RemoveConfig(const std::string& config) {
  discovered_.Remove({manager_, config});
}

RefreshMetrics::RefreshMetrics(Registry& registry, std::string mechanism, std::string config)
    : mechanism_(std::move(mechanism)),
      config_(std::move(config)),
      failures_(registry.AddCounterVec("prometheus_sd_refresh_failures_total",
                                       "Number of refresh failures for the given SD mechanism.",
                                       {"mechanism", "config"})),
      durations_(
          registry.AddSummaryVec("prometheus_sd_refresh_duration_seconds",
                                 "The duration of a refresh in seconds for the given SD mechanism.",
                                 {"mechanism", "config"}, Quantiles())),
      duration_histogram_(
          registry.AddHistogramVec("prometheus_sd_refresh_duration_histogram_seconds",
                                   "The duration of a refresh for the given SD mechanism.",
                                   {"mechanism"}, DurationBuckets())) {
  failures_.With({mechanism_, config_});
}

RefreshMetrics::~RefreshMetrics() {
  failures_.Remove({mechanism_, config_});
  durations_.Remove({mechanism_, config_});
}

void RefreshMetrics::ObserveDuration(double seconds) {
  durations_.With({mechanism_, config_}).Observe(seconds);
  duration_histogram_.With({mechanism_}).Observe(seconds);
}

}  // namespace narthex::discovery
