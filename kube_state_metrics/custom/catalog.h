#pragma once
// The kinds that CustomResourceDefinitions define, followed live, and which of them a configuration
// means.
//
// Threads: the change callback runs on the worker's thread.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/kube/reflector.h"
#include "kube_state_metrics/custom/config.h"
#include "kube_state_metrics/serve/self_metrics.h"

namespace narthex::ksm::custom {

// A kind that is served, and where.
struct ServedKind {
  GroupVersionKind gvk;
  std::string plural;
  bool namespaced = true;
  friend auto operator<=>(const ServedKind&, const ServedKind&) = default;
};

// The kinds of a CustomResourceDefinition, versions that are not served left out.
std::vector<ServedKind> KindsOf(const Json& definition);
// Does the configuration mean this kind?
bool Means(const GroupVersionKind& wanted, const ServedKind& kind);

class Catalog final : public kube::ObjectHandler {
 public:
  using Changed = std::function<void(const std::set<ServedKind>&)>;

  // Starts at once. `worker` and `metrics` outlive the catalog. Of a burst of changes (the first
  // list) the callback hears once.
  Catalog(std::shared_ptr<kube::Api> api, kube::Worker* worker, SelfMetrics* metrics,
          Changed changed);
  ~Catalog() override;

 private:
  void OnObject(std::string_view key, const JsonValue& object, kube::Change change) override;
  void OnDelete(std::string_view key) override;
  void OnSynced() override;
  void Announce();

  kube::Worker* const worker_;
  SelfMetrics* const metrics_;
  const Changed changed_;
  // The worker's.
  std::map<std::string, std::vector<ServedKind>, std::less<>> definitions_;
  bool synced_ = false;
  kube::Worker::TimerId timer_ = 0;
  std::unique_ptr<kube::Reflector> reflector_;  // last: it calls the handler
};

}  // namespace narthex::ksm::custom
