#pragma once
// What kube-state-metrics tells of itself on the telemetry port. Lives as long as the process, over
// changes of the configuration.
//
// Thread safety: all methods.

#include <string>
#include <string_view>

#include "core/metrics/registry.h"
#include "kube_state_metrics/serve/sharding.h"

namespace narthex::ksm {

class SelfMetrics {
 public:
  SelfMetrics();

  Registry& registry() { return registry_; }

  void ListEnded(std::string_view go_type, bool ok, size_t objects);
  void WatchBegan(std::string_view go_type);
  void WatchFailed(std::string_view go_type);
  void SetObjectLimit(std::string_view go_type, int64_t limit);
  void SetSharding(const Sharding& sharding);
  // The file was read; `hash` of its bytes. type: "config", "customresourceconfig".
  void ConfigLoaded(std::string_view type, const std::string& file, std::string_view content,
                    double now);
  void ConfigFailed(std::string_view type, const std::string& file);
  void CustomResourceEvent(std::string_view event);  // "add", "update", "delete"
  void SetCustomResources(size_t count);
  HistogramVec& request_durations() { return request_durations_; }

 private:
  Registry registry_;
  CounterVec& lists_;
  CounterVec& watches_;
  GaugeVec& list_objects_;
  GaugeVec& list_limit_;
  GaugeVec& shard_;
  Gauge& total_shards_;
  GaugeVec& config_hash_;
  GaugeVec& reload_ok_;
  GaugeVec& reload_time_;
  Counter& custom_added_;
  Counter& custom_updated_;
  Counter& custom_deleted_;
  Gauge& custom_cache_;
  HistogramVec& request_durations_;
};

}  // namespace narthex::ksm
