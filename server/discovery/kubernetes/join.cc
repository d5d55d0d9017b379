#include "server/discovery/kubernetes/join.h"

#include <absl/container/btree_map.h>

#include <algorithm>

namespace narthex::discovery::kubernetes {
namespace {

constexpr std::string_view kContainerName = "__meta_kubernetes_pod_container_name";
constexpr std::string_view kContainerId = "__meta_kubernetes_pod_container_id";
constexpr std::string_view kPortNumber = "__meta_kubernetes_pod_container_port_number";
constexpr std::string_view kPortProtocol = "__meta_kubernetes_pod_container_port_protocol";

void Merge(const Labels& from, LabelsBuilder* out) {
  for (const Label& label : from) out->Set(label.name, label.value);
}

// Of a node's labels those that speak of its name, labels and annotations.
void AddNode(const std::string& name, const Lookup& lookup, LabelsBuilder* out) {
  if (name.empty()) return;
  const Entry* node = lookup(Kind::kNode, name);
  if (node == nullptr || node->group == nullptr) return;
  constexpr std::string_view kNode = "__meta_kubernetes_node_";
  for (const Label& label : node->group->labels) {
    const std::string_view rest = label.name.substr(std::min(kNode.size(), label.name.size()));
    if (rest == "name" || rest.starts_with("label") || rest.starts_with("annotation")) {
      out->Set(label.name, label.value);
    }
  }
}

void AddNamespace(const std::string& name, const Lookup& lookup, LabelsBuilder* out) {
  const Entry* found = lookup(Kind::kNamespace, name);
  if (found != nullptr && found->group != nullptr) Merge(found->group->labels, out);
}

std::string Sibling(const std::string& key, std::string_view name) {
  return fmt::format("{}/{}", key.substr(0, key.find('/')), name);
}

void AddOwners(const std::string& key, const Labels& pod, const AttachMetadata& attach,
               const Lookup& lookup, LabelsBuilder* out) {
  const std::string_view kind = pod.Get("__meta_kubernetes_pod_controller_kind");
  const std::string_view name = pod.Get("__meta_kubernetes_pod_controller_name");
  if (attach.deployment && kind == "ReplicaSet") {
    const Entry* set = lookup(Kind::kReplicaSet, Sibling(key, name));
    if (set != nullptr) out->Set("__meta_kubernetes_pod_deployment_name", set->owner);
  }
  if (kind != "Job") return;
  if (attach.job) out->Set("__meta_kubernetes_pod_job_name", name);
  if (!attach.cronjob) return;
  const Entry* job = lookup(Kind::kJob, Sibling(key, name));
  if (job != nullptr) out->Set("__meta_kubernetes_pod_cronjob_name", job->owner);
}

// Objects whose own group is all, but for what is attached to it.
GroupPtr JoinOwn(Kind role, const std::string& key, const Entry& entry,
                 const AttachMetadata& attach, const Lookup& lookup) {
  if (entry.group == nullptr || entry.group->targets.empty()) return EmptyGroup(role, key);
  const Labels& own = entry.group->labels;
  const bool is_pod = role == Kind::kPod;
  if (is_pod && !own.Has("__meta_kubernetes_pod_ip")) return EmptyGroup(role, key);
  const bool with_namespace = attach.ns && role != Kind::kNode;
  const bool with_owners = is_pod && (attach.deployment || attach.job || attach.cronjob);
  if (!with_namespace && !with_owners && !(is_pod && attach.node)) return entry.group;
  LabelsBuilder labels(own);
  if (is_pod && attach.node) {
    AddNode(std::string(own.Get("__meta_kubernetes_pod_node_name")), lookup, &labels);
  }
  if (with_namespace) AddNamespace(std::string(own.Get(kNamespaceLabel)), lookup, &labels);
  if (with_owners) AddOwners(key, own, attach, lookup, &labels);
  auto group = std::make_shared<TargetGroup>(*entry.group);
  group->labels = labels.Build();
  return group;
}

void AddPodLabels(const TargetGroup& pod, LabelsBuilder* out) {
  for (const Label& label : pod.labels) {
    if (label.name != kNamespaceLabel) out->Set(label.name, label.value);
  }
}

// A container's labels on a target of its port: all but the address and the id.
void AddContainer(const Labels& container, LabelsBuilder* out) {
  for (const Label& label : container) {
    if (label.name != kAddressLabel && label.name != kContainerId)
      out->Set(label.name, label.value);
  }
}

// Of every container the first declaration of the port counts, and of these the last.
void AddContainerOfPort(const TargetGroup& pod, const Addresses::One& address, LabelsBuilder* out) {
  if (address.port.empty()) return;
  const Labels* found = nullptr;
  for (const Labels& container : pod.targets) {
    if (container.Get(kPortNumber) != address.port) continue;
    const bool same =
        found != nullptr && found->Get(kContainerName) == container.Get(kContainerName);
    if (!same) found = &container;
  }
  if (found == nullptr) return;
  AddContainer(*found, out);
  out->Set(kPortProtocol, address.protocol);
}

struct SeenPod {
  GroupPtr group;
  std::vector<std::string> ports;
};
using SeenPods = absl::btree_map<std::string, SeenPod>;

Labels JoinAddress(const Addresses::One& address, const AttachMetadata& attach,
                   const Lookup& lookup, SeenPods* seen) {
  const Entry* pod = address.pod.empty() ? nullptr : lookup(Kind::kPod, address.pod);
  const bool has_pod = pod != nullptr && pod->group != nullptr;
  const bool with_node = attach.node && !address.node.empty();
  if (!has_pod && !with_node) return address.labels;
  LabelsBuilder target(address.labels);
  if (with_node) AddNode(address.node, lookup, &target);
  if (has_pod) {
    SeenPod& known = (*seen)[address.pod];
    known.group = pod->group;
    known.ports.push_back(address.port);
    AddPodLabels(*pod->group, &target);
    AddContainerOfPort(*pod->group, address, &target);
  }
  return target.Build();
}

// Declared ports of the pods that no address of the service covers.
void AddUncoveredPorts(const SeenPod& pod, std::vector<Labels>* targets) {
  if (!pod.group->labels.Has("__meta_kubernetes_pod_ip")) return;
  for (const Labels& container : pod.group->targets) {
    const std::string_view port = container.Get(kPortNumber);
    if (port.empty() || std::find(pod.ports.begin(), pod.ports.end(), port) != pod.ports.end()) {
      continue;
    }
    LabelsBuilder target(container);
    target.Del(kContainerId);
    AddPodLabels(*pod.group, &target);
    targets->push_back(target.Build());
  }
}

GroupPtr JoinAddresses(Kind role, const std::string& key, const Addresses& addresses,
                       const AttachMetadata& attach, const Lookup& lookup) {
  auto group = std::make_shared<TargetGroup>();
  group->source = SourceOf(role, key);
  LabelsBuilder labels(addresses.labels);
  if (!addresses.service.empty()) {
    const Entry* service = lookup(Kind::kService, addresses.service);
    if (service != nullptr && service->group != nullptr) Merge(service->group->labels, &labels);
  }
  if (attach.ns) AddNamespace(addresses.ns, lookup, &labels);
  group->labels = labels.Build();
  SeenPods seen;
  group->targets.reserve(addresses.all.size());
  for (const Addresses::One& address : addresses.all) {
    group->targets.push_back(JoinAddress(address, attach, lookup, &seen));
  }
  for (const auto& [pod_key, pod] : seen) AddUncoveredPorts(pod, &group->targets);
  return group;
}

}  // namespace

GroupPtr EmptyGroup(Kind role, const std::string& key) {
  auto group = std::make_shared<TargetGroup>();
  group->source = SourceOf(role, key);
  return group;
}

GroupPtr Join(Kind role, const std::string& key, const Entry& entry, const AttachMetadata& attach,
              const Lookup& lookup) {
  if (entry.addresses == nullptr) return JoinOwn(role, key, entry, attach, lookup);
  return JoinAddresses(role, key, *entry.addresses, attach, lookup);
}

}  // namespace narthex::discovery::kubernetes
