#include "kube_state_metrics/families/store.h"

namespace narthex::ksm {

void Store::Put(RecordRef record) {
  RecordRef old;  // freed when the lock is
  MutexLock lock(mutex_);
  const auto found = records_.find(record->key());
  if (found == records_.end()) {
    records_.insert(std::move(record));
    return;
  }
  // The slot keeps its key: the new record has the same key, so its hash is the same.
  auto& slot = const_cast<RecordRef&>(*found);
  old = std::move(slot);
  slot = std::move(record);
}

void Store::Remove(std::string_view key) {
  MutexLock lock(mutex_);
  const auto found = records_.find(key);
  if (found != records_.end()) records_.erase(found);
}

void Store::Snapshot(std::vector<RecordRef>* out) const {
  MutexLock lock(mutex_);
  out->reserve(out->size() + records_.size());
  out->insert(out->end(), records_.begin(), records_.end());
}

size_t Store::size() const {
  MutexLock lock(mutex_);
  return records_.size();
}

}  // namespace narthex::ksm
