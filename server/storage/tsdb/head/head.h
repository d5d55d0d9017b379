#pragma once
// The head: groups, detached series and what moves series between them.
//
// Thread safety: as stated; see core.h for the order of locks. (structure_mutex is reached through
// several names, which clang's analysis cannot follow; the order is checked by ThreadSanitizer.)

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <string>
#include <vector>

#include "server/storage/tsdb/head/core.h"
#include "server/storage/tsdb/head/detached.h"
#include "server/storage/tsdb/head/group.h"

namespace narthex::tsdb {

class Head {
 public:
  explicit Head(const Options& options);
  ~Head();

  HeadCore& core() { return core_; }
  const HeadCore& core() const { return core_; }
  // structure_mutex is held.
  DetachedStore& detached() { return detached_; }

  std::unique_ptr<storage::GroupWriter> NewGroup();
  std::unique_ptr<storage::Appender> NewAppender();
  std::unique_ptr<storage::Querier> NewQuerier(int64_t mint, int64_t maxt) const;
  // Over the samples that came out of order; nullptr when there are none.
  std::unique_ptr<storage::Querier> NewLateQuerier(int64_t mint, int64_t maxt) const;

  // ---- For writers; structure_mutex is held ----

  Group* CreateGroup(uint32_t id);
  Group* CreateGroup() { return CreateGroup(next_group_id_); }
  Group* FindGroup(uint32_t id);
  void RemoveGroup(Group* group);
  // Ends the membership of detached series in a group.
  void ReleaseOwners(const std::vector<uint32_t>& slots);
  // Makes the series behind a slot detached, wherever it lives.
  Detached* Detach(uint32_t slot);
  const absl::flat_hash_map<uint32_t, std::unique_ptr<Group>>& groups() const { return groups_; }

  // ---- Housekeeping; serialised by the caller ----

  // Seals and parks what has not been written to for a while.
  void ParkIdle();
  // Drops full chunks before mint, and series without samples that nobody writes.
  void Truncate(int64_t mint);
  // Takes these chunks, which cannot be read, out of their series.
  void DropChunks(std::span<const ChunkRef> damaged);
  // Lets no sample before mint in any more. False while an appender still holds such a sample.
  bool Fence(int64_t mint);
  // Marks the samples of [mint, maxt] of the matching series as deleted, in the log too. Samples
  // that come later are not affected.
  Status Delete(int64_t mint, int64_t maxt, std::span<const Matcher> matchers);
  // Takes the locks of groups and detached series, one after the other.
  uint64_t CountChunks() const;
  // Forgets series that are parked, in the log too; structure_mutex is held.
  void RemoveSeries(const std::vector<uint32_t>& dead);

 private:
  void CollectDead(uint32_t from, uint32_t to, int64_t mint, std::vector<uint32_t>* dead);
  bool DropOldChunks(SeriesRecord& record, int64_t mint);
  void FindMinTime(int64_t mint);

  mutable HeadCore core_;
  DetachedStore detached_;
  absl::flat_hash_map<uint32_t, std::unique_ptr<Group>> groups_;
  uint32_t next_group_id_ = 1;
};

}  // namespace narthex::tsdb
