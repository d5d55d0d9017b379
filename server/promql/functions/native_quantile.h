#pragma once
// Quantiles, fractions and variance of native histograms.

#include "core/histogram/histogram.h"

namespace narthex::promql {

struct NativeQuantileResult {
  double value;
  bool nan_result = false;  // the rank lies among NaN observations
  bool nan_skewed = false;  // there are some, which shift the rank
};
// Interpolates exponentially between exponential bounds, linearly elsewhere.
NativeQuantileResult NativeQuantile(double q, const FloatHistogram& h);

struct NativeFractionResult {
  double value;
  bool has_nan = false;  // NaN observations lie in no bucket
};
// The share of observations in [lower, upper].
NativeFractionResult NativeFraction(double lower, double upper, const FloatHistogram& h);

// Around the mean, each bucket by its middle.
double NativeVariance(const FloatHistogram& h);

}  // namespace narthex::promql
