#pragma once
// The blocks of a data directory, opened. What the directory has and what is served are brought
// together by Scan and Show: new blocks appear, blocks that others stem from and blocks that are to
// go disappear, first from the list and then from the disk. A damaged block is left where it is,
// told once, and the rest is served.
//
// Thread safety: list() from any thread; the rest is serialised by the caller. Readers keep blocks
// open by their pointers; nothing waits for them.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/status.h"
#include "server/storage/tsdb/block/block.h"
#include "server/storage/tsdb/compact/compactor.h"

namespace narthex::tsdb {

class BlockSet {
 public:
  using List = std::vector<BlockPtr>;  // ascending by time

  explicit BlockSet(std::string dir) : dir_(std::move(dir)) {}

  // Removes what an interrupted process left unfinished.
  static void RemoveTemporaries(const std::string& dir);

  struct Change {
    std::shared_ptr<const List> blocks;  // the new list, not yet published
    std::vector<std::string> obsolete;   // directories that are not in it any more
  };
  // Looks at the directory. Blocks that are parents of others, and blocks marked deletable, are
  // obsolete.
  StatusOr<Change> Scan();
  // Takes more blocks out of a change.
  static void Drop(const std::vector<Ulid>& ids, Change* change);
  void Show(const Change& change) {
    MutexLock lock(mutex_);
    list_ = change.blocks;
  }
  // Deletes the obsolete directories of a change that is shown. The first error is returned, after
  // all were tried.
  static Status DeleteObsolete(const Change& change);

  std::shared_ptr<const List> list() const {
    MutexLock lock(mutex_);
    return list_;
  }
  uint64_t bytes() const;
  size_t damaged() const { return damaged_.size(); }

 private:
  const std::string dir_;
  std::map<Ulid, std::string> damaged_;  // and why, when last tried
  mutable Mutex mutex_;
  std::shared_ptr<const List> list_ GUARDED_BY(mutex_) = std::make_shared<List>();
};

}  // namespace narthex::tsdb
