// The *_over_time family. Every window is computed in the order of its samples.

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "core/base/vectorized.h"
#include "server/promql/functions/kahan.h"
#include "server/promql/functions/lane_kernels.h"
#include "server/promql/functions/quantile.h"
#include "server/promql/functions/range_kernel.h"
#include "server/promql/functions/sorted_lanes.h"
#include "server/promql/functions/sorted_window.h"

namespace narthex::promql {
namespace {

// Plain mean until the sum overflows, then incremental from there on.
double Mean(const Window& w) {
  double sum = w.values[0];
  double count = 1;
  double mean = 0;
  double c = 0;
  bool incremental = false;
  for (size_t i = 1; i < w.size; ++i) {
    const double v = w.values[i];
    count = static_cast<double>(i + 1);
    if (!incremental) {
      double new_sum = sum;
      double new_c = c;
      KahanAdd(v, &new_sum, &new_c);
      if (!std::isinf(new_sum)) {
        sum = new_sum;
        c = new_c;
        continue;
      }
      incremental = true;
      mean = sum / (count - 1);
      c /= count - 1;
    }
    const double q = (count - 1) / count;
    mean *= q;
    c *= q;
    KahanAdd(v / count, &mean, &c);
  }
  return incremental ? mean + c : sum / count + c / count;
}

// Welford with compensation.
double Variance(const Window& w) {
  double count = 0, mean = 0, c_mean = 0, aux = 0, c_aux = 0;
  for (size_t i = 0; i < w.size; ++i) {
    const double v = w.values[i];
    count += 1;
    const double delta = v - (mean + c_mean);
    KahanAdd(delta / count, &mean, &c_mean);
    KahanAdd(delta * (v - (mean + c_mean)), &aux, &c_aux);
  }
  return (aux + c_aux) / count;
}

// Index of the extreme; a leading NaN gives way to the first number. `kLast`: the last of equals.
template <typename Better>
size_t Extreme(const Window& w, Better better) {
  size_t best = 0;
  for (size_t i = 1; i < w.size; ++i) {
    if (better(w.values[i], w.values[best]) || std::isnan(w.values[best])) best = i;
  }
  return best;
}

// The ts_of functions name the last of several equal samples.
size_t LastMinIndex(const Window& w) {
  return Extreme(w, [](double a, double b) { return a <= b; });
}
size_t LastMaxIndex(const Window& w) {
  return Extreme(w, [](double a, double b) { return a >= b; });
}

NX_VECTORIZED bool AnyNaN(const double* values, size_t n) {
  bool any = false;
  for (size_t i = 0; i < n; ++i) any |= values[i] != values[i];
  return any;
}

// Folds every window by `fold`, which is associative. A window has two parts: of the front one it
// is known what any sample and all behind it fold to, of the back one what it folds to so far. When
// windows have left the front behind, the back becomes the front. So every sample is folded twice,
// and no branch depends on values.
template <typename Fold>
void FoldWindows(const RangeInput& in, double* out, uint64_t* presence, Fold fold) {
  const std::unique_ptr<double[]> front(new double[in.samples]);
  uint32_t front_end = 0;
  uint32_t back_end = 0;
  double back = 0;
  for (size_t i = 0; i < in.steps; ++i) {
    const uint32_t lo = in.lo[i];
    const uint32_t hi = in.hi[i];
    if (lo == hi) continue;
    SetBit(presence, i);
    if (lo >= front_end) {
      double folded = front[hi - 1] = in.values[hi - 1];
      for (uint32_t k = hi - 1; k-- > lo;) front[k] = folded = fold(in.values[k], folded);
      front_end = back_end = hi;
      out[i] = folded;
      continue;
    }
    for (; back_end < hi; ++back_end) {
      const double v = in.values[back_end];
      back = back_end == front_end ? v : fold(back, v);
    }
    out[i] = back_end == front_end ? front[lo] : fold(front[lo], back);
  }
}

// The extreme of every window; of equal ones the first, as their zeros may have signs. NaN gives
// way to any number.
template <typename Better>
void Extremes(const RangeInput& in, double* out, uint64_t* presence, Better better) {
  if (AnyNaN(in.values, in.samples)) {
    FoldWindows(in, out, presence,
                [better](double a, double b) { return better(b, a) || std::isnan(a) ? b : a; });
  } else {
    FoldWindows(in, out, presence, [better](double a, double b) { return better(b, a) ? b : a; });
  }
}

double Seconds(int64_t ms) { return static_cast<double>(ms) / 1000; }

// Whether windows are short and have so many samples that the ones before them had not that they
// are sorted anew sooner than moved.
bool MoveFar(const RangeInput& in) {
  size_t longest = 0;
  for (size_t i = 0; i < in.steps; ++i) longest = std::max<size_t>(longest, in.hi[i] - in.lo[i]);
  const size_t last = in.steps - 1;
  const size_t moved = (in.lo[last] - in.lo[0]) + (in.hi[last] - in.hi[0]);
  return longest <= SortedLanes::kMostSamples && moved * 16 > longest * last;
}

void QuantilesSortedAnew(const RangeInput& in, double* out, uint64_t* presence) {
  SortedLanes sorted;
  size_t steps[kLaneWidth];
  const double* windows[kLaneWidth];
  uint32_t sizes[kLaneWidth];
  size_t n = 0;
  for (size_t i = 0; i < in.steps; ++i) {
    if (in.lo[i] < in.hi[i]) SetBit(presence, steps[n++] = i);
    if (n == 0 || (n < kLaneWidth && i + 1 < in.steps)) continue;
    for (size_t l = 0; l < kLaneWidth; ++l) {
      const size_t step = steps[std::min(l, n - 1)];
      windows[l] = in.values + in.lo[step];
      sizes[l] = in.hi[step] - in.lo[step];
    }
    sorted.Sort(windows, sizes);
    for (size_t l = 0; l < n; ++l) {
      out[steps[l]] = QuantileOfRanked(in.params[0][steps[l]], sizes[l],
                                       [&](size_t rank) { return sorted.Get(l, rank); });
    }
    n = 0;
  }
}

}  // namespace

void SumKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachLane(in, out, presence, SumLanes, [](const Window& w) {
    double sum = 0;
    double c = 0;
    for (size_t i = 0; i < w.size; ++i) KahanAdd(w.values[i], &sum, &c);
    return std::isinf(sum) ? sum : sum + c;
  });
}

void AvgKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachLane(in, out, presence, MeanLanes, Mean);
}

void CountKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachWindow(in, 1, out, presence,
                [](const Window& w, size_t) { return static_cast<double>(w.size); });
}

void MinKernel(const RangeInput& in, double* out, uint64_t* presence) {
  Extremes(in, out, presence, [](double a, double b) { return a < b; });
}

void MaxKernel(const RangeInput& in, double* out, uint64_t* presence) {
  Extremes(in, out, presence, [](double a, double b) { return a > b; });
}

void StdvarKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachLane(in, out, presence, VarianceLanes, Variance);
}

void StddevKernel(const RangeInput& in, double* out, uint64_t* presence) {
  StdvarKernel(in, out, presence);
  ForEachBit(presence, PresenceWords(in.steps), [&](size_t i) { out[i] = std::sqrt(out[i]); });
}

void QuantileKernel(const RangeInput& in, double* out, uint64_t* presence) {
  const std::span<const double> all(in.values + in.lo[0], in.values + in.hi[in.steps - 1]);
  if (AnyMinusZero(all)) {
    std::vector<double> window;
    ForEachWindow(in, 1, out, presence, [&](const Window& w, size_t i) {
      window.assign(w.values, w.values + w.size);
      return Quantile(in.params[0][i], window);
    });
  } else if (MoveFar(in) && !AnyNaN(all.data(), all.size())) {
    QuantilesSortedAnew(in, out, presence);
  } else {
    thread_local SortedWindow sorted;
    sorted.Clear();
    ForEachWindow(in, 1, out, presence, [&](const Window&, size_t i) {
      sorted.MoveTo(in.values, in.lo[i], in.hi[i]);
      return QuantileOfSorted(in.params[0][i], sorted.values());
    });
  }
}

// Median of the distances from the median.
void MadKernel(const RangeInput& in, double* out, uint64_t* presence) {
  std::vector<double> sorted;
  ForEachWindow(in, 1, out, presence, [&](const Window& w, size_t) {
    sorted.assign(w.values, w.values + w.size);
    const double median = Quantile(0.5, sorted);
    for (size_t i = 0; i < w.size; ++i) sorted[i] = std::abs(w.values[i] - median);
    return Quantile(0.5, sorted);
  });
}

void LastKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachWindow(in, 1, out, presence, [](const Window& w, size_t) { return w.values[w.size - 1]; });
}
void FirstKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachWindow(in, 1, out, presence, [](const Window& w, size_t) { return w.values[0]; });
}
void PresentKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachWindow(in, 1, out, presence, [](const Window&, size_t) { return 1.0; });
}
void TsOfLastKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachWindow(in, 1, out, presence,
                [](const Window& w, size_t) { return Seconds(w.times[w.size - 1]); });
}
void TsOfFirstKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachWindow(in, 1, out, presence, [](const Window& w, size_t) { return Seconds(w.times[0]); });
}
void TsOfMinKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachWindow(in, 1, out, presence,
                [](const Window& w, size_t) { return Seconds(w.times[LastMinIndex(w)]); });
}
void TsOfMaxKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachWindow(in, 1, out, presence,
                [](const Window& w, size_t) { return Seconds(w.times[LastMaxIndex(w)]); });
}

}  // namespace narthex::promql
