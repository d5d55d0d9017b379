#include "core/histogram/bounds.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/histogram/histogram.h"

namespace narthex {
namespace {

constexpr int kFractions = 1 << kMaxExponentialSchema;
constexpr double kLargest = std::numeric_limits<double>::max();

// 2^(1/2) … 2^(1/256). Every bound between two powers of two is a product of these, multiplied in
// this order: the results are off by up to four units in the last place, and exactly so in
// Prometheus, whose answers must agree to the last bit.
constexpr double kRoots[] = {0x1.6a09e667f3bccp+0, 0x1.306fe0a31b715p+0, 0x1.172b83c7d517bp+0,
                             0x1.0b5586cf9890fp+0, 0x1.059b0d3158574p+0, 0x1.02c9a3e778061p+0,
                             0x1.0163da9fb3335p+0, 0x1.00b1afa5abcbfp+0};

// 2^(i/256) / 2: the bounds of the finest schema between 0.5 and 1; coarser ones skip some.
const std::array<double, kFractions>& Fractions() {
  static const auto table = [] {
    std::array<double, kFractions> t{};
    for (unsigned i = 0; i < kFractions; ++i) {
      double bound = 0.5;
      for (unsigned bit = 0; bit < std::size(kRoots); ++bit) {
        if (i & (kFractions / 2 >> bit)) bound *= kRoots[bit];
      }
      t[i] = bound;
    }
    return t;
  }();
  return table;
}

double ExponentialBound(int32_t index, int32_t schema) {
  if (schema < 0) {
    const int64_t exponent = int64_t{index} * (int64_t{1} << -schema);
    if (exponent == 1024) return kLargest;  // the bucket that ends at infinity
    return std::ldexp(1, static_cast<int>(std::clamp<int64_t>(exponent, -5000, 5000)));
  }
  const auto at = static_cast<uint32_t>(index) & ((1u << schema) - 1);
  const double fraction = Fractions()[at << (kMaxExponentialSchema - schema)];
  const int exponent = (index >> schema) + 1;
  if (fraction == 0.5 && exponent == 1025) return kLargest;
  return std::ldexp(fraction, exponent);
}

}  // namespace

double BucketBound(int32_t index, int32_t schema, std::span<const double> custom_values) {
  if (schema != kCustomBucketsSchema) {
    return ExponentialBound(index,
                            std::clamp(schema, kMinExponentialSchema, kMaxExponentialSchema));
  }
  if (index < 0) return -std::numeric_limits<double>::infinity();
  const auto i = static_cast<size_t>(index);
  return i < custom_values.size() ? custom_values[i] : std::numeric_limits<double>::infinity();
}

Bucket BucketAt(int32_t index, bool positive, int32_t schema,
                std::span<const double> custom_values) {
  const double far = BucketBound(index, schema, custom_values);
  const double near = BucketBound(index - 1, schema, custom_values);
  Bucket b;
  b.lower = positive ? near : -far;
  b.upper = positive ? far : -near;
  const bool custom = schema == kCustomBucketsSchema;
  b.lower_inclusive = custom ? index == 0 : b.lower < 0;
  b.upper_inclusive = custom || b.upper > 0;
  return b;
}

}  // namespace narthex
