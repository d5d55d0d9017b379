#pragma once
// The quantile of a set of values, as the aggregation and quantile_over_time compute it.

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "server/promql/engine/go_sort.h"

namespace narthex::promql {

// NaN sorts before every number.
inline bool NanLess(double a, double b) {
  if (std::isnan(b)) return false;
  return std::isnan(a) || a < b;
}

// Weighs the two neighbours of the rank among `size` values; value(i) is the i-th smallest.
template <typename Value>
double QuantileOfRanked(double q, size_t size, Value value) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (size == 0 || std::isnan(q)) return std::numeric_limits<double>::quiet_NaN();
  if (q < 0) return -kInf;
  if (q > 1) return kInf;
  const double n = static_cast<double>(size);
  const double rank = q * (n - 1);
  const double lower = std::max(0.0, std::floor(rank));
  const double upper = std::min(n - 1, lower + 1);
  const double weight = rank - std::floor(rank);
  return value(static_cast<size_t>(lower)) * (1 - weight) +
         value(static_cast<size_t>(upper)) * weight;
}

inline double QuantileOfSorted(double q, std::span<const double> values) {
  return QuantileOfRanked(q, values.size(), [&](size_t i) { return values[i]; });
}

// Whether it matters how equal values are ordered: zeros have two signs.
inline bool AnyMinusZero(std::span<const double> values) {
  return std::any_of(values.begin(), values.end(),
                     [](double v) { return v == 0 && std::signbit(v); });
}

// Sorts `values`.
inline double Quantile(double q, std::span<double> values) {
  if (AnyMinusZero(values)) {
    GoSort(values, [](double a, double b) { return std::isnan(a) || a < b; });
  } else {
    std::sort(values.begin(), values.end(), NanLess);
  }
  return QuantileOfSorted(q, values);
}

}  // namespace narthex::promql
