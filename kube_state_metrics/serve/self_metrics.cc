#include "kube_state_metrics/serve/self_metrics.h"

#include "core/base/crc32c.h"

namespace narthex::ksm {

SelfMetrics::SelfMetrics()
    : lists_(registry_.AddCounterVec("kube_state_metrics_list_total",
                                     "Number of total resource list in kube-state-metrics",
                                     {"result", "resource"})),
      watches_(registry_.AddCounterVec("kube_state_metrics_watch_total",
                                       "Number of total resource watch calls in kube-state-metrics",
                                       {"result", "resource"})),
      list_objects_(registry_.AddGaugeVec("kube_state_metrics_list_objects",
                                          "Number of objects the last list of a resource returned",
                                          {"resource"})),
      list_limit_(registry_.AddGaugeVec("kube_state_metrics_list_objects_limit",
                                        "Number of objects a list of a resource is limited to",
                                        {"resource"})),
      shard_(registry_.AddGaugeVec("kube_state_metrics_shard_ordinal",
                                   "Current sharding ordinal/index of this instance",
                                   {"shard_ordinal"})),
      total_shards_(registry_.AddGauge("kube_state_metrics_total_shards",
                                       "Number of total shards this instance is aware of")),
      config_hash_(registry_.AddGaugeVec("kube_state_metrics_config_hash",
                                         "Hash of the currently loaded configuration.",
                                         {"type", "filename"})),
      reload_ok_(registry_.AddGaugeVec(
          "kube_state_metrics_last_config_reload_successful",
          "Whether the last configuration reload attempt was successful.", {"type", "filename"})),
      reload_time_(registry_.AddGaugeVec(
          "kube_state_metrics_last_config_reload_success_timestamp_seconds",
          "Timestamp of the last successful configuration reload.", {"type", "filename"})),
      custom_added_(
          registry_.AddCounter("kube_state_metrics_custom_resource_state_add_events_total",
                               "Number of times that the CRD informer triggered the add "
                               "event.")),
      custom_updated_(registry_.AddCounter(
          "kube_state_metrics_custom_resource_state_update_events_total",
          "Number of times that the CRD informer triggered the update event.")),
      custom_deleted_(registry_.AddCounter(
          "kube_state_metrics_custom_resource_state_delete_events_total",
          "Number of times that the CRD informer triggered the remove event.")),
      custom_cache_(registry_.AddGauge("kube_state_metrics_custom_resource_state_cache",
                                       "Net amount of CRDs affecting the cache currently.")),
      request_durations_(registry_.AddHistogramVec(
          "http_request_duration_seconds",
          "A histogram of requests for kube-state-metrics metrics handler.", {"handler", "method"},
          {.buckets = DefaultBuckets()})) {
  AddBuildInfo(registry_, "kube_state_metrics");
  registry_.AddCollector(MakeProcessCollector());
}

void SelfMetrics::ListEnded(std::string_view go_type, bool ok, size_t objects) {
  lists_.With({ok ? "success" : "error", go_type}).Inc();
  if (!ok) return;
  list_objects_.With({go_type}).Set(static_cast<double>(objects));
  WatchBegan(go_type);
}

void SelfMetrics::WatchBegan(std::string_view go_type) {
  watches_.With({"success", go_type}).Inc();
}

void SelfMetrics::WatchFailed(std::string_view go_type) { watches_.With({"error", go_type}).Inc(); }

void SelfMetrics::SetObjectLimit(std::string_view go_type, int64_t limit) {
  list_limit_.With({go_type}).Set(static_cast<double>(limit));
}

void SelfMetrics::SetSharding(const Sharding& sharding) {
  shard_.RemoveIf([](const auto&) { return true; });
  shard_.With({std::to_string(sharding.shard)}).Set(static_cast<double>(sharding.shard));
  total_shards_.Set(static_cast<double>(sharding.total));
}

void SelfMetrics::ConfigLoaded(std::string_view type, const std::string& file,
                               std::string_view content, double now) {
  config_hash_.With({type, file}).Set(static_cast<double>(Crc32c(content)));
  reload_ok_.With({type, file}).Set(1);
  reload_time_.With({type, file}).Set(now);
}

void SelfMetrics::ConfigFailed(std::string_view type, const std::string& file) {
  reload_ok_.With({type, file}).Set(0);
}

void SelfMetrics::CustomResourceEvent(std::string_view event) {
  if (event == "add") custom_added_.Inc();
  if (event == "update") custom_updated_.Inc();
  if (event == "delete") custom_deleted_.Inc();
}

void SelfMetrics::SetCustomResources(size_t count) {
  custom_cache_.Set(static_cast<double>(count));
}

}  // namespace narthex::ksm
