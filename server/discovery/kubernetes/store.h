#pragma once
// One watched resource: what was digested of its objects, for every job that wants it.
//
// Threads: made and destroyed on any thread but that of the worker's destruction; everything else,
// listeners included, on the worker's thread alone.

#include <memory>
#include <set>
#include <string>

#include "core/base/string_map.h"
#include "core/kube/reflector.h"
#include "server/discovery/kubernetes/digest.h"
#include "server/discovery/kubernetes/metrics.h"

namespace narthex::discovery::kubernetes {

class Store final : private kube::ObjectHandler {
 public:
  class Listener {
   public:
    virtual ~Listener() = default;
    // The entry under the key is new, changed or gone. Not before the store is synced.
    virtual void OnChange(const Store& store, const std::string& key) = 0;
    // `settled` may have changed.
    virtual void OnSettled() = 0;
  };

  // `worker` and `metrics` outlive the store.
  Store(std::shared_ptr<kube::Api> api, kube::Worker* worker, Kind kind, kube::Resource resource,
        Metrics* metrics);

  Kind kind() const { return kind_; }
  // Everything is there.
  bool synced() const { return synced_; }
  // It is, or waiting for it has shown to be in vain.
  bool settled() const { return synced_ || failed_lists_ >= kPatience; }
  const Entry* Find(std::string_view key) const;
  const StringMap<Entry>& entries() const { return entries_; }

  void Subscribe(Listener* listener) { listeners_.insert(listener); }
  void Unsubscribe(Listener* listener) { listeners_.erase(listener); }

 private:
  static constexpr int kPatience = 3;

  void OnObject(std::string_view key, const JsonValue& object, kube::Change change) override;
  void OnDelete(std::string_view key) override;
  void OnSynced() override;
  void OnListEnd(const Status& status, size_t objects) override;
  void OnWatchEnd(const Status& status) override;
  void Tell(std::string_view key);
  void LogFailure(std::string_view what, const Status& status);

  const Kind kind_;
  const std::string path_;
  Metrics* const metrics_;
  StringMap<Entry> entries_;
  std::set<Listener*> listeners_;
  bool synced_ = false;
  int failed_lists_ = 0;
  kube::Reflector reflector_;  // last: its handler is all of the above
};

}  // namespace narthex::discovery::kubernetes
