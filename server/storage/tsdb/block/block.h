#pragma once
// One persistent block: <ULID>/{meta.json, index, chunks/000001…, tombstones}, mapped and
// validated.
//
// What is checked when: sizes, magic numbers, table of contents, symbols and postings offsets at
// Open; a postings list, a series and a chunk (bounds and checksum) each time it is read. Errors
// name the file.
//
// Thread safety: every method. Readers made from a block keep it mapped; its directory may be
// deleted meanwhile.

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/labels/matcher.h"
#include "server/storage/interface.h"
#include "server/storage/tsdb/block/chunk_segments.h"
#include "server/storage/tsdb/block/meta.h"
#include "server/storage/tsdb/block/tombstones.h"
#include "server/storage/tsdb/chunk_series.h"
#include "server/storage/tsdb/index/index_reader.h"

namespace narthex::tsdb {

class Block : public std::enable_shared_from_this<Block> {
 public:
  static StatusOr<std::shared_ptr<Block>> Open(const std::string& dir);

  const std::string& dir() const { return dir_; }
  BlockMeta meta() const;
  int64_t min_time() const { return min_time_; }  // inclusive
  int64_t max_time() const { return max_time_; }  // exclusive
  const Ulid& ulid() const { return ulid_; }
  // Size on disk of all its files.
  uint64_t bytes() const;
  bool OverlapsClosedRange(int64_t mint, int64_t maxt) const {
    return min_time_ <= maxt && mint < max_time_;
  }

  const IndexReader& index() const { return *index_; }
  const ChunkSegments& chunks() const { return *chunks_; }
  std::shared_ptr<const Tombstones> tombstones() const;

  // Series in label order, deleted samples left out; the tombstones are those of now.
  std::unique_ptr<storage::Querier> NewQuerier(int64_t mint, int64_t maxt) const;
  // The series with samples in [mint, maxt]; a chunk that reaches beyond is cut, one with deleted
  // samples is encoded anew, all others are handed on as they are.
  std::unique_ptr<ChunkSeriesSet> NewChunkSeriesSet(int64_t mint = INT64_MIN,
                                                    int64_t maxt = INT64_MAX,
                                                    std::span<const Matcher> matchers = {}) const;

  // Marks the samples of [mint, maxt] of the matching series as deleted, on disk too.
  Status Delete(int64_t mint, int64_t maxt, std::span<const Matcher> matchers);
  // Changes meta.json.
  Status SetCompactionFailed();
  Status SetDeletable();

 private:
  Block() = default;
  Status ReplaceMeta(BlockMeta changed) REQUIRES(write_mutex_);

  std::string dir_;
  Ulid ulid_;
  int64_t min_time_ = 0;
  int64_t max_time_ = 0;
  std::atomic<uint64_t> meta_bytes_{0};
  std::atomic<uint64_t> tombstone_bytes_{0};
  std::unique_ptr<IndexReader> index_;
  std::unique_ptr<ChunkSegments> chunks_;
  Mutex write_mutex_;  // one writer of the small files at a time; held across their I/O
  mutable Mutex mutex_;
  BlockMeta meta_ GUARDED_BY(mutex_);
  std::shared_ptr<const Tombstones> tombstones_ GUARDED_BY(mutex_);
};

}  // namespace narthex::tsdb
