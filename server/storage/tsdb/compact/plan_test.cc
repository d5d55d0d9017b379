#include "server/storage/tsdb/compact/plan.h"

#include <algorithm>
#include <random>

#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

constexpr int64_t kTiny = 20;

struct TestBlock {
  int64_t mint, maxt;
  bool failed = false;
  uint64_t tombstones = 0;
  std::string_view hint = {};
  uint64_t series = 100;
};

Ulid Numbered(size_t n) {
  Ulid id;
  id.bytes[15] = static_cast<uint8_t>(n + 1);
  id.bytes[14] = static_cast<uint8_t>((n + 1) >> 8);
  return id;
}

std::vector<BlockMeta> MetasOf(const std::vector<TestBlock>& blocks) {
  std::vector<BlockMeta> metas;
  for (const TestBlock& block : blocks) {
    BlockMeta meta;
    meta.ulid = Numbered(metas.size());
    meta.min_time = block.mint;
    meta.max_time = block.maxt;
    meta.compaction.failed = block.failed;
    meta.stats.tombstones = block.tombstones;
    meta.stats.series = block.series;
    if (!block.hint.empty()) meta.compaction.AddHint(block.hint);
    metas.push_back(std::move(meta));
  }
  return metas;
}

// The plan as indexes into the list.
std::vector<size_t> Plan(const std::vector<TestBlock>& blocks, PlanOptions options = {}) {
  if (options.ranges.empty()) options.ranges = {kTiny, 60, 180, 540, 1620};
  std::vector<BlockMeta> metas = MetasOf(blocks);
  std::vector<size_t> out;
  for (const Ulid& id : PlanCompaction(metas, options)) {
    const auto found =
        std::find_if(metas.begin(), metas.end(), [&](const BlockMeta& m) { return m.ulid == id; });
    REQUIRE(found != metas.end());
    out.push_back(static_cast<size_t>(found - metas.begin()));
  }
  return out;
}

TEST_CASE("Compaction ranges") {
  CHECK(CompactionRanges(20, 540) == std::vector<int64_t>{20, 60, 180, 540});
  CHECK(CompactionRanges(20, 539) == std::vector<int64_t>{20, 60, 180});
  CHECK(CompactionRanges(20, 20) == std::vector<int64_t>{20});
  CHECK(CompactionRanges(20, 1) == std::vector<int64_t>{20});
  CHECK(CompactionRanges(20, INT64_MAX).size() == 10);
}

TEST_CASE("Aligned ranges") {
  const struct {
    int64_t t, end;
  } cases[] = {{0, 20}, {19, 20}, {20, 40}, {-1, 0}, {-20, 0}, {-21, -20}};
  for (const auto& c : cases) CHECK(RangeEnd(c.t, 20) == c.end);
}

TEST_CASE("Blocks of a full range are merged, the newest block left out") {
  using Want = std::vector<size_t>;
  const struct {
    const char* name;
    std::vector<TestBlock> blocks;
    Want want;
  } cases[] = {
      {"none", {}, {}},
      {"one", {{0, 20}}, {}},
      {"two in an open range", {{0, 20}, {20, 40}}, {}},
      {"three, but the last may still be backfilled beside", {{0, 20}, {20, 40}, {40, 60}}, {}},
      {"a full range", {{0, 20}, {20, 40}, {40, 60}, {60, 80}}, {0, 1, 2}},
      {"a gap in a range that is over", {{0, 20}, {40, 60}, {60, 80}}, {0, 1}},
      {"a range that is over and short", {{0, 20}, {20, 40}, {60, 80}, {80, 100}}, {0, 1}},
      {"one block alone in its range", {{0, 20}, {60, 80}, {80, 100}}, {}},
      {"order of age is not order of time", {{40, 60}, {0, 20}, {60, 80}, {20, 40}}, {1, 3, 0}},
      {"next level", {{0, 60}, {60, 120}, {120, 180}, {180, 200}}, {0, 1, 2}},
      {"small before large",
       {{0, 60}, {60, 120}, {120, 180}, {180, 200}, {200, 220}, {220, 240}, {240, 260}},
       {3, 4, 5}},
      {"a failed block keeps its range out", {{0, 20, true}, {20, 40}, {40, 60}, {60, 80}}, {}},
      {"another range goes on beside a failed one",
       {{0, 20, true}, {20, 40}, {40, 60}, {60, 80}, {80, 100}, {100, 120}, {120, 140}},
       {3, 4, 5}},
      {"a block across a border joins none",
       {{40, 50}, {50, 70}, {70, 80}, {120, 140}, {140, 160}},
       {}},
      {"negative times", {{-60, -40}, {-40, -20}, {-20, 0}, {0, 20}}, {0, 1, 2}},
  };
  for (const auto& c : cases) {
    INFO(c.name);
    CHECK(Plan(c.blocks) == c.want);
  }
}

TEST_CASE("Overlapping blocks go first") {
  using Want = std::vector<size_t>;
  CHECK(Plan({{0, 20}, {20, 40}, {40, 60}, {60, 80}, {70, 90}}) == Want{3, 4});
  CHECK(Plan({{0, 20}, {19, 40}, {40, 60}}) == Want{0, 1});
  CHECK(Plan({{0, 20}, {10, 40}, {30, 50}, {60, 80}}) == Want{0, 1, 2});
  CHECK(Plan({{0, 100}, {10, 20}, {30, 40}, {100, 120}}) == Want{0, 1, 2});
  CHECK(Plan({{0, 20}, {0, 20}}) == Want{0, 1});
  CHECK(Plan({{0, 20}, {20, 40}}) == Want{});
  PlanOptions options;
  options.merge_overlapping = false;
  CHECK(Plan({{0, 20}, {10, 20}, {60, 80}, {80, 100}}, options) == Want{0, 1});
  CHECK(Plan({{0, 20}, {10, 30}}, options) == Want{});
}

TEST_CASE("Blocks with many deleted series are rewritten") {
  using Want = std::vector<size_t>;
  const PlanOptions options{.ranges = {20, 60, 180}};
  CHECK(Plan({{0, 60, false, 10}, {60, 80}}, options) == Want{0});
  CHECK(Plan({{0, 60, false, 5}, {60, 80}}, options) == Want{});     // too few
  CHECK(Plan({{0, 20, false, 10}, {60, 80}}, options) == Want{});    // merged soon anyway
  CHECK(Plan({{0, 20, false, 100}, {60, 80}}, options) == Want{0});  // nothing is left of it
  CHECK(Plan({{0, 60}, {60, 80, false, 100}}, options) == Want{});   // the newest
  CHECK(Plan({{0, 60, true, 50}, {60, 80}}, options) == Want{});     // failed before
}

TEST_CASE("Partial views are not merged with complete blocks") {
  using Want = std::vector<size_t>;
  const auto stale = kHintStaleSeries, selected = kHintSelectedSeries, late = kHintOutOfOrder;
  CHECK(Plan({{0, 20}, {0, 20, false, 0, stale}, {20, 40}}) == Want{});
  CHECK(Plan({{0, 20, false, 0, stale}, {10, 20, false, 0, stale}, {20, 40}}) == Want{0, 1});
  CHECK(Plan({{0, 20, false, 0, stale}, {10, 20, false, 0, selected}}) == Want{});
  CHECK(Plan({{0, 20}, {10, 20, false, 0, late}, {20, 40}}) == Want{0, 1});
}

TEST_CASE("What is held back and all younger blocks stay") {
  PlanOptions options;
  options.held_back = [](const BlockMeta& m) { return m.ulid == Numbered(2); };
  CHECK(Plan({{0, 20}, {20, 40}, {40, 60}, {60, 80}}, options).empty());
  CHECK(Plan({{0, 20}, {10, 40}, {40, 60}, {45, 80}}, options) == std::vector<size_t>{0, 1});
}

TEST_CASE("Planning again and again ends, without overlap") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<BlockMeta> blocks;
    size_t next = 0;
    for (int64_t i = 0, n = static_cast<int64_t>(random() % 40) + 1; i < n; ++i) {
      const int64_t at = random() % 3 == 0 ? static_cast<int64_t>(random() % 600) : i * 20;
      std::vector<BlockMeta> one = MetasOf({{at, at + 20}});
      one[0].ulid = Numbered(next++);
      blocks.push_back(one[0]);
    }
    int steps = 0;
    for (;; ++steps) {
      REQUIRE(steps < 100);
      const auto plan = PlanCompaction(blocks, {.ranges = {20, 60, 180}});
      if (plan.empty()) break;
      REQUIRE(plan.size() > 1);
      BlockMeta merged;
      merged.ulid = Numbered(next++);
      merged.min_time = INT64_MAX;
      merged.max_time = INT64_MIN;
      for (const Ulid& id : plan) {
        const auto it = std::find_if(blocks.begin(), blocks.end(),
                                     [&](const BlockMeta& m) { return m.ulid == id; });
        REQUIRE(it != blocks.end());
        merged.min_time = std::min(merged.min_time, it->min_time);
        merged.max_time = std::max(merged.max_time, it->max_time);
        blocks.erase(it);
      }
      blocks.push_back(merged);
    }
    std::sort(blocks.begin(), blocks.end(),
              [](const BlockMeta& a, const BlockMeta& b) { return a.min_time < b.min_time; });
    for (size_t i = 1; i < blocks.size(); ++i) {
      CHECK(blocks[i - 1].max_time <= blocks[i].min_time);
    }
  }
}

}  // namespace
}  // namespace narthex::tsdb
