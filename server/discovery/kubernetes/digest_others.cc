// The roles node, service and ingress.

#include <algorithm>
#include <map>

#include "core/log/log.h"
#include "server/discovery/kubernetes/digest.h"

namespace narthex::discovery::kubernetes {
namespace {

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

// The address that is scraped: the first of the best type there is.
std::string NodeAddress(const std::map<std::string, std::string>& addresses) {
  for (const char* type : {"InternalIP", "ExternalIP", "LegacyHostIP", "Hostname"}) {
    const auto found = addresses.find(type);
    if (found != addresses.end()) return found->second;
  }
  return "";
}

std::vector<std::string_view> Parts(std::string_view text) {
  std::vector<std::string_view> out;
  for (;;) {
    const size_t dot = text.find('.');
    out.push_back(text.substr(0, dot));
    if (dot == std::string_view::npos) return out;
    text.remove_prefix(dot + 1);
  }
}

// "*.example.com" is any one name in that domain.
bool MatchesHost(std::string_view pattern, std::string_view host) {
  if (pattern == host) return true;
  const auto wanted = Parts(pattern), have = Parts(host);
  return wanted[0] == "*" && wanted.size() == have.size() && !have[0].empty() &&
         std::equal(wanted.begin() + 1, wanted.end(), have.begin() + 1);
}

bool HasTls(const JsonValue& spec, const std::string& host) {
  for (const JsonValue& tls : spec["tls"].items()) {
    for (const JsonValue& pattern : tls["hosts"].items()) {
      if (MatchesHost(pattern.AsString(), host)) return true;
    }
  }
  return false;
}

std::vector<std::string> PathsOf(const JsonValue& rule) {
  std::vector<std::string> paths;
  for (const JsonValue& path : rule["http"]["paths"].items()) {
    const std::string& text = path["path"].AsString();
    paths.push_back(text.empty() ? "/" : text);
  }
  if (paths.empty()) paths.emplace_back("/");
  return paths;
}

}  // namespace

Entry DigestNode(const JsonValue& node) {
  const JsonValue& status = node["status"];
  const std::string& name = node["metadata"]["name"].AsString();
  std::map<std::string, std::string> addresses;  // the first of each type
  for (const JsonValue& address : status["addresses"].items()) {
    addresses.emplace(address["type"].AsString(), address["address"].AsString());
  }
  auto group = std::make_shared<TargetGroup>();
  group->source = SourceOf(Kind::kNode, name);
  LabelsBuilder labels;
  labels.Set("__meta_kubernetes_node_provider_id", node["spec"]["providerID"].AsString());
  for (const JsonValue& condition : status["conditions"].items()) {
    labels.Set(
        "__meta_kubernetes_node_condition_" + SanitizeLabelName(condition["type"].AsString()),
        Lower(condition["status"].AsString()));
  }
  AddMetadata(node["metadata"], "node", &labels);
  group->labels = labels.Build();
  const std::string host = NodeAddress(addresses);
  if (host.empty()) {
    NX_LOG(Warn, "No node address found", {"node", name});
  } else {
    LabelsBuilder target;
    target.Set(kAddressLabel,
               JoinHostPort(host, status["daemonEndpoints"]["kubeletEndpoint"]["Port"].AsInt()));
    target.Set(kInstanceLabel, name);
    for (const auto& [type, address] : addresses) {
      target.Set("__meta_kubernetes_node_address_" + SanitizeLabelName(type), address);
    }
    group->targets.push_back(target.Build());
  }
  return {.group = std::move(group), .addresses = nullptr, .owner = ""};
}

Entry DigestService(const JsonValue& service) {
  const JsonValue& spec = service["spec"];
  const std::string& name = service["metadata"]["name"].AsString();
  const std::string& ns = service["metadata"]["namespace"].AsString();
  const std::string& type = spec["type"].AsString();
  auto group = std::make_shared<TargetGroup>();
  group->source = SourceOf(Kind::kService, kube::KeyOf(service));
  LabelsBuilder labels;
  labels.Set(kNamespaceLabel, ns);
  AddMetadata(service["metadata"], "service", &labels);
  group->labels = labels.Build();
  for (const JsonValue& port : spec["ports"].items()) {
    const int64_t number = port["port"].AsInt();
    LabelsBuilder target;
    target.Set(kAddressLabel, JoinHostPort(fmt::format("{}.{}.svc", name, ns), number));
    target.Set("__meta_kubernetes_service_port_name", port["name"].AsString());
    target.Set("__meta_kubernetes_service_port_number", fmt::format("{}", number));
    target.Set("__meta_kubernetes_service_port_protocol", port["protocol"].AsString());
    target.Set("__meta_kubernetes_service_type", type);
    if (type == "ExternalName") {
      target.Set("__meta_kubernetes_service_external_name", spec["externalName"].AsString());
    } else {
      target.Set("__meta_kubernetes_service_cluster_ip", spec["clusterIP"].AsString());
    }
    if (type == "LoadBalancer") {
      target.Set("__meta_kubernetes_service_loadbalancer_ip", spec["loadBalancerIP"].AsString());
    }
    group->targets.push_back(target.Build());
  }
  return {.group = std::move(group), .addresses = nullptr, .owner = ""};
}

Entry DigestIngress(const JsonValue& ingress) {
  const JsonValue& spec = ingress["spec"];
  auto group = std::make_shared<TargetGroup>();
  group->source = SourceOf(Kind::kIngress, kube::KeyOf(ingress));
  LabelsBuilder labels;
  labels.Set(kNamespaceLabel, ingress["metadata"]["namespace"].AsString());
  AddMetadata(ingress["metadata"], "ingress", &labels);
  labels.Set("__meta_kubernetes_ingress_class_name", spec["ingressClassName"].AsString());
  group->labels = labels.Build();
  for (const JsonValue& rule : spec["rules"].items()) {
    const std::string& host = rule["host"].AsString();
    LabelsBuilder target;
    target.Set(kAddressLabel, host);
    target.Set("__meta_kubernetes_ingress_host", host);
    target.Set("__meta_kubernetes_ingress_scheme", HasTls(spec, host) ? "https" : "http");
    for (const std::string& path : PathsOf(rule)) {
      target.Set("__meta_kubernetes_ingress_path", path);
      group->targets.push_back(target.Build());
    }
  }
  return {.group = std::move(group), .addresses = nullptr, .owner = ""};
}

}  // namespace narthex::discovery::kubernetes
