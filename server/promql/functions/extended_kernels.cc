// Ranges whose bounds have values of their own: `anchored` takes the newest sample up to a bound,
// `smoothed` a point on the line between its neighbours. Nothing is extrapolated. The windows
// reach beyond their bounds by the lookback, on both sides when smoothed.

#include <algorithm>

#include "server/promql/engine/annotations.h"
#include "server/promql/functions/extrapolation.h"
#include "server/promql/functions/range_kernel.h"

namespace narthex::promql {
namespace {

struct Bounds {
  TimestampMs start, end;
};

Bounds BoundsOf(const RangeInput& in, size_t step) {
  const TimestampMs end = in.windows.end(step);
  return {end - in.windows.range_ms, end};
}

// The line between samples i and i + 1 at `t`. A counter that fell in between began anew from
// zero: on the left bound what was before does not matter, on the right one it goes on counting.
double Between(const RangeInput& in, size_t i, TimestampMs t, bool counter, bool left) {
  double y1 = in.values[i];
  double y2 = in.values[i + 1];
  if (counter && y2 < y1) {
    if (left) {
      y1 = 0;
    } else {
      y2 += y1;
    }
  }
  return y1 + (y2 - y1) * static_cast<double>(t - in.times[i]) /
                  static_cast<double>(in.times[i + 1] - in.times[i]);
}

// First and last sample of a window: those that give the values at its bounds. None: no sample
// behind its start.
struct Ends {
  size_t first, last;
};
std::optional<Ends> FindEnds(const RangeInput& in, size_t step, bool smoothed) {
  const size_t lo = in.lo[step];
  const size_t hi = in.hi[step];
  if (lo == hi) return std::nullopt;
  const Bounds b = BoundsOf(in, step);
  const size_t behind_start =
      static_cast<size_t>(std::upper_bound(in.times + lo, in.times + hi - 1, b.start) - in.times);
  Ends ends{behind_start > lo ? behind_start - 1 : lo, hi - 1};
  if (smoothed) {
    ends.last =
        static_cast<size_t>(std::lower_bound(in.times + lo, in.times + hi - 1, b.end) - in.times);
  }
  if (in.times[ends.last] <= b.start) return std::nullopt;
  return ends;
}

template <bool kCounter, bool kRate>
void Extended(const RangeInput& in, double* out, uint64_t* presence) {
  const bool smoothed = in.windows.after_ms > 0;
  for (size_t i = 0; i < in.steps; ++i) {
    const auto ends = FindEnds(in, i, smoothed);
    if (!ends) continue;
    const Bounds b = BoundsOf(in, i);
    auto [first, last] = *ends;
    const double left = smoothed && in.times[first] < b.start && first < last
                            ? Between(in, first, b.start, kCounter, true)
                            : in.values[first];
    const double right = smoothed && in.times[last] > b.end && last > first
                             ? Between(in, last - 1, b.end, kCounter, false)
                             : in.values[last];
    double result = right - left;
    if constexpr (kCounter) {
      double previous = left;
      for (size_t k = first; k <= last; ++k) {
        if (in.times[k] <= b.start || in.times[k] >= b.end) continue;
        if (in.values[k] < previous) result += previous;
        previous = in.values[k];
      }
      if (right < previous) result += previous;
    }
    if constexpr (kRate) result /= RangeSeconds(in.windows.range_ms);
    out[i] = result;
    SetBit(presence, i);
  }
}

// The function of the samples from the anchor on.
void FromAnchor(const RangeInput& in, RangeKernel kernel, double* out, uint64_t* presence) {
  std::vector<uint32_t> lo(in.lo, in.lo + in.steps);
  for (size_t i = 0; i < in.steps; ++i) {
    const auto ends = FindEnds(in, i, false);
    lo[i] = ends ? static_cast<uint32_t>(ends->first) : in.hi[i];
  }
  RangeInput anchored = in;
  anchored.lo = lo.data();
  anchored.shape = 0;
  kernel(anchored, out, presence);
}

}  // namespace

void ExtendedRate(const RangeInput& in, double* out, uint64_t* presence) {
  Extended<true, true>(in, out, presence);
}
void ExtendedIncrease(const RangeInput& in, double* out, uint64_t* presence) {
  Extended<true, false>(in, out, presence);
}
void ExtendedDelta(const RangeInput& in, double* out, uint64_t* presence) {
  Extended<false, false>(in, out, presence);
}
void AnchoredChanges(const RangeInput& in, double* out, uint64_t* presence) {
  FromAnchor(in, ChangesKernel, out, presence);
}
void AnchoredResets(const RangeInput& in, double* out, uint64_t* presence) {
  FromAnchor(in, ResetsKernel, out, presence);
}

}  // namespace narthex::promql
