#include "alertmanager/store/alert_store.h"

namespace narthex::am {

void AlertStore::Put(std::vector<Alert> alerts) {
  MutexLock lock(mutex_);
  for (Alert& alert : alerts) {
    AlertPtr& slot = alerts_[alert.fingerprint()];
    if (slot != nullptr && Overlaps(*slot, alert)) alert = MergeAlerts(*slot, alert);
    slot = std::make_shared<const Alert>(std::move(alert));
    if (listener_) listener_(slot);
  }
}

void AlertStore::Attach(Listener listener) {
  MutexLock lock(mutex_);
  listener_ = std::move(listener);
  if (!listener_) return;
  for (const auto& [fingerprint, alert] : alerts_) listener_(alert);
}

std::vector<AlertPtr> AlertStore::All() const {
  MutexLock lock(mutex_);
  std::vector<AlertPtr> all;
  all.reserve(alerts_.size());
  for (const auto& [fingerprint, alert] : alerts_) all.push_back(alert);
  return all;
}

size_t AlertStore::size() const {
  MutexLock lock(mutex_);
  return alerts_.size();
}

size_t AlertStore::CollectGarbage() {
  const int64_t now = clock_.NowNanos();
  MutexLock lock(mutex_);
  const size_t before = alerts_.size();
  for (auto it = alerts_.begin(); it != alerts_.end();) {
    it = it->second->ResolvedAt(now) ? alerts_.erase(it) : std::next(it);
  }
  return before - alerts_.size();
}

}  // namespace narthex::am
