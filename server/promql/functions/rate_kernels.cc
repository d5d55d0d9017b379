// The rate family: what changed between the ends of a window, extrapolated to its bounds.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/vectorized.h"
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

// What the extrapolation of windows takes from their times alone, padded to whole lanes.
struct Reach {
  std::vector<uint32_t> first, last;     // samples; of windows with less than two the sample 0
  std::vector<double> sampled;           // seconds between them
  std::vector<double> to_start, to_end;  // how far the change reaches on either side
  std::vector<double> factor;            // from all three
  std::vector<double> steep;             // counters that rise by less than their first value
                                         // divided by this are not extrapolated below zero
  std::vector<uint64_t> present;
  uint64_t shape = 0;

  void Find(const RangeInput& in, bool rate);
};

struct ReachSpans {
  const int64_t *to_start, *sampled, *to_end;  // ms
  const double* gaps;                          // samples less one
};

// As Extrapolation::Factor, operation by operation.
NX_VECTORIZED void FindReach(const ReachSpans& in, size_t n, double range_seconds, bool rate,
                             Reach* out) {
  for (size_t i = 0; i < n; i += kLaneWidth) {
    LaneMask start_ms, sampled_ms, end_ms;
    Lanes gaps, sampled, to_start, to_end;
    LoadLanes(in.to_start + i, &start_ms);
    LoadLanes(in.sampled + i, &sampled_ms);
    LoadLanes(in.to_end + i, &end_ms);
    LoadLanes(in.gaps + i, &gaps);
    ToLanes(sampled_ms, &sampled);
    ToLanes(start_ms, &to_start);
    ToLanes(end_ms, &to_end);
    sampled /= 1000.0;
    to_start /= 1000.0;
    to_end /= 1000.0;
    const Lanes average = sampled / gaps;
    const Lanes threshold = average * 1.1;
    const Lanes half = average / 2.0;
    to_start = to_start >= threshold ? half : to_start;
    to_end = to_end >= threshold ? half : to_end;
    Lanes factor = (sampled + to_start + to_end) / sampled;
    if (rate) factor /= range_seconds;
    StoreLanes(sampled, &out->sampled[i]);
    StoreLanes(to_start, &out->to_start[i]);
    StoreLanes(to_end, &out->to_end[i]);
    StoreLanes(factor, &out->factor[i]);
    // A little more than the quotient, so that rounding never hides a counter.
    StoreLanes(to_start / sampled * 1.000001, &out->steep[i]);
  }
}

void Reach::Find(const RangeInput& in, bool rate) {
  if (in.shape != 0 && in.shape == shape) return;
  shape = in.shape;
  const size_t n = (in.steps + kLaneWidth - 1) / kLaneWidth * kLaneWidth;
  first.assign(n, 0);
  last.assign(n, 0);
  for (std::vector<double>* v : {&sampled, &to_start, &to_end, &factor, &steep}) v->resize(n);
  present.assign(PresenceWords(in.steps), 0);
  std::vector<int64_t> start_ms(n, 0), sampled_ms(n, 0), end_ms(n, 0);
  std::vector<double> gaps(n, 1);
  for (size_t i = 0; i < in.steps; ++i) {
    const uint32_t lo = in.lo[i];
    const uint32_t hi = in.hi[i];
    if (hi < lo + 2) continue;
    SetBit(present.data(), i);
    first[i] = lo;
    last[i] = hi - 1;
    const int64_t end = in.windows.end(i);
    start_ms[i] = in.times[lo] - (end - in.windows.range_ms);
    sampled_ms[i] = in.times[hi - 1] - in.times[lo];
    end_ms[i] = end - in.times[hi - 1];
    gaps[i] = static_cast<double>(hi - lo - 1);
  }
  FindReach({start_ms.data(), sampled_ms.data(), end_ms.data(), gaps.data()}, n,
            RangeSeconds(in.windows.range_ms), rate, this);
}

// Writes whole lanes.
template <bool kCounter, bool kRate>
NX_LANE_INLINE void ExtrapolateAll(const Reach& reach, const double* rises, const double* firsts,
                                   size_t n, double range_seconds, double* out) {
  for (size_t i = 0; i < n; i += kLaneWidth) {
    Lanes rise, factor;
    LoadLanes(rises + i, &rise);
    LoadLanes(&reach.factor[i], &factor);
    if constexpr (kCounter) {
      Lanes first_value, steep;
      LoadLanes(firsts + i, &first_value);
      LoadLanes(&reach.steep[i], &steep);
      const LaneMask maybe = (rise > 0.0) & ~(first_value > rise * steep);
      if ((maybe[0] | maybe[1] | maybe[2] | maybe[3]) != 0) {
        Lanes sampled, to_start, to_end;
        LoadLanes(&reach.sampled[i], &sampled);
        LoadLanes(&reach.to_start[i], &to_start);
        LoadLanes(&reach.to_end[i], &to_end);
        const Lanes zero = sampled * (first_value / rise);
        const LaneMask counts = (rise > 0.0) & (first_value >= 0.0) & (zero < to_start);
        to_start = counts ? zero : to_start;
        factor = (sampled + to_start + to_end) / sampled;
        if constexpr (kRate) factor /= range_seconds;
      }
    }
    StoreLanes(rise * factor, out + i);
  }
}

NX_VECTORIZED void RateAll(const Reach& reach, const double* rises, const double* firsts, size_t n,
                           double seconds, double* out) {
  ExtrapolateAll<true, true>(reach, rises, firsts, n, seconds, out);
}
NX_VECTORIZED void IncreaseAll(const Reach& reach, const double* rises, const double* firsts,
                               size_t n, double seconds, double* out) {
  ExtrapolateAll<true, false>(reach, rises, firsts, n, seconds, out);
}
NX_VECTORIZED void DeltaAll(const Reach& reach, const double* rises, const double* firsts, size_t n,
                            double seconds, double* out) {
  ExtrapolateAll<false, false>(reach, rises, firsts, n, seconds, out);
}

// Adds what the counter fell from inside each window, in order.
void AddResets(const RangeInput& in, double* rises) {
  thread_local Resets resets;
  resets.Find(in.values, in.samples);
  size_t next = 0;
  for (size_t i = 0; i < in.steps && next < resets.at.size(); ++i) {
    // The fall into the first sample of the window is not part of it.
    while (next < resets.at.size() && resets.at[next] <= in.lo[i]) ++next;
    for (size_t r = next; r < resets.at.size() && resets.at[r] < in.hi[i]; ++r) {
      rises[i] += resets.from[r];
    }
  }
}

template <bool kCounter, bool kRate>
void Extrapolated(const RangeInput& in, double* out, uint64_t* presence, decltype(RateAll)* all) {
  if (in.samples == 0) return;
  thread_local Reach reach;
  thread_local std::vector<double> rises, firsts;
  reach.Find(in, kRate);
  const size_t n = reach.first.size();
  rises.resize(n);
  firsts.resize(n);
  for (size_t i = 0; i < n; ++i) {
    firsts[i] = in.values[reach.first[i]];
    rises[i] = in.values[reach.last[i]] - firsts[i];
  }
  if constexpr (kCounter) AddResets(in, rises.data());
  // In place: the row of a tile need not have room for whole lanes.
  const double seconds = RangeSeconds(in.windows.range_ms);
  all(reach, rises.data(), firsts.data(), n, seconds, rises.data());
  std::copy_n(rises.data(), in.steps, out);
  std::copy(reach.present.begin(), reach.present.end(), presence);
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
  Extrapolated<true, true>(in, out, presence, RateAll);
}
void IncreaseKernel(const RangeInput& in, double* out, uint64_t* presence) {
  Extrapolated<true, false>(in, out, presence, IncreaseAll);
}
void DeltaKernel(const RangeInput& in, double* out, uint64_t* presence) {
  Extrapolated<false, false>(in, out, presence, DeltaAll);
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
