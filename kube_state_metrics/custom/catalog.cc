#include "kube_state_metrics/custom/catalog.h"

#include "kube_state_metrics/resources/object.h"

namespace narthex::ksm::custom {
namespace {

constexpr std::chrono::milliseconds kSettle{200};

}  // namespace

std::vector<ServedKind> KindsOf(const Json& definition) {
  const Json& spec = definition["spec"];
  std::vector<ServedKind> kinds;
  for (const Json& version : spec["versions"].items()) {
    if (!version["served"].AsBool()) continue;
    kinds.push_back({.gvk = {.group = Text(spec["group"]),
                             .version = Text(version["name"]),
                             .kind = Text(spec["names"]["kind"])},
                     .plural = Text(spec["names"]["plural"]),
                     .namespaced = Text(spec["scope"]) != "Cluster"});
  }
  return kinds;
}

bool Means(const GroupVersionKind& wanted, const ServedKind& kind) {
  const auto fits = [](const std::string& want, const std::string& is) {
    return want == "*" || want == is;
  };
  return wanted.group == kind.gvk.group && fits(wanted.version, kind.gvk.version) &&
         fits(wanted.kind, kind.gvk.kind);
}

Catalog::Catalog(std::shared_ptr<kube::Api> api, kube::Worker* worker, SelfMetrics* metrics,
                 Changed changed)
    : worker_(worker), metrics_(metrics), changed_(std::move(changed)) {
  kube::Reflector::Options options;
  options.resource.group = "apiextensions.k8s.io";
  options.resource.version = "v1";
  options.resource.plural = "customresourcedefinitions";
  reflector_ = std::make_unique<kube::Reflector>(std::move(api), worker, options, this);
}

Catalog::~Catalog() {
  reflector_.reset();
  worker_->Run([this] {
    if (timer_ != 0) worker_->Cancel(timer_);
  });
}

void Catalog::OnObject(std::string_view key, const JsonValue& object, kube::Change change) {
  metrics_->CustomResourceEvent(change == kube::Change::kAdded ? "add" : "update");
  definitions_[std::string(key)] = KindsOf(object);
  Announce();
}

void Catalog::OnDelete(std::string_view key) {
  const auto found = definitions_.find(key);
  if (found == definitions_.end()) return;
  metrics_->CustomResourceEvent("delete");
  definitions_.erase(found);
  Announce();
}

void Catalog::OnSynced() {
  synced_ = true;
  Announce();
}

void Catalog::Announce() {
  metrics_->SetCustomResources(definitions_.size());
  if (!synced_ || timer_ != 0) return;
  timer_ = worker_->After(kSettle, [this] {
    timer_ = 0;
    std::set<ServedKind> kinds;
    for (const auto& [name, defined] : definitions_) kinds.insert(defined.begin(), defined.end());
    changed_(kinds);
  });
}

}  // namespace narthex::ksm::custom
