#pragma once
// How far a change seen between the first and the last sample of a window reaches.

#include <cstdint>

namespace narthex::promql {

// Seconds as Go's time.Duration gives them.
inline double RangeSeconds(int64_t ms) {
  return static_cast<double>(ms / 1000) + static_cast<double>(ms % 1000 * 1'000'000) / 1e9;
}

struct Extrapolation {
  int64_t range_start, range_end, first, last;  // ms
  size_t samples;

  double sampled() const { return static_cast<double>(last - first) / 1000; }

  // What the change is to be multiplied with. `to_zero(sampled)`: seconds back from the first
  // sample to where a counter would have been zero; some huge number when that does not matter.
  template <typename ToZero>
  double Factor(ToZero to_zero) const {
    double to_start = static_cast<double>(first - range_start) / 1000;
    double to_end = static_cast<double>(range_end - last) / 1000;
    const double average = sampled() / static_cast<double>(samples - 1);
    // Samples farther from the bound than 1.1 intervals: the series begins or ends in between,
    // on average half an interval away.
    const double threshold = average * 1.1;
    if (to_start >= threshold) to_start = average / 2;
    // A counter is not extrapolated below zero.
    const double zero = to_zero(sampled());
    if (zero < to_start) to_start = zero;
    if (to_end >= threshold) to_end = average / 2;
    return (sampled() + to_start + to_end) / sampled();
  }
};

}  // namespace narthex::promql
