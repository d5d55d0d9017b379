#pragma once
// Windows side by side: functions that add up every sample of a window wait for one addition after
// the other. Several windows at once fill that time, each in the order of its own samples, so the
// results are those of one window at a time, bit for bit.

#include <algorithm>
#include <cstddef>

#include "server/promql/functions/range_kernel.h"

namespace narthex::promql {

inline constexpr size_t kLanes = 16;

// Sets out[l] to the value of the `size` samples at windows[l] for all lanes. What is rare may be
// left out: false, and all are to be computed one by one.
using LaneKernel = bool (*)(const double* const* windows, const uint32_t* sizes, double* out);

bool SumLanes(const double* const* windows, const uint32_t* sizes, double* out);
bool MeanLanes(const double* const* windows, const uint32_t* sizes, double* out);
bool VarianceLanes(const double* const* windows, const uint32_t* sizes, double* out);

// All windows that hold something: by `lanes` where enough of them follow each other, else and for
// what that leaves out by one(window).
template <typename One>
void ForEachLane(const RangeInput& in, double* out, uint64_t* presence, LaneKernel lanes, One one) {
  size_t i = 0;
  const auto single = [&](size_t step) {
    out[step] =
        one(Window{in.times + in.lo[step], in.values + in.lo[step], in.hi[step] - in.lo[step]});
    SetBit(presence, step);
  };
  while (i < in.steps) {
    const double* windows[kLanes];
    uint32_t sizes[kLanes];
    size_t n = 0;
    while (n < kLanes && i + n < in.steps && in.lo[i + n] < in.hi[i + n]) {
      windows[n] = in.values + in.lo[i + n];
      sizes[n] = in.hi[i + n] - in.lo[i + n];
      ++n;
    }
    if (n == kLanes && lanes(windows, sizes, out + i)) {
      SetBits(presence, i, i + n);
    } else {
      for (size_t l = 0; l < n; ++l) single(i + l);
    }
    i += std::max<size_t>(n, 1);
  }
}

}  // namespace narthex::promql
