#pragma once
// The series of the head in label order, without holding their labels: what a block is written in.
//
// Values are ranked per name (a sort of the dictionary), series by the ranks of their first label
// pair; the series of one first pair (one metric) are sorted by all their pairs when their turn
// comes. So the memory is 8 bytes a series, 4 a value, and the pairs of the largest metric.
//
// The index is locked, shared, for a slice at a time. Thread safety: none.

#include <cstdint>
#include <vector>

#include "server/storage/tsdb/head/core.h"

namespace narthex::tsdb {

class LabelOrder {
 public:
  // The series that exist now. The caller pins core->epochs before, and as long as this lives.
  explicit LabelOrder(const HeadCore* core);
  // kNoSlot at the end.
  uint32_t Next();
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    uint32_t key = 0;  // rank of the first pair
    uint32_t slot = 0;
  };
  // Shows the first pair of every entry.
  template <typename Fn>
  void ForEachFirst(Fn&& fn);
  // Where the ranks of the values of a name begin, by name id, for names that come first.
  std::vector<uint32_t> Offsets();
  void LoadRun();
  uint64_t RankOf(uint64_t pair);
  const std::vector<uint32_t>& RanksOf(uint32_t name);

  const HeadCore& core_;
  std::vector<uint32_t> name_ranks_;                // by name id
  std::vector<std::vector<uint32_t>> value_ranks_;  // by name id, value id; filled when needed
  std::vector<Entry> entries_;
  size_t next_entry_ = 0;
  std::vector<uint32_t> run_;
  size_t next_in_run_ = 0;
};

}  // namespace narthex::tsdb
