#include "kube_state_metrics/options/options.h"

#include <algorithm>

#include "kube_state_metrics/resources/resource.h"

namespace narthex::ksm {

StatusOr<std::vector<std::string>> Options::EnabledResources() const {
  std::vector<std::string> enabled;
  if (custom_only) return enabled;
  if (resources.empty()) {
    for (const Resource& resource : ksm::Resources()) {
      if (resource.by_default) enabled.emplace_back(resource.name);
    }
    return enabled;
  }
  for (const std::string& name : resources) {
    if (FindResource(name) == nullptr) {
      return InvalidArgument("resource \"{}\" does not exist", name);
    }
    enabled.push_back(name);
  }
  std::ranges::sort(enabled);
  enabled.erase(std::unique(enabled.begin(), enabled.end()), enabled.end());
  return enabled;
}

Status Options::Check() const {
  NX_ASSIGN_OR_RETURN(const auto enabled, EnabledResources());
  const std::vector<std::string_view> names(enabled.begin(), enabled.end());
  if (Status status = labels.Check(names); !status.ok()) {
    return Annotate(status, "failed to set up labels allowlist");
  }
  if (Status status = annotations.Check(names); !status.ok()) {
    return Annotate(status, "failed to set up annotations allowlist");
  }
  if (shard >= total_shards && pod.empty()) {
    return InvalidArgument("--shard={} is not below --total-shards={}", shard, total_shards);
  }
  if (pod.empty() != pod_namespace.empty()) {
    return InvalidArgument("--pod and --pod-namespace must both be set or both be empty");
  }
  if (track_unscheduled_pods && !node.empty()) {
    return InvalidArgument("--track-unscheduled-pods and --node exclude each other");
  }
  return OkStatus();
}

}  // namespace narthex::ksm
