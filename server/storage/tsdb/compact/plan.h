#pragma once
// Decides which blocks are compacted next, by their meta data alone.
//
// Ranges grow threefold: 2 h, 6 h, 18 h … Blocks that fill an aligned range, or lie in one that is
// over, become one block of that range. Before that, blocks that overlap in time are merged,
// whatever their size; when nothing else is to do, an old block with many deleted series is
// rewritten alone. The newest block is left out of levels, so that samples can still be backfilled
// beside it.
//
// Blocks that hold only a part of the series of their time (from stale or from selected series) are
// never merged with complete ones: each class is planned for itself.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "server/storage/tsdb/block/meta.h"

namespace narthex::tsdb {

// min, 3·min, 9·min … up to max; at least min itself.
std::vector<int64_t> CompactionRanges(int64_t min, int64_t max);
// The end of the aligned range of `width` that holds t.
int64_t RangeEnd(int64_t t, int64_t width);

struct PlanOptions {
  std::vector<int64_t> ranges;  // ascending, not empty
  bool merge_overlapping = true;
  // Blocks that must stay as they are for now; it and all younger ones are left out. May be empty.
  std::function<bool(const BlockMeta&)> held_back;
};

// The blocks to merge into one, ascending by time; empty when there is nothing to do. One block
// alone is to be rewritten without its deleted samples.
std::vector<Ulid> PlanCompaction(std::span<const BlockMeta> blocks, const PlanOptions& options);

}  // namespace narthex::tsdb
