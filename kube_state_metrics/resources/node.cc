#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/object.h"

namespace narthex::ksm {
namespace {

constexpr std::string_view kRolePrefix = "node-role.kubernetes.io/";

void AddInfo(const Json& node, SeriesSink& out) {
  const Json& info = node["status"]["nodeInfo"];
  std::string_view internal_ip;
  for (const Json& address : node["status"]["addresses"].items()) {
    if (Text(address["type"]) == "InternalIP") internal_ip = Text(address["address"]);
  }
  out.Add({{"kernel_version", Text(info["kernelVersion"])},
           {"os_image", Text(info["osImage"])},
           {"container_runtime_version", Text(info["containerRuntimeVersion"])},
           {"kubelet_version", Text(info["kubeletVersion"])},
           {"kubeproxy_version", "deprecated"},
           {"provider_id", Text(node["spec"]["providerID"])},
           {"pod_cidr", Text(node["spec"]["podCIDR"])},
           {"system_uuid", Text(info["systemUUID"])},
           {"internal_ip", internal_ip}},
          1);
}

void AddAddresses(const Json& node, SeriesSink& out) {
  for (const Json& address : node["status"]["addresses"].items()) {
    out.Add({{"type", Text(address["type"])}, {"address", Text(address["address"])}}, 1);
  }
}

void AddRoles(const Json& node, SeriesSink& out) {
  for (const auto& [key, value] : Meta(node, "labels").members()) {
    const std::string_view name = key;
    if (name.starts_with(kRolePrefix)) {
      out.Add({{"role", name.substr(kRolePrefix.size())}}, 1);
    }
  }
}

void AddTaints(const Json& node, SeriesSink& out) {
  for (const Json& taint : node["spec"]["taints"].items()) {
    out.Add({{"key", Text(taint["key"])},
             {"value", Text(taint["value"])},
             {"effect", Text(taint["effect"])}},
            1);
  }
}

Generator ResourcesOf(std::string_view member) {
  return [member](const Json& node, SeriesSink& out) {
    for (const auto& [resource, amount] : node["status"][member].members()) {
      const auto unit = resource == "pods" ? std::optional(Unit::kInteger) : UnitOf(resource);
      const auto quantity = QuantityOf(amount);
      if (!unit || !quantity) continue;
      out.Add({{"resource", ResourceLabel(resource)}, {"unit", UnitName(*unit)}},
              quantity->Fraction());
    }
  };
}

}  // namespace

void DeclareNodes(FamilyList& f) {
  f.DeletionTimestamp();
  f.Created(Stability::kStable);
  f.Alpha("status_addresses", "Node address information.", AddAddresses);
  f.Stable("info", "Information about a cluster node.", AddInfo);
  f.Annotations();
  f.Labels(Stability::kStable);
  f.Alpha("role", "The role of a cluster node.", AddRoles);
  f.Alpha("spec_pod_cidrs", "Pod CIDRs of a cluster node.", [](const Json& node, SeriesSink& out) {
    for (const Json& cidr : node["spec"]["podCIDRs"].items()) {
      out.Add({{"pod_cidr", Text(cidr)}}, 1);
    }
  });
  f.Stable("spec_taint", "The taint of a cluster node.", AddTaints);
  f.Stable("spec_unschedulable", "Whether a node can schedule new pods.",
           [](const Json& node, SeriesSink& out) {
             AddBool(out, node["spec"]["unschedulable"].AsBool());
           });
  f.Stable("status_allocatable",
           "The allocatable for different resources of a node that are available for scheduling.",
           ResourcesOf("allocatable"));
  f.Stable("status_capacity", "The capacity for different resources of a node.",
           ResourcesOf("capacity"));
  f.Stable("status_condition", "The condition of a cluster node.",
           [](const Json& node, SeriesSink& out) { AddConditions(out, node); });
}

}  // namespace narthex::ksm
