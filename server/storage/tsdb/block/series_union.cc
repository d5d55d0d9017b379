#include "server/storage/tsdb/block/series_union.h"

#include <algorithm>
#include <bit>

namespace narthex::tsdb {

void SeriesUnion::Spill() {
  bits_.resize(limit_ / 64 + 1);
  for (const uint32_t ref : list_) bits_[ref / 64] |= uint64_t{1} << (ref % 64);
  list_.clear();
  sorted_ = true;
}

std::vector<uint32_t> SeriesUnion::Take() {
  if (!bits_.empty()) {
    Spill();
    for (uint32_t w = 0; w < bits_.size(); ++w) {
      for (uint64_t word = bits_[w]; word != 0; word &= word - 1) {
        list_.push_back(w * 64 + static_cast<uint32_t>(std::countr_zero(word)));
      }
    }
    bits_.clear();
  } else if (!sorted_) {
    std::sort(list_.begin(), list_.end());
    list_.erase(std::unique(list_.begin(), list_.end()), list_.end());
  }
  sorted_ = true;
  return std::move(list_);
}

}  // namespace narthex::tsdb
