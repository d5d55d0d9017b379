#pragma once
// kubernetes_sd_configs as configuration.

#include <string>
#include <string_view>
#include <vector>

#include "core/config/decode.h"
#include "core/http/client.h"
#include "server/discovery/provider.h"

namespace narthex::discovery::kubernetes {

struct Namespaces {
  bool own_namespace = false;  // the pod's own, beside the names
  std::vector<std::string> names;
  friend bool operator==(const Namespaces&, const Namespaces&) = default;
};

struct Selector {
  std::string role, label, field;
  friend bool operator==(const Selector&, const Selector&) = default;
};

// Whose metadata is added to that of the targets' own objects.
struct AttachMetadata {
  bool node = false;
  bool ns = false;  // "namespace"
  bool deployment = false, job = false, cronjob = false;
  friend bool operator==(const AttachMetadata&, const AttachMetadata&) = default;
};

struct Config {
  static constexpr std::string_view kMechanism = "kubernetes";
  std::string api_server;  // neither this nor a kubeconfig: the pod's service account
  std::string role;        // node, service, pod, endpoints, endpointslice, ingress
  std::string kubeconfig_file;
  http::ClientConfig http;
  Namespaces namespaces;
  std::vector<Selector> selectors;
  AttachMetadata attach_metadata;
  friend bool operator==(const Config&, const Config&) = default;
  static void RegisterMetrics(Registry& registry);

  // The selector for objects of a role; null when there is none.
  const Selector* SelectorFor(std::string_view role) const;
};

void Describe(config::Fields& f, Config& config);
void Describe(config::Fields& f, Namespaces& namespaces);
void Describe(config::Fields& f, Selector& selector);
void Describe(config::Fields& f, AttachMetadata& attach);
bool IsZero(const Namespaces& namespaces);
bool IsZero(const AttachMetadata& attach);
Status AfterDecode(Config& config);
void ResolvePaths(Config& config, std::string_view directory);
StatusOr<std::unique_ptr<Provider>> MakeProvider(const Config& config,
                                                 const ProviderContext& context);

// Is it a label selector, a field selector, as the API server reads them?
Status CheckLabelSelector(std::string_view selector);
Status CheckFieldSelector(std::string_view selector);

}  // namespace narthex::discovery::kubernetes
