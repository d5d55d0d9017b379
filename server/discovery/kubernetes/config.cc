#include "server/discovery/kubernetes/config.h"

#include <algorithm>
#include <set>

#include "core/base/file.h"
#include "core/config/http_client.h"
#include "core/config/url.h"
#include "core/strings/quote.h"

namespace narthex::discovery::kubernetes {
namespace {

// The roles, and for objects of which roles one may give selectors.
struct RoleRow {
  std::string_view role, selectors;
};
constexpr RoleRow kRoles[] = {
    {"pod", "pod, node"},
    {"service", "service"},
    {"endpointslice", "pod, service, endpointslice"},
    {"endpoints", "pod, service, endpoints"},
    {"node", "node"},
    {"ingress", "ingress"},
};

const RoleRow* FindRole(std::string_view role) {
  const auto found = std::find_if(std::begin(kRoles), std::end(kRoles),
                                  [&](const RoleRow& row) { return row.role == role; });
  return found == std::end(kRoles) ? nullptr : found;
}

// `list` is "pod, node".
bool Lists(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    const size_t comma = list.find(", ");
    if (list.substr(0, comma) == item) return true;
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 2);
  }
  return false;
}

void RoleField(config::Fields& f, std::string& role, config::Print print) {
  f.Field("role", role, print);
  if (f.decoding() && !role.empty() && FindRole(role) == nullptr) {
    f.Fail(InvalidArgument("unknown Kubernetes SD role {}", GoQuote(role)));
  }
}

Status CheckAccess(const Config& config) {
  const bool custom_http = config.http != http::ClientConfig();
  if (!config.api_server.empty() && !config.kubeconfig_file.empty()) {
    return InvalidArgument("cannot use 'kubeconfig_file' and 'api_server' simultaneously");
  }
  if (!config.kubeconfig_file.empty() && custom_http) {
    return InvalidArgument(
        "cannot use a custom HTTP client configuration together with 'kubeconfig_file'");
  }
  if (config.api_server.empty() && custom_http) {
    return InvalidArgument(
        "to use custom HTTP client configuration please provide the 'api_server' URL explicitly");
  }
  if (!config.api_server.empty() && config.namespaces.own_namespace) {
    return InvalidArgument("cannot use 'api_server' and 'namespaces.own_namespace' simultaneously");
  }
  if (!config.kubeconfig_file.empty() && config.namespaces.own_namespace) {
    return InvalidArgument(
        "cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously");
  }
  return OkStatus();
}

Status CheckSelectors(const Config& config) {
  const std::string_view allowed = FindRole(config.role)->selectors;
  std::set<std::string_view> seen;
  for (const Selector& selector : config.selectors) {
    if (!seen.insert(selector.role).second) {
      return InvalidArgument("duplicated selector role: {}", selector.role);
    }
    if (!Lists(allowed, selector.role)) {
      return InvalidArgument("{} role supports only {} selectors", config.role, allowed);
    }
    NX_RETURN_IF_ERROR(CheckFieldSelector(selector.field));
    NX_RETURN_IF_ERROR(CheckLabelSelector(selector.label));
  }
  return OkStatus();
}

// What we know to be of use with a role only.
Status CheckAttach(const Config& config) {
  const AttachMetadata& attach = config.attach_metadata;
  if ((attach.deployment || attach.job || attach.cronjob) && config.role != "pod") {
    return Unimplemented(
        "attach_metadata: deployment, job and cronjob are implemented for the role pod alone");
  }
  return OkStatus();
}

}  // namespace

const Selector* Config::SelectorFor(std::string_view wanted) const {
  const auto found = std::find_if(selectors.begin(), selectors.end(),
                                  [&](const Selector& s) { return s.role == wanted; });
  return found == selectors.end() ? nullptr : &*found;
}

bool IsZero(const Namespaces& namespaces) { return namespaces == Namespaces(); }
bool IsZero(const AttachMetadata& attach) { return attach == AttachMetadata(); }

void Describe(config::Fields& f, Namespaces& namespaces) {
  f.Type("kubernetes.plain", "kubernetes.NamespaceDiscovery");
  f.Field("own_namespace", namespaces.own_namespace, config::Print::kAlways);
  f.Field("names", namespaces.names, config::Print::kAlways);
}

void Describe(config::Fields& f, Selector& selector) {
  f.Type("kubernetes.SelectorConfig");
  RoleField(f, selector.role, config::Print::kNonZero);
  f.Field("label", selector.label);
  f.Field("field", selector.field);
}

void Describe(config::Fields& f, AttachMetadata& attach) {
  f.Type("kubernetes.AttachMetadataConfig");
  f.Field("node", attach.node, config::Print::kAlways);
  f.Field("namespace", attach.ns, config::Print::kAlways);
  f.Field("deployment", attach.deployment);
  f.Field("job", attach.job);
  f.Field("cronjob", attach.cronjob);
}

void Describe(config::Fields& f, Config& config) {
  f.Type("kubernetes.plain", "kubernetes.SDConfig");
  f.Url("api_server", config.api_server);
  RoleField(f, config.role, config::Print::kAlways);
  f.Field("kubeconfig_file", config.kubeconfig_file, config::Print::kAlways);
  f.Inline(config.http);
  f.Field("namespaces", config.namespaces);
  f.Field("selectors", config.selectors);
  f.Field("attach_metadata", config.attach_metadata);
}

Status AfterDecode(Config& config) {
  if (config.role.empty()) {
    return InvalidArgument(
        "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)");
  }
  NX_RETURN_IF_ERROR(CheckAccess(config));
  NX_RETURN_IF_ERROR(CheckSelectors(config));
  return CheckAttach(config);
}

void ResolvePaths(Config& config, std::string_view directory) {
  config::ResolvePaths(config.http, directory);
  config.kubeconfig_file = JoinPath(directory, config.kubeconfig_file);
}

}  // namespace narthex::discovery::kubernetes
