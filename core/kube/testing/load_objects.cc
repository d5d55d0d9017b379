// Objects from files, and crowds of made-up pods.

#include <algorithm>
#include <map>

#include "core/base/file.h"
#include "core/kube/testing/fake_api_server.h"

namespace narthex::kube {
namespace {

// Plurals are the lower-case kind with an s, but for these.
std::string PluralOf(std::string kind) {
  static const std::map<std::string, std::string> kOdd = {
      {"Endpoints", "endpoints"},         {"Ingress", "ingresses"},
      {"IngressClass", "ingressclasses"}, {"NetworkPolicy", "networkpolicies"},
      {"StorageClass", "storageclasses"}, {"PriorityClass", "priorityclasses"},
  };
  if (const auto odd = kOdd.find(kind); odd != kOdd.end()) return odd->second;
  for (char& c : kind) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (kind.ends_with("cy") || kind.ends_with("ry")) return kind.substr(0, kind.size() - 1) + "ies";
  return kind + (kind.ends_with("s") ? "es" : "s");
}

Status PutAll(const JsonValue& value, ObjectStore* store) {
  const JsonValue& list = value.is_array() ? value : value["items"];
  if (value.is_array() || (value["kind"].AsString() == "List" && list.is_array())) {
    for (const JsonValue& item : list.items()) NX_RETURN_IF_ERROR(PutAll(item, store));
    return OkStatus();
  }
  if (value["kind"].AsString().empty() || value["apiVersion"].AsString().empty()) {
    return InvalidArgument("an object has no kind or no apiVersion");
  }
  store->Put(CollectionOf(value), value);
  return OkStatus();
}

}  // namespace

std::string CollectionOf(const JsonValue& object) {
  const std::string& version = object["apiVersion"].AsString();
  const bool core = version.find('/') == std::string::npos;
  return fmt::format("{}/{}/{}", core ? "/api" : "/apis", version,
                     PluralOf(object["kind"].AsString()));
}

Status LoadObjects(const std::string& directory, ObjectStore* store) {
  NX_ASSIGN_OR_RETURN(const auto names, ListDirectory(directory));
  for (const std::string& name : names) {
    if (!name.ends_with(".json")) continue;
    NX_ASSIGN_OR_RETURN(const std::string text, ReadFile(directory + "/" + name));
    auto document = ParseJson(text, {.max_bytes = 256 << 20, .max_values = 50'000'000});
    Status status = document.ok() ? PutAll(*document, store) : document.status();
    if (!status.ok()) return Annotate(status, name);
  }
  return OkStatus();
}

std::string MakeCrowdPod(size_t i, size_t bytes) {
  std::string pod = fmt::format(
      R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"pod-{0}","namespace":"ns-{1}",)"
      R"("labels":{{"app":"app-{2}","pod-template-hash":"{3:x}"}},)"
      R"("annotations":{{"prometheus.io/scrape":"true"}},)"
      R"("ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"app-{2}-{3:x}",)"
      R"("controller":true}}],"managedFields":[{{"manager":"kubelet","fieldsV1":{{"f":"FILL"}}}}]}},)"
      R"("spec":{{"nodeName":"node-{4}","containers":[{{"name":"main","image":"example/app:{5}",)"
      R"("ports":[{{"name":"http","containerPort":8080,"protocol":"TCP"}}]}}]}},)"
      R"("status":{{"phase":"Running","podIP":"10.{6}.{7}.{8}","hostIP":"192.168.0.{9}",)"
      R"("conditions":[{{"type":"Ready","status":"True"}}],)"
      R"("containerStatuses":[{{"name":"main","containerID":"containerd://{0:064x}"}}]}}}})",
      i, i % 50, i % 997, i * 2654435761U % 1000003, i % 100, i % 7, i >> 16 & 255, i >> 8 & 255,
      i & 255, i % 100 + 1);
  const size_t fill = pod.size() < bytes ? bytes - pod.size() : 0;
  return pod.replace(pod.find("FILL"), 4, std::string(fill, 'x'));
}

}  // namespace narthex::kube
