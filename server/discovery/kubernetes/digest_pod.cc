// The role pod: one target for each declared port of each container, one for a container without.

#include "server/discovery/kubernetes/digest.h"

namespace narthex::discovery::kubernetes {
namespace {

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

std::string Readiness(const JsonValue& status) {
  for (const JsonValue& condition : status["conditions"].items()) {
    if (condition["type"].AsString() == "Ready") return Lower(condition["status"].AsString());
  }
  return "unknown";
}

Labels PodLabels(const JsonValue& pod) {
  const JsonValue& status = pod["status"];
  LabelsBuilder labels;
  labels.Set(kNamespaceLabel, pod["metadata"]["namespace"].AsString());
  labels.Set("__meta_kubernetes_pod_ip", status["podIP"].AsString());
  labels.Set("__meta_kubernetes_pod_ready", Readiness(status));
  labels.Set("__meta_kubernetes_pod_phase", status["phase"].AsString());
  labels.Set("__meta_kubernetes_pod_node_name", pod["spec"]["nodeName"].AsString());
  labels.Set("__meta_kubernetes_pod_host_ip", status["hostIP"].AsString());
  labels.Set("__meta_kubernetes_pod_uid", pod["metadata"]["uid"].AsString());
  AddMetadata(pod["metadata"], "pod", &labels);
  const JsonValue& controller = ControllerOf(pod);
  labels.Set("__meta_kubernetes_pod_controller_kind", controller["kind"].AsString());
  labels.Set("__meta_kubernetes_pod_controller_name", controller["name"].AsString());
  return labels.Build();
}

std::string ContainerId(const JsonValue& statuses, const std::string& container) {
  for (const JsonValue& status : statuses.items()) {
    if (status["name"].AsString() == container) return status["containerID"].AsString();
  }
  return "";
}

void AddContainer(const JsonValue& container, bool is_init, const std::string& id,
                  const std::string& ip, std::vector<Labels>* targets) {
  LabelsBuilder target;
  target.Set("__meta_kubernetes_pod_container_name", container["name"].AsString());
  target.Set("__meta_kubernetes_pod_container_id", id);
  target.Set("__meta_kubernetes_pod_container_image", container["image"].AsString());
  target.Set("__meta_kubernetes_pod_container_init", is_init ? "true" : "false");
  if (container["ports"].items().empty()) {
    target.Set(kAddressLabel, ip);
    targets->push_back(target.Build());
  }
  for (const JsonValue& port : container["ports"].items()) {
    const int64_t number = port["containerPort"].AsInt();
    target.Set(kAddressLabel, ip.empty() ? std::string() : JoinHostPort(ip, number));
    target.Set("__meta_kubernetes_pod_container_port_name", port["name"].AsString());
    target.Set("__meta_kubernetes_pod_container_port_number", fmt::format("{}", number));
    target.Set("__meta_kubernetes_pod_container_port_protocol", port["protocol"].AsString());
    targets->push_back(target.Build());
  }
}

}  // namespace

Entry DigestPod(const JsonValue& pod) {
  const std::string& ip = pod["status"]["podIP"].AsString();
  auto group = std::make_shared<TargetGroup>();
  group->source = SourceOf(Kind::kPod, kube::KeyOf(pod));
  group->labels = PodLabels(pod);
  struct Containers {
    std::string_view list, statuses;
    bool is_init;
  };
  constexpr Containers kLists[] = {{"containers", "containerStatuses", false},
                                   {"initContainers", "initContainerStatuses", true}};
  for (const Containers& which : kLists) {
    for (const JsonValue& container : pod["spec"][which.list].items()) {
      const std::string id =
          ContainerId(pod["status"][which.statuses], container["name"].AsString());
      AddContainer(container, which.is_init, id, ip, &group->targets);
    }
  }
  return {.group = std::move(group), .addresses = nullptr, .owner = ""};
}

}  // namespace narthex::discovery::kubernetes
