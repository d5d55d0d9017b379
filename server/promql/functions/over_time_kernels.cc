// The *_over_time family. Every window is computed in the order of its samples.

#include <algorithm>
#include <cmath>
#include <vector>

#include "server/promql/functions/kahan.h"
#include "server/promql/functions/lane_kernels.h"
#include "server/promql/functions/quantile.h"
#include "server/promql/functions/range_kernel.h"
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

// The extreme of every window; of equal ones the first, as their zeros may have signs. Keeps those
// samples that no later one of the window beats, so every sample is looked at about twice.
template <typename Better>
void SlidingExtreme(const RangeInput& in, double* out, uint64_t* presence, Better better) {
  thread_local std::vector<uint32_t> unbeaten;
  unbeaten.clear();
  size_t head = 0;
  uint32_t next = 0;
  for (size_t i = 0; i < in.steps; ++i) {
    const uint32_t lo = in.lo[i];
    const uint32_t hi = in.hi[i];
    if (lo == hi) continue;
    for (next = std::max(next, lo); next < hi; ++next) {
      const double v = in.values[next];
      if (std::isnan(v)) continue;
      while (unbeaten.size() > head && better(v, in.values[unbeaten.back()])) unbeaten.pop_back();
      unbeaten.push_back(next);
    }
    while (head < unbeaten.size() && unbeaten[head] < lo) ++head;
    out[i] = in.values[head < unbeaten.size() ? unbeaten[head] : lo];
    SetBit(presence, i);
  }
}

double Seconds(int64_t ms) { return static_cast<double>(ms) / 1000; }

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
  SlidingExtreme(in, out, presence, [](double a, double b) { return a < b; });
}

void MaxKernel(const RangeInput& in, double* out, uint64_t* presence) {
  SlidingExtreme(in, out, presence, [](double a, double b) { return a > b; });
}

void StdvarKernel(const RangeInput& in, double* out, uint64_t* presence) {
  ForEachLane(in, out, presence, VarianceLanes, Variance);
}

void StddevKernel(const RangeInput& in, double* out, uint64_t* presence) {
  StdvarKernel(in, out, presence);
  ForEachBit(presence, PresenceWords(in.steps), [&](size_t i) { out[i] = std::sqrt(out[i]); });
}

void QuantileKernel(const RangeInput& in, double* out, uint64_t* presence) {
  thread_local SortedWindow sorted;
  sorted.Clear();
  std::vector<double> window;
  const std::span<const double> all(in.values + in.lo[0], in.values + in.hi[in.steps - 1]);
  const bool minus_zero = AnyMinusZero(all);
  for (size_t i = 0; i < in.steps; ++i) {
    if (in.lo[i] == in.hi[i]) continue;
    if (minus_zero) {
      window.assign(in.values + in.lo[i], in.values + in.hi[i]);
      out[i] = Quantile(in.params[0][i], window);
    } else {
      sorted.MoveTo(in.values, in.lo[i], in.hi[i]);
      out[i] = QuantileOfSorted(in.params[0][i], sorted.values());
    }
    SetBit(presence, i);
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
