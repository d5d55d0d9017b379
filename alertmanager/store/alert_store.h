#pragma once
// The alerts in memory, one for each label set. Nothing is persisted: senders repeat themselves.
//
// Thread safety: all methods. The listener is called under the store's lock, in the order of the
// updates, and must only queue.

#include <absl/container/btree_map.h>

#include <functional>
#include <vector>

#include "alertmanager/types/alert.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"

namespace narthex::am {

class AlertStore {
 public:
  using Listener = std::function<void(const AlertPtr&)>;
  explicit AlertStore(const Clock& clock) : clock_(clock) {}

  // Merges with what is there when the intervals meet, else replaces.
  void Put(std::vector<Alert> alerts) EXCLUDES(mutex_);
  // Replaces the listener and tells the new one every alert there is.
  void Attach(Listener listener) EXCLUDES(mutex_);
  std::vector<AlertPtr> All() const EXCLUDES(mutex_);  // by fingerprint
  size_t size() const EXCLUDES(mutex_);
  // Forgets resolved alerts; returns how many.
  size_t CollectGarbage() EXCLUDES(mutex_);

 private:
  const Clock& clock_;
  mutable Mutex mutex_;
  absl::btree_map<uint64_t, AlertPtr> alerts_ GUARDED_BY(mutex_);
  Listener listener_ GUARDED_BY(mutex_);
};

}  // namespace narthex::am
