#include "server/storage/tsdb/compact/plan.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

using Blocks = std::vector<BlockMeta>;

constexpr double kRewriteAbove = 0.05;  // deleted ranges by series

std::vector<Ulid> IdsOf(std::span<const BlockMeta> blocks) {
  std::vector<Ulid> ids;
  for (const BlockMeta& block : blocks) ids.push_back(block.ulid);
  return ids;
}

// The first run of blocks that overlap in time.
std::vector<Ulid> FirstOverlap(const Blocks& blocks) {
  size_t first = 0;
  size_t count = 1;
  int64_t end = blocks[0].max_time;
  for (size_t i = 1; i < blocks.size(); ++i) {
    if (blocks[i].min_time < end) {
      ++count;
    } else if (count > 1) {
      break;
    } else {
      first = i;
    }
    end = std::max(end, blocks[i].max_time);
  }
  if (count == 1) return {};
  return IdsOf(std::span(blocks).subspan(first, count));
}

bool AnyFailed(std::span<const BlockMeta> blocks) {
  return std::any_of(blocks.begin(), blocks.end(),
                     [](const BlockMeta& b) { return b.compaction.failed; });
}

// Runs of blocks inside one aligned range each.
std::vector<std::span<const BlockMeta>> SplitByRange(std::span<const BlockMeta> blocks,
                                                     int64_t range) {
  std::vector<std::span<const BlockMeta>> parts;
  for (size_t i = 0; i < blocks.size();) {
    const int64_t end = RangeEnd(blocks[i].min_time, range);
    const size_t from = i;
    while (i < blocks.size() && blocks[i].max_time <= end) ++i;
    if (i > from) {
      parts.push_back(blocks.subspan(from, i - from));
    } else {
      ++i;  // larger than the range, or across its border
    }
  }
  return parts;
}

std::vector<Ulid> NextLevel(std::span<const BlockMeta> blocks, std::span<const int64_t> ranges) {
  if (blocks.empty()) return {};
  const int64_t newest = blocks.back().min_time;
  for (const int64_t range : ranges.subspan(1)) {
    for (const auto& part : SplitByRange(blocks, range)) {
      if (part.size() < 2 || AnyFailed(part)) continue;
      const int64_t maxt = part.back().max_time;
      if (maxt - part.front().min_time == range || maxt <= newest) return IdsOf(part);
    }
  }
  return {};
}

std::vector<Ulid> WorthRewriting(std::span<const BlockMeta> blocks,
                                 std::span<const int64_t> ranges) {
  const int64_t large = ranges[ranges.size() / 2];
  for (size_t i = blocks.size(); i-- > 0;) {
    const BlockMeta& block = blocks[i];
    if (block.compaction.failed) continue;
    const BlockStats& stats = block.stats;
    if (block.max_time - block.min_time < large) {
      // Small ones are merged soon anyway, unless nothing is left of them.
      if (stats.tombstones > 0 && stats.tombstones >= stats.series) return {block.ulid};
      break;
    }
    const auto series = static_cast<double>(stats.series) + 1;
    if (static_cast<double>(stats.tombstones) / series > kRewriteAbove) return {block.ulid};
  }
  return {};
}

std::vector<Ulid> PlanClass(Blocks blocks, const PlanOptions& options) {
  if (blocks.empty()) return {};
  std::sort(blocks.begin(), blocks.end(), [](const BlockMeta& a, const BlockMeta& b) {
    return a.min_time != b.min_time ? a.min_time < b.min_time : a.ulid < b.ulid;
  });
  if (options.merge_overlapping) {
    std::vector<Ulid> overlap = FirstOverlap(blocks);
    if (!overlap.empty()) return overlap;
  }
  const std::span<const BlockMeta> old = std::span(blocks).first(blocks.size() - 1);
  std::vector<Ulid> level = NextLevel(old, options.ranges);
  return level.empty() ? WorthRewriting(old, options.ranges) : level;
}

}  // namespace

std::vector<int64_t> CompactionRanges(int64_t min, int64_t max) {
  constexpr size_t kMaxLevels = 10;
  std::vector<int64_t> ranges = {min};
  while (ranges.size() < kMaxLevels && ranges.back() <= max / 3)
    ranges.push_back(ranges.back() * 3);
  return ranges;
}

int64_t RangeEnd(int64_t t, int64_t width) {
  const int64_t rest = t % width;
  return t - rest - (rest < 0 ? width : 0) + width;
}

std::vector<Ulid> PlanCompaction(std::span<const BlockMeta> blocks, const PlanOptions& options) {
  Blocks by_age(blocks.begin(), blocks.end());
  std::sort(by_age.begin(), by_age.end(),
            [](const BlockMeta& a, const BlockMeta& b) { return a.ulid < b.ulid; });
  Blocks complete, stale, selected;
  for (BlockMeta& block : by_age) {
    if (options.held_back && options.held_back(block)) break;
    if (block.compaction.HasHint(kHintSelectedSeries)) {
      selected.push_back(std::move(block));
    } else if (block.compaction.HasHint(kHintStaleSeries)) {
      stale.push_back(std::move(block));
    } else {
      complete.push_back(std::move(block));
    }
  }
  for (Blocks* each : {&complete, &stale, &selected}) {
    std::vector<Ulid> plan = PlanClass(std::move(*each), options);
    if (!plan.empty()) return plan;
  }
  return {};
}

}  // namespace narthex::tsdb
