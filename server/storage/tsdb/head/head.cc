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
    case Home::Kind::kDetached:
      return static_cast<Detached*>(where.home);
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
    case Home::Kind::kParked:
      break;
  }
  return detached_.FromParked(slot);
}

uint64_t Head::CountChunks() const {
  ReaderLock lock(core_.index.mutex());
  uint64_t n = 0;
  core_.index.all().ForEach([&](uint32_t slot) {
    const SeriesRecord& record = core_.index.table()[slot];
    LockedHome home(record);
    n += record.chunks.size();
    if (home.kind() == Home::Kind::kBlock) {
      n += static_cast<GroupBlock*>(home.home())->states()[home.position()].count > 0;
    } else if (home.kind() == Home::Kind::kDetached) {
      n += static_cast<Detached*>(home.home())->open.count() > 0;
    }
  });
  return n;
}

}  // namespace narthex::tsdb
