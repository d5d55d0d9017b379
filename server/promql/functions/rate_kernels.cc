// The rate family: what changed between the ends of a window, extrapolated to its bounds.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "server/promql/engine/vectorized.h"
#include "server/promql/functions/extrapolation.h"
#include "server/promql/functions/kahan.h"
#include "server/promql/functions/lanes.h"
#include "server/promql/functions/range_kernel.h"

namespace narthex::promql {
namespace {

NX_VECTORIZED bool AnyFall(const double* values, size_t n) {
  int64_t any = 0;
  for (size_t i = 1; i < n; ++i) any |= values[i] < values[i - 1] ? -1 : 0;
  return any != 0;
}

// Places where a counter fell, and the value it fell from. Filled once a series; the windows, which
// move forward, keep the first reset inside them in a cursor.
struct Resets {
  std::vector<uint32_t> at;  // index of the sample after the fall
  std::vector<double> from;

  void Find(const double* values, size_t n) {
    at.clear();
    from.clear();
    if (!AnyFall(values, n)) return;
    for (size_t i = 1; i < n; ++i) {
      if (values[i] < values[i - 1]) {
        at.push_back(static_cast<uint32_t>(i));
        from.push_back(values[i - 1]);
      }
    }
  }
};

// The ends of a run of windows, and what the counter rose between them.
struct Ends {
  static constexpr size_t kRun = 128;
  int64_t first_time[kRun], last_time[kRun], range_end[kRun];
  double gaps[kRun];  // samples less one
  double first_value[kRun], rise[kRun];
};

template <typename To, typename From>
NX_LANE_INLINE void LoadLanes(const From* from, To* to) {
  std::memcpy(to, from, sizeof *to);
}

// As Extrapolation::Factor, operation by operation. Writes whole lanes.
template <bool kCounter, bool kRate>
NX_LANE_INLINE void ExtrapolateRun(const Ends& e, size_t n, int64_t range_ms, double range_seconds,
                                   double* __restrict out) {
  for (size_t i = 0; i < n; i += kLaneWidth) {
    LaneMask first_time, last_time, range_end;
    Lanes gaps, first_value, rise;
    LoadLanes(e.first_time + i, &first_time);
    LoadLanes(e.last_time + i, &last_time);
    LoadLanes(e.range_end + i, &range_end);
    LoadLanes(e.gaps + i, &gaps);
    LoadLanes(e.first_value + i, &first_value);
    LoadLanes(e.rise + i, &rise);
    Lanes sampled, to_start, to_end;
    ToLanes(last_time - first_time, &sampled);
    ToLanes(first_time - (range_end - range_ms), &to_start);
    ToLanes(range_end - last_time, &to_end);
    sampled /= 1000.0;
    to_start /= 1000.0;
    to_end /= 1000.0;
    const Lanes average = sampled / gaps;
    const Lanes threshold = average * 1.1;
    const Lanes half = average / 2.0;
    to_start = to_start >= threshold ? half : to_start;
    if constexpr (kCounter) {
      const Lanes zero = sampled * (first_value / rise);
      const LaneMask counts = (rise > 0.0) & (first_value >= 0.0) & (zero < to_start);
      to_start = counts ? zero : to_start;
    }
    to_end = to_end >= threshold ? half : to_end;
    Lanes factor = (sampled + to_start + to_end) / sampled;
    if constexpr (kRate) factor /= range_seconds;
    const Lanes result = rise * factor;
    std::memcpy(out + i, &result, sizeof result);
  }
}

NX_VECTORIZED void RateRun(const Ends& e, size_t n, int64_t range_ms, double seconds, double* out) {
  ExtrapolateRun<true, true>(e, n, range_ms, seconds, out);
}
NX_VECTORIZED void IncreaseRun(const Ends& e, size_t n, int64_t range_ms, double seconds,
                               double* out) {
  ExtrapolateRun<true, false>(e, n, range_ms, seconds, out);
}
NX_VECTORIZED void DeltaRun(const Ends& e, size_t n, int64_t range_ms, double seconds,
                            double* out) {
  ExtrapolateRun<false, false>(e, n, range_ms, seconds, out);
}

// Collects runs of windows that have two samples or more, and has `run` compute each.
template <bool kCounter>
void Extrapolated(const RangeInput& in, double* out, uint64_t* presence, decltype(RateRun)* run) {
  thread_local Resets resets;
  thread_local Ends ends;
  if constexpr (kCounter) resets.Find(in.values, in.samples);
  const double range_seconds = RangeSeconds(in.windows.range_ms);
  size_t first_reset = 0;
  size_t n = 0;
  const auto flush = [&](size_t end) {
    if (n > 0) {
      double results[Ends::kRun];
      run(ends, n, in.windows.range_ms, range_seconds, results);
      std::copy_n(results, n, out + end - n);
      SetBits(presence, end - n, end);
    }
    n = 0;
  };
  for (size_t i = 0; i < in.steps; ++i) {
    const uint32_t lo = in.lo[i];
    const uint32_t hi = in.hi[i];
    if (hi < lo + 2) {
      flush(i);
      continue;
    }
    double rise = in.values[hi - 1] - in.values[lo];
    if constexpr (kCounter) {
      // The fall into the first sample of the window is not part of it.
      while (first_reset < resets.at.size() && resets.at[first_reset] <= lo) ++first_reset;
      for (size_t r = first_reset; r < resets.at.size() && resets.at[r] < hi; ++r) {
        rise += resets.from[r];
      }
    }
    ends.rise[n] = rise;
    ends.first_value[n] = in.values[lo];
    ends.first_time[n] = in.times[lo];
    ends.last_time[n] = in.times[hi - 1];
    ends.range_end[n] = in.windows.end(i);
    ends.gaps[n] = static_cast<double>(hi - lo - 1);
    if (++n == Ends::kRun) flush(i + 1);
  }
  flush(in.steps);
}

template <bool kRate>
void Instantaneous(const RangeInput& in, double* out, uint64_t* presence) {
  for (size_t i = 0; i < in.steps; ++i) {
    const uint32_t hi = in.hi[i];
    if (hi < in.lo[i] + 2) continue;
    const int64_t interval = in.times[hi - 1] - in.times[hi - 2];
    if (interval == 0) continue;
    const double last = in.values[hi - 1];
    const double previous = in.values[hi - 2];
    double result = last - previous;
    if constexpr (kRate) {
      if (last < previous) result = last;
      result /= static_cast<double>(interval) / 1000;
    }
    out[i] = result;
    SetBit(presence, i);
  }
}

struct Line {
  double slope;
  double intercept;
};

// Least squares, time in seconds from `origin`.
Line LinearRegression(const Window& w, int64_t origin) {
  double n = 0, sx = 0, cx = 0, sy = 0, cy = 0, sxy = 0, cxy = 0, sx2 = 0, cx2 = 0;
  const double first = w.values[0];
  bool constant = true;
  for (size_t i = 0; i < w.size; ++i) {
    const double y = w.values[i];
    if (constant && i > 0 && y != first) constant = false;
    n += 1.0;
    const double x = static_cast<double>(w.times[i] - origin) / 1e3;
    KahanAdd(x, &sx, &cx);
    KahanAdd(y, &sy, &cy);
    KahanAdd(x * y, &sxy, &cxy);
    KahanAdd(x * x, &sx2, &cx2);
  }
  if (constant) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    return std::isinf(first) ? Line{nan, nan} : Line{0, first};
  }
  sx += cx;
  sy += cy;
  sxy += cxy;
  sx2 += cx2;
  const double cov = sxy - sx * sy / n;
  const double var = sx2 - sx * sx / n;
  const double slope = cov / var;
  return {slope, sy / n - slope * sx / n};
}

}  // namespace

void RateKernel(const RangeInput& in, double* out, uint64_t* presence) {
  Extrapolated<true>(in, out, presence, RateRun);
}
void IncreaseKernel(const RangeInput& in, double* out, uint64_t* presence) {
  Extrapolated<true>(in, out, presence, IncreaseRun);
}
void DeltaKernel(const RangeInput& in, double* out, uint64_t* presence) {
  Extrapolated<false>(in, out, presence, DeltaRun);
}
void IrateKernel(const RangeInput& in, double* out, uint64_t* presence) {
  Instantaneous<true>(in, out, presence);
}
void IdeltaKernel(const RangeInput& in, double* out, uint64_t* presence) {
  Instantaneous<false>(in, out, presence);
}

void ChangesKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachWindow(in, 1, out, presence, [](const Window& w, size_t) {
    int64_t changes = 0;
    for (size_t i = 1; i < w.size; ++i) {
      const double a = w.values[i - 1];
      const double b = w.values[i];
      changes += a != b && !(std::isnan(a) && std::isnan(b));
    }
    return static_cast<double>(changes);
  });
}

void ResetsKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachWindow(in, 1, out, presence, [](const Window& w, size_t) {
    int64_t resets = 0;
    for (size_t i = 1; i < w.size; ++i) resets += w.values[i] < w.values[i - 1];
    return static_cast<double>(resets);
  });
}

void DerivKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachWindow(in, 2, out, presence,
                [](const Window& w, size_t) { return LinearRegression(w, w.times[0]).slope; });
}

void PredictLinearKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachWindow(in, 2, out, presence, [&](const Window& w, size_t step) {
    const Line line = LinearRegression(w, in.windows.steps.ts(step));
    return line.slope * in.params[0][step] + line.intercept;
  });
}

// Holt's double exponential smoothing; the factors are checked by the caller.
void SmoothingKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachWindow(in, 2, out, presence, [&](const Window& w, size_t step) {
    const double sf = in.params[0][step];
    const double tf = in.params[1][step];
    double s0 = 0;
    double s1 = w.values[0];
    double b = w.values[1] - w.values[0];
    for (size_t i = 1; i < w.size; ++i) {
      const double x = sf * w.values[i];
      if (i > 1) b = tf * (s1 - s0) + (1 - tf) * b;
      const double y = (1 - sf) * (s1 + b);
      s0 = s1;
      s1 = x + y;
    }
    return s1;
  });
}

}  // namespace narthex::promql
