#include "kube_state_metrics/serve/object_watch.h"

#include "core/log/log.h"

namespace narthex::ksm {

ObjectWatch::ObjectWatch(std::shared_ptr<kube::Api> api, kube::Worker* worker, SelfMetrics* metrics,
                         Options options)
    : metrics_(metrics), options_(std::move(options)) {
  if (options_.reflector.object_limit > 0) {
    metrics_->SetObjectLimit(options_.go_type,
                             static_cast<int64_t>(options_.reflector.object_limit));
  }
  reflector_ = std::make_unique<kube::Reflector>(std::move(api), worker, options_.reflector, this);
}

ObjectWatch::~ObjectWatch() = default;

void ObjectWatch::OnObject(std::string_view key, const JsonValue& object, kube::Change) {
  // An object under a name that was used before has another uid, and may be another shard's.
  if (!options_.sharding.Owns(object["metadata"]["uid"].AsString())) return store_.Remove(key);
  store_.Put(Render(*options_.families, key, object));
}

void ObjectWatch::OnDelete(std::string_view key) { store_.Remove(key); }

void ObjectWatch::OnSynced() { synced_.store(true, std::memory_order_release); }

void ObjectWatch::OnListEnd(const Status& status, size_t objects) {
  metrics_->ListEnded(options_.go_type, status.ok(), objects);
  if (status.ok()) return;
  NX_LOG(Error, "Failed to list", {"resource", options_.go_type}, {"err", status});
}

void ObjectWatch::OnWatchEnd(const Status& status) {
  if (status.ok()) return metrics_->WatchBegan(options_.go_type);  // the next one
  metrics_->WatchFailed(options_.go_type);
  NX_LOG(Warn, "Watch ended", {"resource", options_.go_type}, {"err", status});
}

}  // namespace narthex::ksm
