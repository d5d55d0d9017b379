#pragma once
// Writes one block in Prometheus' format: chunk segments, index, tombstones, meta.json. Everything
// is written to <ULID>.tmp-for-creation, synced, and renamed to <ULID>; a failed attempt leaves
// nothing behind but, at worst, a directory of that suffix, which opening the database removes.
//
// Memory: the symbols (the set's own strings plus an index of 16 bytes each), one counter per label
// pair, and batches of postings of at most Options::postings_bytes. Chunk bytes go straight from
// the set to the file.
//
// Thread safety: distinct writers are independent, also in one directory.

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/status.h"
#include "server/storage/tsdb/block/meta.h"
#include "server/storage/tsdb/chunk_series.h"

namespace narthex::tsdb {

inline constexpr std::string_view kTmpForCreationSuffix = ".tmp-for-creation";
inline constexpr std::string_view kTmpForDeletionSuffix = ".tmp-for-deletion";

class BlockWriter {
 public:
  struct Options {
    uint64_t segment_bytes = uint64_t{512} << 20;
    uint64_t postings_bytes = 0;  // 0: four bytes a series
    // Polled once a series; Cancelled when it turns true.
    const std::atomic<bool>* cancel = nullptr;
  };

  explicit BlockWriter(std::string parent_dir) : BlockWriter(std::move(parent_dir), Options()) {}
  BlockWriter(std::string parent_dir, Options options)
      : parent_dir_(std::move(parent_dir)), options_(options) {}

  // `meta` says times, level, sources, parents and hints; a zero ulid is replaced by a new one, and
  // empty sources by the block itself. Returns it with statistics filled. When the set has no
  // series, nothing is written and the result's stats.samples is 0.
  // ResourceExhausted when the disk is full.
  StatusOr<BlockMeta> Write(BlockMeta meta, ChunkSeriesSet* series);

 private:
  Status WriteFiles(const std::string& dir, ChunkSeriesSet* series, BlockMeta* meta);

  const std::string parent_dir_;
  const Options options_;
};

// Renames to <dir>.tmp-for-deletion, syncs the parent, deletes. A crash in between leaves only
// what opening the database removes. Readers that hold the block open go on undisturbed.
Status DeleteBlockDir(const std::string& block_dir);

}  // namespace narthex::tsdb
