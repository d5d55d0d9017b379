#pragma once
// Windows sorted side by side: a network of exchanges has no branches, so that four windows at once
// take the time of one, however little is known of their order.

#include <cstddef>
#include <cstdint>

#include "server/promql/functions/lanes.h"

namespace narthex::promql {

class SortedLanes {
 public:
  static constexpr size_t kMostSamples = 64;

  // Sorts kLaneWidth windows of 1 to kMostSamples samples, none of them NaN or a zero with a sign.
  void Sort(const double* const* windows, const uint32_t* sizes);
  // The `rank`th smallest value of a window.
  double Get(size_t lane, size_t rank) const { return cells_[rank][lane]; }

 private:
  alignas(sizeof(Lanes)) double cells_[kMostSamples][kLaneWidth];
};

}  // namespace narthex::promql
