#include "server/promql/functions/native_quantile.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/histogram/arithmetic.h"
#include "server/promql/functions/go_math.h"
#include "server/promql/functions/kahan.h"

namespace narthex::promql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

double LogOf(double v) { return GoLog2(std::abs(v)); }

// A zero bucket of a histogram with buckets on one side only holds nothing of the other side.
void NarrowZero(const FloatHistogram& h, CountedBucket* b) {
  if (h.negative_buckets.empty() && !h.positive_buckets.empty()) {
    b->lower = 0;
  } else if (h.positive_buckets.empty() && !h.negative_buckets.empty()) {
    b->upper = 0;
  }
}

// Cumulative count at `v` inside bucket `b`, of which `rank` observations lie below.
double RankAt(const FloatHistogram& h, const CountedBucket& b, bool zero, double rank, double v) {
  if (h.custom_buckets() || zero) {
    if (b.lower == -kInf) return b.count;
    return rank + b.count * (v - b.lower) / (b.upper - b.lower);
  }
  const double lower = LogOf(b.lower);
  const double upper = LogOf(b.upper);
  const double at = LogOf(v);
  const double part = v > 0 ? (at - lower) / (upper - lower) : 1 - ((at - upper) / (lower - upper));
  return rank + b.count * part;
}

}  // namespace

NativeQuantileResult NativeQuantile(double q, const FloatHistogram& h) {
  if (q < 0) return {-kInf};
  if (q > 1) return {kInf};
  if (h.count == 0 || std::isnan(q)) return {kNaN};
  std::vector<CountedBucket> buckets = AllBuckets(h);
  // NaN observations are in no bucket: then ranks hold from below only. Otherwise the nearer end.
  const bool has_nan = std::isnan(h.sum);
  const bool forward = has_nan || q < 0.5;
  double rank = (forward ? q : 1 - q) * h.count;
  if (!forward) std::reverse(buckets.begin(), buckets.end());
  CountedBucket bucket;
  double count = 0;
  for (const CountedBucket& b : buckets) {
    bucket = b;
    if (b.count == 0) continue;
    count += b.count;
    if (count >= rank) break;
  }
  if (!h.custom_buckets() && bucket.lower < 0 && bucket.upper > 0) {
    NarrowZero(h, &bucket);
  } else if (h.custom_buckets()) {
    if (bucket.lower == -kInf) {
      if (bucket.upper <= 0) return {bucket.upper};
      bucket.lower = 0;
    } else if (bucket.upper == kInf) {
      return {bucket.lower};
    }
  }
  // Rounding may have made the sum of the buckets more than the count.
  count = std::min(count, h.count);
  if (count < rank) {
    if (has_nan) return {.value = kNaN, .nan_result = true};
    return {forward ? bucket.upper : bucket.lower};
  }
  rank = forward ? rank - (count - bucket.count) : count - rank;
  const double part = rank / bucket.count;
  NativeQuantileResult result{.value = 0, .nan_skewed = has_nan};
  if (h.custom_buckets() || (bucket.lower <= 0 && bucket.upper >= 0)) {
    result.value = bucket.lower + (bucket.upper - bucket.lower) * part;
    return result;
  }
  const double lower = LogOf(bucket.lower);
  const double upper = LogOf(bucket.upper);
  result.value = bucket.lower > 0 ? GoExp2(lower + (upper - lower) * part)
                                  : -GoExp2(upper + (lower - upper) * (1 - part));
  return result;
}

NativeFractionResult NativeFraction(double lower, double upper, const FloatHistogram& h) {
  if (h.count == 0 || std::isnan(lower) || std::isnan(upper)) return {kNaN};
  if (lower >= upper) return {0};
  double rank = 0, lower_rank = 0, upper_rank = 0;
  bool lower_set = false, upper_set = false;
  double in_buckets = 0;
  for (CountedBucket b : AllBuckets(h)) {
    in_buckets += b.count;
    if (lower_set && upper_set) continue;
    const bool zero = b.lower <= 0 && b.upper >= 0;
    if (zero) NarrowZero(h, &b);
    const auto place = [&](double v, bool* set, double* at) {
      if (*set) return;
      if (b.lower >= v) {
        *at = rank;
        *set = true;
      } else if (b.upper > v) {
        *at = RankAt(h, b, zero, rank, v);
        *set = true;
      }
    };
    place(lower, &lower_set, &lower_rank);
    place(upper, &upper_set, &upper_rank);
    rank += b.count;
  }
  const bool has_nan = std::isnan(h.sum);
  const double count = has_nan ? in_buckets : h.count;
  if (!lower_set || lower_rank > count) lower_rank = count;
  if (!upper_set || upper_rank > count) upper_rank = count;
  return {(upper_rank - lower_rank) / h.count, has_nan};
}

double NativeVariance(const FloatHistogram& h) {
  const double mean = h.sum / h.count;
  double variance = 0, c = 0;
  for (const CountedBucket& b : AllBuckets(h)) {
    if (b.count == 0) continue;
    double middle = 0;
    if (h.custom_buckets()) {
      middle = (b.upper + b.lower) / 2.0;
    } else if (!(b.lower <= 0 && b.upper >= 0)) {
      middle = std::sqrt(b.upper * b.lower);
      if (b.upper < 0) middle = -middle;
    }
    const double delta = middle - mean;
    KahanAdd(b.count * delta * delta, &variance, &c);
  }
  return (variance + c) / h.count;
}

}  // namespace narthex::promql
