#include "server/storage/tsdb/head/head.h"

#include <algorithm>

namespace narthex::tsdb {

Head::Head(const Options& options) : core_(options), detached_(&core_) {
  core_.late.window_ms = options.out_of_order_window_ms;
}

Head::~Head() { core_.epochs.Drain(); }

Group* Head::CreateGroup(uint32_t id) {
  auto& group = groups_[id];
  if (group == nullptr) group = std::make_unique<Group>(&core_, id);
  next_group_id_ = std::max(next_group_id_, id + 1);
  return group.get();
}

Group* Head::FindGroup(uint32_t id) {
  const auto it = groups_.find(id);
  return it == groups_.end() ? nullptr : it->second.get();
}

void Head::RemoveGroup(Group* group) {
  const auto it = groups_.find(group->id());
  std::shared_ptr<Group> gone(std::move(it->second));
  groups_.erase(it);
  core_.epochs.Retire([gone] {});
}

void Head::ReleaseOwners(const std::vector<uint32_t>& slots) {
  for (const uint32_t slot : slots) {
    Detached* series = detached_.Get(slot);
    if (series != nullptr && series->owners > 0) --series->owners;
  }
}

Detached* Head::Detach(uint32_t slot) {
  const HomeRef where = core_.index.table()[slot].where();
  switch (where.home->kind) {
    case Home::Kind::kDetached: return static_cast<Detached*>(where.home);
    case Home::Kind::kBlock: {
      auto* block = static_cast<GroupBlock*>(where.home);
      Group* group = block->group;
      MutexLock lock(group->commit_mutex());
      // Its own writer may have parked it before the lock was held.
      if (core_.index.table()[slot].where().home != where.home) break;
      Detached* series = group->DetachMember(block->first_member + where.position, &detached_);
      group->FlushLayout();
      return series;
    }
    case Home::Kind::kParked: break;
  }
  return detached_.FromParked(slot);
}

uint64_t Head::CountChunks() const {
  constexpr size_t kSlice = 1024;
  int64_t n = core_.full_chunks.load();
  std::vector<uint32_t> ids;
  {
    MutexLock structure(core_.structure_mutex);
    for (const auto& [id, group] : groups_) ids.push_back(id);
  }
  for (const uint32_t id : ids) {
    MutexLock structure(core_.structure_mutex);
    const auto group = groups_.find(id);
    if (group == groups_.end()) continue;
    MutexLock lock(group->second->commit_mutex());
    n += static_cast<int64_t>(group->second->CountOpen());
  }
  for (size_t from = 0;; from += kSlice) {
    MutexLock structure(core_.structure_mutex);
    if (from >= detached_.size()) break;
    for (size_t i = from; i < std::min(detached_.size(), from + kSlice); ++i) {
      Detached* series = detached_.at(i);
      MutexLock lock(series->mutex);
      n += series->open.count() > 0;
    }
  }
  return static_cast<uint64_t>(std::max<int64_t>(n, 0));
}

}  // namespace narthex::tsdb
