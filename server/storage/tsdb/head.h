#pragma once
// The head: groups, detached series and what moves series between them.
//
// Thread safety: as annotated; see core.h for the order of locks.

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <string>
#include <vector>

#include "server/storage/tsdb/core.h"
#include "server/storage/tsdb/detached.h"
#include "server/storage/tsdb/group.h"

namespace narthex::tsdb {

class Head {
 public:
  explicit Head(const Options& options);
  ~Head();

  HeadCore& core() { return core_; }
  const HeadCore& core() const { return core_; }
  DetachedStore& detached() REQUIRES(core_.structure_mutex) { return detached_; }

  std::unique_ptr<storage::GroupWriter> NewGroup();
  std::unique_ptr<storage::Appender> NewAppender();
  std::unique_ptr<storage::Querier> NewQuerier(int64_t mint, int64_t maxt) const;

  // ---- For writers; structure_mutex is held ----

  Group* CreateGroup(uint32_t id) REQUIRES(core_.structure_mutex);
  Group* CreateGroup() REQUIRES(core_.structure_mutex) { return CreateGroup(next_group_id_); }
  Group* FindGroup(uint32_t id) REQUIRES(core_.structure_mutex);
  void RemoveGroup(Group* group) REQUIRES(core_.structure_mutex);
  // Ends the membership of detached series in a group.
  void ReleaseOwners(const std::vector<uint32_t>& slots) REQUIRES(core_.structure_mutex);
  // Makes the series behind a slot detached, wherever it lives.
  Detached* Detach(uint32_t slot) REQUIRES(core_.structure_mutex);
  const absl::flat_hash_map<uint32_t, std::unique_ptr<Group>>& groups() const
      REQUIRES(core_.structure_mutex) {
    return groups_;
  }

  // ---- Housekeeping; serialised by the caller ----

  // Seals and parks what has not been written to for a while.
  void ParkIdle();
  // Drops full chunks before mint, and series without samples that nobody writes.
  void Truncate(int64_t mint);
  uint64_t CountChunks() const;

 private:
  void CollectDead(uint32_t from, uint32_t to, int64_t mint, std::vector<uint32_t>* dead)
      REQUIRES(core_.structure_mutex);
  void RemoveSeries(const std::vector<uint32_t>& dead) REQUIRES(core_.structure_mutex);
  bool DropOldChunks(SeriesRecord& record, int64_t mint);

  mutable HeadCore core_;
  DetachedStore detached_ GUARDED_BY(core_.structure_mutex);
  absl::flat_hash_map<uint32_t, std::unique_ptr<Group>> groups_ GUARDED_BY(core_.structure_mutex);
  uint32_t next_group_id_ GUARDED_BY(core_.structure_mutex) = 1;
};

}  // namespace narthex::tsdb
