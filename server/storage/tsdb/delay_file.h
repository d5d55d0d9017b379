#pragma once
// The file by which Thanos says which blocks it has uploaded: {"uploaded": ["01…", …]}. Until a
// block is in it, it must not be merged away.
//
// Thread safety: none.

#include <absl/container/flat_hash_set.h>

#include <string>

#include "core/base/clock.h"
#include "server/storage/tsdb/block/meta.h"

namespace narthex::tsdb {

class DelayFile {
 public:
  // No file is read when `path` is empty, and nothing is held back.
  DelayFile(std::string path, const Clock& clock) : path_(std::move(path)), clock_(clock) {}

  // Level-1 blocks that are not uploaded. The file is read at most once a minute; while it cannot
  // be read, all of them.
  bool HoldsBack(const BlockMeta& block);

 private:
  void Read();

  const std::string path_;
  const Clock& clock_;
  int64_t read_at_ms_ = INT64_MIN;
  absl::flat_hash_set<std::string> uploaded_;
};

}  // namespace narthex::tsdb
