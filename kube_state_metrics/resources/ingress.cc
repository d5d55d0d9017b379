#include "kube_state_metrics/resources/declare.h"
#include "kube_state_metrics/resources/members.h"

namespace narthex::ksm {
namespace {

void AddIngressInfo(const Json& object, SeriesSink& out) {
  std::string_view name = "_default";
  if (object["spec"]["ingressClassName"].is_string()) {
    name = Text(object["spec"]["ingressClassName"]);
  }
  const Json& annotation = Meta(object, "annotations")["kubernetes.io/ingress.class"];
  if (annotation.is_string()) name = Text(annotation);
  out.Add({{"ingressclass", name}}, 1);
}

void AddPath(const Json& rule, const Json& path, SeriesSink& out) {
  std::vector<Label> labels{{"host", Text(rule["host"])},
                            {"path", Text(path["path"])},
                            {"path_type", Text(path["pathType"])}};
  const Json& service = path["backend"]["service"];
  std::string port;
  if (service.is_object()) {
    port = fmt::format("{}", service["port"]["number"].AsInt());
    labels.emplace_back("service_name", Text(service["name"]));
    labels.emplace_back("service_port", port);
  } else {
    const Json& resource = path["backend"]["resource"];
    labels.emplace_back("resource_api_group", Text(resource["apiGroup"]));
    labels.emplace_back("resource_kind", Text(resource["kind"]));
    labels.emplace_back("resource_name", Text(resource["name"]));
  }
  out.Add(labels, 1);
}

void AddPaths(const Json& object, SeriesSink& out) {
  for (const Json& rule : object["spec"]["rules"].items()) {
    for (const Json& path : rule["http"]["paths"].items()) AddPath(rule, path, out);
  }
}

void AddTls(const Json& object, SeriesSink& out) {
  for (const Json& tls : object["spec"]["tls"].items()) {
    for (const Json& host : tls["hosts"].items()) {
      out.Add({{"tls_host", Text(host)}, {"secret", Text(tls["secretName"])}}, 1);
    }
  }
}

}  // namespace

void DeclareIngresses(FamilyList& f) {
  f.Stable("info", "Information about ingress.", AddIngressInfo);
  f.Annotations();
  f.Labels(Stability::kStable);
  f.Created(Stability::kStable);
  f.ResourceVersion();
  f.Stable("path", "Ingress host, paths and backend service information.", AddPaths);
  f.Stable("tls", "Ingress TLS host and secret information.", AddTls);
}

void DeclareIngressClasses(FamilyList& f) {
  f.Alpha("info", "Information about ingressclass.", TextLabel("controller", "spec", "controller"));
  f.Created(Stability::kAlpha);
  f.Annotations();
  f.Labels(Stability::kAlpha);
}

}  // namespace narthex::ksm
