#include "server/discovery/group_store.h"

#include <utility>

namespace narthex::discovery {

bool GroupStore::Apply(std::shared_ptr<const TargetGroup> group) {
  const auto known = groups_.find(std::string_view(group->source));
  if (group->targets.empty()) {
    if (known == groups_.end()) return false;
    groups_.erase(known);
    return true;
  }
  if (known != groups_.end()) {
    if (**known == *group) return false;
    groups_.erase(known);
  }
  groups_.insert(std::move(group));
  return true;
}

void GroupStore::Publish(TargetGroups groups) {
  updates_.Inc();
  bool tell = false;
  {
    MutexLock lock(mutex_);
    bool changed = !std::exchange(published_, true);
    if (std::exchange(inherited_, false)) groups_.clear();
    for (auto& group : groups) {
      if (group != nullptr) changed |= Apply(std::move(group));
    }
    tell = changed && !std::exchange(told_, true);
  }
  if (tell) changed_();
}

void GroupStore::Inherit(TargetGroups groups) {
  MutexLock lock(mutex_);
  if (published_) return;
  for (auto& group : groups) Apply(std::move(group));
  inherited_ = true;
}

void GroupStore::Expire() {
  bool tell = false;
  {
    MutexLock lock(mutex_);
    if (!std::exchange(inherited_, false)) return;
    groups_.clear();
    tell = !std::exchange(told_, true);
  }
  if (tell) changed_();
}

void GroupStore::Read(TargetGroups* out) {
  MutexLock lock(mutex_);
  told_ = false;
  out->insert(out->end(), groups_.begin(), groups_.end());
}

bool GroupStore::published() const {
  MutexLock lock(mutex_);
  return published_;
}

bool GroupStore::unread() const {
  MutexLock lock(mutex_);
  return told_;
}

}  // namespace narthex::discovery
