#pragma once
// Automatic sharding: the place among the shards is read off the StatefulSet that owns this pod,
// its ordinal from the pod's name, the number of shards from the replicas; and followed.
//
// Threads: the change callback runs on the worker's thread.

#include <functional>
#include <memory>
#include <string>

#include "core/kube/api.h"
#include "core/kube/reflector.h"
#include "kube_state_metrics/serve/sharding.h"

namespace narthex::ksm {

class AutoShard final : public kube::ObjectHandler {
 public:
  using Changed = std::function<void(const Sharding&)>;

  // Blocking. Fails when the pod has no StatefulSet, or may not read it.
  static StatusOr<std::unique_ptr<AutoShard>> Start(std::shared_ptr<kube::Api> api,
                                                    kube::Worker* worker, const std::string& pod,
                                                    const std::string& ns, Changed changed);
  const Sharding& initial() const { return initial_; }

 private:
  AutoShard(const Sharding& initial, Changed changed)
      : initial_(initial), current_(initial), changed_(std::move(changed)) {}
  void OnObject(std::string_view key, const JsonValue& object, kube::Change change) override;
  void OnDelete(std::string_view) override {}

  const Sharding initial_;
  Sharding current_;  // the worker's
  const Changed changed_;
  std::unique_ptr<kube::Reflector> reflector_;  // last: it calls the handler
};

// The number behind the last hyphen of a pod's name.
StatusOr<int64_t> OrdinalOf(std::string_view pod);

}  // namespace narthex::ksm
