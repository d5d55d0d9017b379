#pragma once
// The values of a window in order, kept so while the window moves forward over its samples.

#include <algorithm>
#include <bit>
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
      std::sort(sorted_.begin(), sorted_.end(), Before);
    } else {
      for (; lo_ < lo; ++lo_) sorted_.erase(Find(values[lo_]));
      for (; hi_ < hi; ++hi_) sorted_.insert(Find(values[hi_]), values[hi_]);
    }
    lo_ = lo;
    hi_ = hi;
  }

  std::span<const double> values() const { return sorted_; }

 private:
  static constexpr size_t kFewChanges = 4;

  // Total but for NaN, whose bits nobody sees: a zero that leaves is of the sign it came with.
  static bool Before(double a, double b) {
    if (a == 0 && b == 0) return std::signbit(a) && !std::signbit(b);
    return NanLess(a, b);
  }
  std::vector<double>::iterator Find(double v) {
    return std::lower_bound(sorted_.begin(), sorted_.end(), v, Before);
  }

  std::vector<double> sorted_;
  uint32_t lo_ = 0, hi_ = 0;
};

}  // namespace narthex::promql
