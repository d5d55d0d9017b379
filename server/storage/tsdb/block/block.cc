#include "server/storage/tsdb/block/block.h"

#include <algorithm>

#include "core/base/file.h"
#include "server/storage/tsdb/block/block_querier.h"
#include "server/storage/tsdb/block/block_series_set.h"
#include "server/storage/tsdb/block/select.h"

namespace narthex::tsdb {

StatusOr<std::shared_ptr<Block>> Block::Open(const std::string& dir) {
  std::shared_ptr<Block> block(new Block());
  NX_ASSIGN_OR_RETURN(BlockMeta meta, ReadMetaFile(dir));
  NX_ASSIGN_OR_RETURN(Tombstones tombstones, ReadTombstones(dir));
  NX_ASSIGN_OR_RETURN(block->chunks_, ChunkSegments::Open(JoinPath(dir, kChunksDir)));
  NX_ASSIGN_OR_RETURN(block->index_, IndexReader::Open(JoinPath(dir, kIndexFile)));
  block->dir_ = dir;
  block->ulid_ = meta.ulid;
  block->min_time_ = meta.min_time;
  block->max_time_ = meta.max_time;
  block->meta_bytes_ = FormatMeta(meta).size();
  block->tombstone_bytes_ = tombstones.Encode().size();
  MutexLock lock(block->mutex_);
  block->meta_ = std::move(meta);
  block->tombstones_ = std::make_shared<const Tombstones>(std::move(tombstones));
  return block;
}

BlockMeta Block::meta() const {
  MutexLock lock(mutex_);
  return meta_;
}

std::shared_ptr<const Tombstones> Block::tombstones() const {
  MutexLock lock(mutex_);
  return tombstones_;
}

uint64_t Block::bytes() const {
  return index_->bytes() + chunks_->bytes() + meta_bytes_ + tombstone_bytes_;
}

std::unique_ptr<storage::Querier> Block::NewQuerier(int64_t mint, int64_t maxt) const {
  return NewBlockQuerier(shared_from_this(), mint, maxt);
}

std::unique_ptr<ChunkSeriesSet> Block::NewChunkSeriesSet(int64_t mint, int64_t maxt,
                                                         std::span<const Matcher> matchers) const {
  return NewBlockSeriesSet(shared_from_this(), mint, maxt, matchers);
}

Status Block::Delete(int64_t mint, int64_t maxt, std::span<const Matcher> matchers) {
  MutexLock writing(write_mutex_);
  NX_ASSIGN_OR_RETURN(const std::vector<uint32_t> refs, SelectSeries(*index_, matchers));
  Tombstones changed = *tombstones();
  IndexReader::Series series;
  for (const uint32_t ref : refs) {
    NX_RETURN_IF_ERROR(index_->ReadSeries(ref, &series, mint, maxt));
    if (series.chunks.empty()) continue;
    changed.Add(ref, Interval{std::max(mint, series.chunks.front().mint),
                              std::min(maxt, series.chunks.back().maxt)});
  }
  NX_RETURN_IF_ERROR(WriteTombstones(dir_, changed));
  tombstone_bytes_ = changed.Encode().size();
  BlockMeta meta = this->meta();
  meta.stats.tombstones = changed.intervals();
  {
    MutexLock lock(mutex_);
    tombstones_ = std::make_shared<const Tombstones>(std::move(changed));
  }
  return ReplaceMeta(std::move(meta));
}

Status Block::ReplaceMeta(BlockMeta changed) {
  NX_RETURN_IF_ERROR(WriteMetaFile(dir_, changed));
  meta_bytes_ = FormatMeta(changed).size();
  MutexLock lock(mutex_);
  meta_ = std::move(changed);
  return OkStatus();
}

Status Block::SetCompactionFailed() {
  MutexLock writing(write_mutex_);
  BlockMeta changed = meta();
  changed.compaction.failed = true;
  return ReplaceMeta(std::move(changed));
}

Status Block::SetDeletable() {
  MutexLock writing(write_mutex_);
  BlockMeta changed = meta();
  changed.compaction.deletable = true;
  return ReplaceMeta(std::move(changed));
}

}  // namespace narthex::tsdb
