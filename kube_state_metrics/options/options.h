#pragma once
// What kube-state-metrics is asked to do, by its command line and its configuration file.
//
// Thread safety: plain values.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "kube_state_metrics/families/allow_list.h"

namespace narthex::ksm {

struct Options {
  // Where the API is.
  std::string apiserver, kubeconfig;
  // Listeners.
  std::string host = "::", telemetry_host = "::";
  int64_t port = 8080, telemetry_port = 8081;
  std::string tls_config;
  bool auth_filter = false;
  bool gzip = false;
  std::chrono::milliseconds read_timeout{60'000}, write_timeout{60'000}, idle_timeout{300'000},
      read_header_timeout{5'000};
  // What is watched.
  std::vector<std::string> resources;  // empty: the default ones
  std::vector<std::string> namespaces, namespaces_denylist;
  std::string node;
  bool track_unscheduled_pods = false;
  int64_t shard = 0, total_shards = 1;
  std::string pod, pod_namespace;
  bool use_apiserver_cache = false;
  int64_t object_limit = 0;
  // What is shown of it.
  std::vector<std::string> metric_allowlist, metric_denylist, metric_opt_in;
  AllowList labels, annotations;
  // Custom resources.
  std::string custom_config, custom_config_file;
  bool custom_only = false, continue_without_custom_config = false;
  // The configuration file itself.
  std::string config;
  bool continue_without_config = false;
  // klog.
  int64_t verbosity = 0;

  // The resources that are on, sorted; InvalidArgument names one there is not.
  StatusOr<std::vector<std::string>> EnabledResources() const;
  // What the parts say about each other.
  Status Check() const;
};

}  // namespace narthex::ksm
