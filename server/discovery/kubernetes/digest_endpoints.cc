// The roles endpoints and endpointslice, as far as the object itself tells. What its service and
// its pods add comes later (join.h), since they change on their own.

#include "core/log/log.h"
#include "server/discovery/kubernetes/digest.h"

namespace narthex::discovery::kubernetes {
namespace {

void SetFrom(const JsonValue& object, std::string_view member, std::string_view label,
             LabelsBuilder* out) {
  out->Set(fmt::format("{}{}", kPrefix, label), object[member].AsString());
}

std::string NumberOf(const JsonValue& port) {
  return port.is_number() ? fmt::format("{}", port.AsInt()) : std::string();
}

// The pod a targetRef means, whose namespace may be left out.
std::string PodOf(const JsonValue& reference, const std::string& ns) {
  if (reference["kind"].AsString() != "Pod") return "";
  const std::string& own = reference["namespace"].AsString();
  return fmt::format("{}/{}", own.empty() ? ns : own, reference["name"].AsString());
}

std::string NodeOf(const JsonValue& address, bool reference_first) {
  const JsonValue& reference = address["targetRef"];
  const std::string& node = address["nodeName"].AsString();
  const bool is_node = reference["kind"].AsString() == "Node";
  if (is_node && (reference_first || node.empty())) return reference["name"].AsString();
  return node;
}

std::shared_ptr<Addresses> NewAddresses(const JsonValue& object, std::string_view role) {
  auto out = std::make_shared<Addresses>();
  out->ns = object["metadata"]["namespace"].AsString();
  LabelsBuilder labels;
  labels.Set(kNamespaceLabel, out->ns);
  AddMetadata(object["metadata"], role, &labels);
  out->labels = labels.Build();
  return out;
}

void AddEndpoint(const JsonValue& address, const JsonValue& port, const char* ready,
                 Addresses* out) {
  const std::string number = NumberOf(port["port"]);
  const JsonValue& reference = address["targetRef"];
  LabelsBuilder target;
  target.Set(kAddressLabel, JoinHostPort(address["ip"].AsString(), port["port"].AsInt()));
  SetFrom(port, "name", "endpoint_port_name", &target);
  SetFrom(port, "protocol", "endpoint_port_protocol", &target);
  target.Set("__meta_kubernetes_endpoint_ready", ready);
  SetFrom(reference, "kind", "endpoint_address_target_kind", &target);
  SetFrom(reference, "name", "endpoint_address_target_name", &target);
  SetFrom(address, "nodeName", "endpoint_node_name", &target);
  SetFrom(address, "hostname", "endpoint_hostname", &target);
  out->all.push_back({target.Build(), PodOf(reference, out->ns), NodeOf(address, false), number,
                      port["protocol"].AsString()});
}

void WarnOfCapacity(const JsonValue& endpoints) {
  const std::string& name = endpoints["metadata"]["name"].AsString();
  const std::string& state =
      endpoints["metadata"]["annotations"]["endpoints.kubernetes.io/over-capacity"].AsString();
  if (state == "truncated") {
    NX_LOG(
        Warn,
        "Number of endpoints in one Endpoints object exceeds 1000 and has been truncated, please "
        "use \"role: endpointslice\" instead",
        {"endpoint", name});
  } else if (state == "warning") {
    NX_LOG(Warn,
           "Number of endpoints in one Endpoints object exceeds 1000, please use \"role: "
           "endpointslice\" instead",
           {"endpoint", name});
  }
}

void SetCondition(const JsonValue& conditions, std::string_view name, LabelsBuilder* out) {
  if (!conditions.Has(name) || conditions[name].is_null()) return;
  out->Set(fmt::format("{}endpointslice_endpoint_conditions_{}", kPrefix, name),
           conditions[name].AsBool() ? "true" : "false");
}

void AddSliceAddress(const std::string& address, const JsonValue& endpoint, const JsonValue& port,
                     Addresses* out) {
  const std::string number = NumberOf(port["port"]);
  const JsonValue& reference = endpoint["targetRef"];
  LabelsBuilder target;
  target.Set(kAddressLabel, number.empty() ? address : JoinHostPort(address, port["port"].AsInt()));
  SetFrom(port, "name", "endpointslice_port_name", &target);
  SetFrom(port, "protocol", "endpointslice_port_protocol", &target);
  SetFrom(port, "appProtocol", "endpointslice_port_app_protocol", &target);
  target.Set("__meta_kubernetes_endpointslice_port", number);
  for (const char* condition : {"ready", "serving", "terminating"}) {
    SetCondition(endpoint["conditions"], condition, &target);
  }
  SetFrom(endpoint, "hostname", "endpointslice_endpoint_hostname", &target);
  SetFrom(reference, "kind", "endpointslice_address_target_kind", &target);
  SetFrom(reference, "name", "endpointslice_address_target_name", &target);
  for (const auto& [name, value] : endpoint["deprecatedTopology"].members()) {
    const std::string key = SanitizeLabelName(name);
    target.Set("__meta_kubernetes_endpointslice_endpoint_topology_" + key, value.AsString());
    target.Set("__meta_kubernetes_endpointslice_endpoint_topology_present_" + key, "true");
  }
  SetFrom(endpoint, "nodeName", "endpointslice_endpoint_node_name", &target);
  SetFrom(endpoint, "zone", "endpointslice_endpoint_zone", &target);
  out->all.push_back({target.Build(), PodOf(reference, out->ns), NodeOf(endpoint, true), number,
                      port["protocol"].AsString()});
}

}  // namespace

Entry DigestEndpoints(const JsonValue& endpoints) {
  auto out = NewAddresses(endpoints, "endpoints");
  out->service = kube::KeyOf(endpoints);
  for (const JsonValue& subset : endpoints["subsets"].items()) {
    for (const JsonValue& port : subset["ports"].items()) {
      for (const JsonValue& address : subset["addresses"].items()) {
        AddEndpoint(address, port, "true", out.get());
      }
      for (const JsonValue& address : subset["notReadyAddresses"].items()) {
        AddEndpoint(address, port, "false", out.get());
      }
    }
  }
  WarnOfCapacity(endpoints);
  return {.group = nullptr, .addresses = std::move(out), .owner = ""};
}

Entry DigestEndpointSlice(const JsonValue& slice) {
  auto out = NewAddresses(slice, "endpointslice");
  LabelsBuilder labels(out->labels);
  labels.Set("__meta_kubernetes_endpointslice_address_type", slice["addressType"].AsString());
  out->labels = labels.Build();
  const std::string& service = slice["metadata"]["labels"]["kubernetes.io/service-name"].AsString();
  if (!service.empty()) out->service = fmt::format("{}/{}", out->ns, service);
  for (const JsonValue& endpoint : slice["endpoints"].items()) {
    for (const JsonValue& port : slice["ports"].items()) {
      for (const JsonValue& address : endpoint["addresses"].items()) {
        AddSliceAddress(address.AsString(), endpoint, port, out.get());
      }
    }
  }
  return {.group = nullptr, .addresses = std::move(out), .owner = ""};
}

}  // namespace narthex::discovery::kubernetes
