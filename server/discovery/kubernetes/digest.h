#pragma once
// What is kept of an object of the API: the target group that it makes by itself, or what is needed
// to make one together with others. The object itself is gone after that.
//
// Thread safety: pure functions and immutable values.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/reader.h"
#include "core/kube/resource.h"
#include "server/discovery/meta_labels.h"
#include "server/discovery/target_group.h"

namespace narthex::discovery::kubernetes {

inline constexpr std::string_view kPrefix = "__meta_kubernetes_";
inline constexpr std::string_view kNamespaceLabel = "__meta_kubernetes_namespace";

enum class Kind {
  kNode,
  kService,
  kPod,
  kEndpoints,
  kEndpointSlice,
  kIngress,
  // For metadata alone.
  kNamespace,
  kReplicaSet,
  kJob,
};
inline constexpr size_t kKinds = 9;

// "pod" …, as in roles, sources and labels; services' sources say "svc".
std::string_view NameOf(Kind kind);
kube::Resource ResourceOf(Kind kind);
bool IsNamespaced(Kind kind);

using GroupPtr = std::shared_ptr<const TargetGroup>;

// The addresses of an Endpoints object or an EndpointSlice, each with what it says of itself.
struct Addresses {
  struct One {
    Labels labels;
    std::string pod;   // "namespace/name" of the pod behind it, or ""
    std::string node;  // whose metadata belongs to it, or ""
    std::string port;  // "8080", or ""
    std::string protocol;
  };
  Labels labels;        // of all of them
  std::string service;  // "namespace/name"
  std::string ns;
  std::vector<One> all;
};

struct Entry {
  // Nodes, services, pods, ingresses: the group. A pod without an address yet has its labels all
  // the same. Namespaces: the labels alone. Null for a node without an address.
  GroupPtr group;
  std::shared_ptr<const Addresses> addresses;  // of endpoints and slices
  std::string owner;                           // ReplicaSet: its Deployment; Job: its CronJob
};

Entry Digest(Kind kind, const JsonValue& object);

// "__meta_kubernetes_<role>_label_…" and so on of an object's labels and annotations.
void AddLabelsAndAnnotations(const JsonValue& metadata, std::string_view role, LabelsBuilder* out);
// The same, and "__meta_kubernetes_<role>_name".
void AddMetadata(const JsonValue& metadata, std::string_view role, LabelsBuilder* out);
std::string SourceOf(Kind kind, std::string_view key);
// The owner that controls the object, or Null.
const JsonValue& ControllerOf(const JsonValue& object);

// One a kind.
Entry DigestNode(const JsonValue& node);
Entry DigestService(const JsonValue& service);
Entry DigestPod(const JsonValue& pod);
Entry DigestEndpoints(const JsonValue& endpoints);
Entry DigestEndpointSlice(const JsonValue& slice);
Entry DigestIngress(const JsonValue& ingress);

}  // namespace narthex::discovery::kubernetes
