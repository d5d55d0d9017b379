#include "server/discovery/kubernetes/digest.h"

namespace narthex::discovery::kubernetes {
namespace {

struct KindRow {
  std::string_view name, source, group, version, plural;
  bool namespaced;
};
constexpr KindRow kTable[kKinds] = {
    {"node", "node", "", "v1", "nodes", false},
    {"service", "svc", "", "v1", "services", true},
    {"pod", "pod", "", "v1", "pods", true},
    {"endpoints", "endpoints", "", "v1", "endpoints", true},
    {"endpointslice", "endpointslice", "discovery.k8s.io", "v1", "endpointslices", true},
    {"ingress", "ingress", "networking.k8s.io", "v1", "ingresses", true},
    {"namespace", "namespace", "", "v1", "namespaces", false},
    {"replicaset", "replicaset", "apps", "v1", "replicasets", true},
    {"job", "job", "batch", "v1", "jobs", true},
};

const KindRow& RowOf(Kind kind) { return kTable[static_cast<size_t>(kind)]; }

void AddMap(const JsonValue& map, std::string_view role, std::string_view what,
            LabelsBuilder* out) {
  for (const auto& [name, value] : map.members()) {
    const std::string sanitized = SanitizeLabelName(name);
    out->Set(fmt::format("{}{}_{}_{}", kPrefix, role, what, sanitized), value.AsString());
    out->Set(fmt::format("{}{}_{}present_{}", kPrefix, role, what, sanitized), "true");
  }
}

Entry DigestNamespace(const JsonValue& object) {
  LabelsBuilder labels;
  AddLabelsAndAnnotations(object["metadata"], "namespace", &labels);
  auto group = std::make_shared<TargetGroup>();
  group->labels = labels.Build();
  return {.group = std::move(group), .addresses = nullptr, .owner = ""};
}

Entry DigestOwner(const JsonValue& object, std::string_view wanted) {
  const JsonValue& controller = ControllerOf(object);
  if (controller["kind"].AsString() != wanted) return {};
  return {.group = nullptr, .addresses = nullptr, .owner = controller["name"].AsString()};
}

}  // namespace

std::string_view NameOf(Kind kind) { return RowOf(kind).name; }

kube::Resource ResourceOf(Kind kind) {
  const KindRow& row = RowOf(kind);
  return {std::string(row.group), std::string(row.version), std::string(row.plural), "", "", ""};
}

bool IsNamespaced(Kind kind) { return RowOf(kind).namespaced; }

std::string SourceOf(Kind kind, std::string_view key) {
  return fmt::format("{}/{}", RowOf(kind).source, key);
}

void AddLabelsAndAnnotations(const JsonValue& metadata, std::string_view role, LabelsBuilder* out) {
  AddMap(metadata["labels"], role, "label", out);
  AddMap(metadata["annotations"], role, "annotation", out);
}

void AddMetadata(const JsonValue& metadata, std::string_view role, LabelsBuilder* out) {
  out->Set(fmt::format("{}{}_name", kPrefix, role), metadata["name"].AsString());
  AddLabelsAndAnnotations(metadata, role, out);
}

const JsonValue& ControllerOf(const JsonValue& object) {
  static const JsonValue none;
  for (const JsonValue& owner : object["metadata"]["ownerReferences"].items()) {
    if (owner["controller"].AsBool()) return owner;
  }
  return none;
}

Entry Digest(Kind kind, const JsonValue& object) {
  switch (kind) {
    case Kind::kNode: return DigestNode(object);
    case Kind::kService: return DigestService(object);
    case Kind::kPod: return DigestPod(object);
    case Kind::kEndpoints: return DigestEndpoints(object);
    case Kind::kEndpointSlice: return DigestEndpointSlice(object);
    case Kind::kIngress: return DigestIngress(object);
    case Kind::kNamespace: return DigestNamespace(object);
    case Kind::kReplicaSet: return DigestOwner(object, "Deployment");
    case Kind::kJob: return DigestOwner(object, "CronJob");
  }
  return {};
}

}  // namespace narthex::discovery::kubernetes
