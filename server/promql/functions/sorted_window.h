#pragma once
// The values of a window in order, kept so while the window moves forward over its samples.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "server/promql/functions/quantile.h"

namespace narthex::promql {

class SortedWindow {
 public:
  void Clear() {
    sorted_.clear();
    lo_ = hi_ = 0;
  }

  // Neither bound may go back.
  void MoveTo(const double* values, uint32_t lo, uint32_t hi) {
    const size_t changed = static_cast<size_t>(lo - lo_) + (hi - hi_);
    if (lo >= hi_ || changed > kFewChanges + sorted_.size() / 4) {
      sorted_.assign(values + lo, values + hi);
      std::sort(sorted_.begin(), sorted_.end(), NanLess);
    } else {
      for (; lo_ < lo; ++lo_) {
        sorted_.erase(std::lower_bound(sorted_.begin(), sorted_.end(), values[lo_], NanLess));
      }
      for (; hi_ < hi; ++hi_) {
        sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), values[hi_], NanLess),
                       values[hi_]);
      }
    }
    lo_ = lo;
    hi_ = hi;
  }

  std::span<const double> values() const { return sorted_; }

 private:
  static constexpr size_t kFewChanges = 4;

  std::vector<double> sorted_;
  uint32_t lo_ = 0, hi_ = 0;
};

}  // namespace narthex::promql
