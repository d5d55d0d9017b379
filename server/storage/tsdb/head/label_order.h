#pragma once
// The series of the head in label order, without holding their labels: what a block is written in.
//
// Values are ranked per name (a sort of the dictionary), series by the ranks of their first label
// pair; the series of one first pair (one metric) are sorted when their turn comes: by their next
// pair, in place, as long as there are many, the rest by all their pairs at once. So the memory is
// 8 bytes a series, 4 a value, and the pairs of `at_once` series.
//
// The index is locked, shared, for a slice at a time. Thread safety: none.

#include <cstdint>
#include <span>
#include <vector>

#include "server/storage/tsdb/head/core.h"

namespace narthex::tsdb {

class LabelOrder {
 public:
  // The series that exist now. The caller pins core->epochs before, and as long as this lives.
  explicit LabelOrder(const HeadCore* core, size_t at_once = 8192);
  // kNoSlot at the end.
  uint32_t Next();
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    uint32_t key = 0;  // rank of the pair it was sorted by
    uint32_t slot = 0;
  };
  // Entries up to `end` are sorted by their pair number `depth`, and equal in those before.
  struct Level {
    size_t end;
    size_t depth;
  };
  // Shows the pair number `depth` of entries; nullptr when they have no more.
  template <typename Fn>
  void ForEachPair(std::span<Entry> entries, size_t depth, Fn&& fn);
  // Where the ranks of the values of a name begin, by name id, for names that come at that depth.
  std::vector<uint32_t> Offsets(std::span<Entry> entries, size_t depth);
  void SortBy(std::span<Entry> entries, size_t depth);
  // Sorts by all pairs behind the first `depth`.
  void SortWhole(std::span<const Entry> entries, size_t depth);
  void LoadRun();
  uint64_t RankOf(uint64_t pair);
  const std::vector<uint32_t>& RanksOf(uint32_t name);

  const HeadCore& core_;
  std::vector<uint32_t> name_ranks_;                // by name id
  std::vector<std::vector<uint32_t>> value_ranks_;  // by name id, value id; filled when needed
  const size_t at_once_;
  std::vector<Entry> entries_;
  std::vector<Level> levels_;  // the innermost one last
  size_t next_entry_ = 0;
  std::vector<uint32_t> run_;
  size_t next_in_run_ = 0;
};

}  // namespace narthex::tsdb
