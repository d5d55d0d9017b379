#include "server/discovery/kubernetes/store.h"

#include "core/log/log.h"

namespace narthex::discovery::kubernetes {
namespace {

kube::Reflector::Options OptionsFor(kube::Resource resource) {
  kube::Reflector::Options options;
  options.resource = std::move(resource);
  return options;
}

}  // namespace

Store::Store(std::shared_ptr<kube::Api> api, kube::Worker* worker, Kind kind,
             kube::Resource resource, Metrics* metrics)
    : kind_(kind),
      path_(resource.Path()),
      metrics_(metrics),
      reflector_(std::move(api), worker, OptionsFor(std::move(resource)), this) {}

const Entry* Store::Find(std::string_view key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

void Store::Tell(std::string_view key) {
  if (!synced_) return;
  const std::string copy(key);
  for (Listener* listener : listeners_) listener->OnChange(*this, copy);
}

void Store::OnObject(std::string_view key, const JsonValue& object, kube::Change change) {
  metrics_->CountEvent(kind_, change == kube::Change::kAdded ? "add" : "update");
  entries_.insert_or_assign(std::string(key), Digest(kind_, object));
  Tell(key);
}

void Store::OnDelete(std::string_view key) {
  metrics_->CountEvent(kind_, "delete");
  const auto found = entries_.find(key);
  if (found != entries_.end()) entries_.erase(found);
  Tell(key);
}

void Store::OnSynced() {
  failed_lists_ = 0;
  if (synced_) return;
  synced_ = true;
  for (Listener* listener : listeners_) listener->OnSettled();
}

void Store::OnListEnd(const Status& status, size_t) {
  if (status.ok()) return;
  metrics_->CountFailure();
  LogFailure("Failed to list", status);
  if (synced_ || ++failed_lists_ != kPatience) return;
  for (Listener* listener : listeners_) listener->OnSettled();
}

// Watches end in many ways that only mean: once more. Upstream counts none of these either, and
// people are woken by the counter.
void Store::OnWatchEnd(const Status& status) {
  switch (status.code()) {
    case StatusCode::kOk: return;
    case StatusCode::kPermissionDenied:
    case StatusCode::kNotFound:
    case StatusCode::kInvalidArgument:
    case StatusCode::kFailedPrecondition:
      metrics_->CountFailure();
      return LogFailure("Failed to watch", status);
    default:
      NX_LOG(Info, "A watch has ended", {"component", "k8s_client_runtime"}, {"resource", path_},
             {"err", status});
  }
}

void Store::LogFailure(std::string_view what, const Status& status) {
  NX_LOG(Error, what, {"component", "k8s_client_runtime"}, {"resource", path_}, {"err", status});
}

}  // namespace narthex::discovery::kubernetes
