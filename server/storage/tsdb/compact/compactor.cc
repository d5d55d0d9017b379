#include "server/storage/tsdb/compact/compactor.h"

#include <algorithm>
#include <set>

#include "server/storage/tsdb/compact/merge_set.h"

namespace narthex::tsdb {

BlockMeta MergedMeta(std::span<const BlockMeta> blocks) {
  BlockMeta out;
  std::set<Ulid> sources;
  out.min_time = blocks.front().min_time;
  out.max_time = blocks.front().max_time;
  for (const BlockMeta& block : blocks) {
    out.min_time = std::min(out.min_time, block.min_time);
    out.max_time = std::max(out.max_time, block.max_time);
    out.compaction.level = std::max(out.compaction.level, block.compaction.level);
    sources.insert(block.compaction.sources.begin(), block.compaction.sources.end());
    out.compaction.parents.push_back(block.description());
  }
  ++out.compaction.level;
  out.compaction.sources.assign(sources.begin(), sources.end());
  for (const std::string& hint : blocks.front().compaction.hints) {
    const bool all = std::all_of(blocks.begin(), blocks.end(), [&](const BlockMeta& block) {
      return block.compaction.HasHint(hint);
    });
    if (all) out.compaction.AddHint(hint);
  }
  return out;
}

bool AnyOverlap(std::span<const BlockPtr> blocks) {
  std::vector<std::pair<int64_t, int64_t>> times;
  for (const BlockPtr& block : blocks) times.emplace_back(block->min_time(), block->max_time());
  std::sort(times.begin(), times.end());
  for (size_t i = 1; i < times.size(); ++i) {
    if (times[i].first < times[i - 1].second) return true;
  }
  return false;
}

StatusOr<BlockMeta> MergeBlocks(std::span<const BlockPtr> blocks, const std::string& dir,
                                const BlockWriter::Options& options, ChunkObserver observer) {
  std::vector<BlockMeta> metas;
  std::vector<std::unique_ptr<ChunkSeriesSet>> sets;
  for (const BlockPtr& block : blocks) {
    metas.push_back(block->meta());
    sets.push_back(block->NewChunkSeriesSet());
  }
  const std::unique_ptr<ChunkSeriesSet> merged =
      ObserveChunks(MergeSeriesSets(std::move(sets)), std::move(observer));
  return BlockWriter(dir, options).Write(MergedMeta(metas), merged.get());
}

StatusOr<BlockMeta> RewriteBlock(const BlockPtr& block, const std::string& dir,
                                 const BlockWriter::Options& options) {
  const BlockMeta old = block->meta();
  BlockMeta fresh;
  fresh.min_time = old.min_time;
  fresh.max_time = old.max_time;
  fresh.compaction.level = old.compaction.level;
  fresh.compaction.sources = old.compaction.sources;
  fresh.compaction.parents = {old.description()};
  fresh.compaction.hints = old.compaction.hints;
  const std::unique_ptr<ChunkSeriesSet> series = block->NewChunkSeriesSet();
  return BlockWriter(dir, options).Write(std::move(fresh), series.get());
}

}  // namespace narthex::tsdb
