#include "server/promql/functions/sorted_lanes.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "core/base/vectorized.h"

namespace narthex::promql {
namespace {

using Row = double[kLaneWidth];

NX_LANE_INLINE void Exchange(Row* lower, Row* upper) {
  Lanes a, b;
  LoadLanes(*lower, &a);
  LoadLanes(*upper, &b);
  StoreLanes(b < a ? b : a, *lower);
  StoreLanes(b < a ? a : b, *upper);
}

// Batcher's merge exchange (Knuth, The Art of Computer Programming, 5.2.2 M) for any number of
// rows.
NX_VECTORIZED void SortRows(Row* rows, size_t n) {
  const size_t top = std::bit_ceil(n) / 2;
  for (size_t p = top; p > 0; p /= 2) {
    size_t remainder = 0;
    size_t distance = p;
    for (size_t q = top;; q /= 2) {
      // Of each 2p rows, those p whose number has or has not the bit p.
      for (size_t begin = remainder; begin + distance < n; begin += 2 * p) {
        const size_t end = std::min(begin + p, n - distance);
        for (size_t i = begin; i < end; ++i) Exchange(rows + i, rows + i + distance);
      }
      if (q == p) break;
      distance = q - p;
      remainder = p;
    }
  }
}

}  // namespace

void SortedLanes::Sort(const double* const* windows, const uint32_t* sizes) {
  const size_t n = *std::max_element(sizes, sizes + kLaneWidth);
  for (size_t l = 0; l < kLaneWidth; ++l) {
    for (size_t i = 0; i < sizes[l]; ++i) cells_[i][l] = windows[l][i];
    // Behind all others, and never looked at.
    for (size_t i = sizes[l]; i < n; ++i) cells_[i][l] = std::numeric_limits<double>::infinity();
  }
  SortRows(cells_, n);
}

}  // namespace narthex::promql
