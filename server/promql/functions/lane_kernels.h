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

// Below this, one by one is as quick as all lanes.
inline constexpr size_t kFewWindows = 4;

// All windows that hold something: by `lanes` where enough of them follow each other, else and for
// what that leaves out by one(window). The last of a run are filled up with those before them,
// which yield what they did.
template <typename One>
void ForEachLane(const RangeInput& in, double* out, uint64_t* presence, LaneKernel lanes, One one) {
  size_t i = 0;
  size_t run = 0;  // the first of the windows without an empty one between
  const auto single = [&](size_t step) {
    out[step] =
        one(Window{in.times + in.lo[step], in.values + in.lo[step], in.hi[step] - in.lo[step]});
    SetBit(presence, step);
  };
  const auto together = [&](size_t n) {
    if (n < kFewWindows) return false;
    const size_t begin = std::max(run, i + n < kLanes ? 0 : i + n - kLanes);
    const double* windows[kLanes];
    uint32_t sizes[kLanes];
    for (size_t l = 0; l < kLanes; ++l) {
      const size_t step = std::min(begin + l, i + n - 1);
      windows[l] = in.values + in.lo[step];
      sizes[l] = in.hi[step] - in.lo[step];
    }
    double values[kLanes];
    if (!lanes(windows, sizes, values)) return false;
    std::copy(values + (i - begin), values + (i - begin) + n, out + i);
    return true;
  };
  while (i < in.steps) {
    size_t n = 0;
    while (n < kLanes && i + n < in.steps && in.lo[i + n] < in.hi[i + n]) ++n;
    if (together(n)) {
      SetBits(presence, i, i + n);
    } else {
      for (size_t l = 0; l < n; ++l) single(i + l);
    }
    i += std::max<size_t>(n, 1);
    if (n == 0) run = i;
  }
}

}  // namespace narthex::promql
