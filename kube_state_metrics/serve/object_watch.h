#pragma once
// One mirrored collection of objects as rendered records: a reflector, and the store it fills.
//
// Threads: objects arrive on the worker's thread; the store may be read from any.

#include <memory>
#include <string>

#include "core/kube/reflector.h"
#include "kube_state_metrics/families/store.h"
#include "kube_state_metrics/serve/self_metrics.h"
#include "kube_state_metrics/serve/sharding.h"

namespace narthex::ksm {

class ObjectWatch final : public kube::ObjectHandler {
 public:
  struct Options {
    kube::Reflector::Options reflector;
    std::string go_type;  // label of the self metrics
    Sharding sharding;
    std::shared_ptr<const FamilySet> families;
  };

  // `worker` and `metrics` outlive the watch. Starts at once.
  ObjectWatch(std::shared_ptr<kube::Api> api, kube::Worker* worker, SelfMetrics* metrics,
              Options options);
  ~ObjectWatch() override;

  const Store& store() const { return store_; }
  bool synced() const { return synced_.load(std::memory_order_acquire); }

 private:
  void OnObject(std::string_view key, const JsonValue& object, kube::Change change) override;
  void OnDelete(std::string_view key) override;
  void OnSynced() override;
  void OnListEnd(const Status& status, size_t objects) override;
  void OnWatchEnd(const Status& status) override;

  SelfMetrics* const metrics_;
  const Options options_;
  Store store_;
  std::atomic<bool> synced_{false};
  std::unique_ptr<kube::Reflector> reflector_;  // last: it calls the handler
};

}  // namespace narthex::ksm
