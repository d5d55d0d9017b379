// Cutting histograms off at a value.

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/histogram/arithmetic.h"
#include "core/histogram/buckets.h"

namespace narthex {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

enum class Scale : uint8_t { kLinear, kExponential };

// A finite stand-in for open ends: nothing below zero unless the bucket is all negative.
Bucket Closed(Bucket b) {
  if (b.lower == -kInf) b.lower = b.upper <= 0 ? b.upper : 0;
  if (b.upper == kInf) b.upper = b.lower;
  return b;
}

// The part of the bucket below `at`, which lies inside it.
double ShareBelow(const Bucket& b, double at, Scale scale) {
  if (b.lower == -kInf) return b.upper <= 0 || at <= 0 ? 0 : at / b.upper;
  if (b.upper == kInf) return 0;
  if (scale == Scale::kLinear) return (at - b.lower) / (b.upper - b.lower);
  const double lower = std::log2(std::abs(b.lower));
  const double upper = std::log2(std::abs(b.upper));
  const double v = std::log2(std::abs(at));
  return b.lower >= 0 ? (v - lower) / (upper - lower) : 1 - (v - upper) / (lower - upper);
}

double Middle(Bucket b, Scale scale) {
  b = Closed(b);
  if (scale == Scale::kLinear) return (b.lower + b.upper) / 2;
  const double middle = std::sqrt(std::abs(b.lower) * std::abs(b.upper));
  return b.lower < 0 ? -middle : middle;
}

class Trimmer {
 public:
  Trimmer(const FloatHistogram& h, double bound, bool keep_below)
      : h_(h), open_(h), bound_(bound), keep_below_(keep_below) {}

  FloatHistogram Run() {
    const Scale scale = open_.custom() ? Scale::kLinear : Scale::kExponential;
    for (BucketCells::Cell& cell : open_.positive.cells) Cut(&cell.count, At(cell, true), scale);
    for (BucketCells::Cell& cell : open_.negative.cells) Cut(&cell.count, At(cell, false), scale);
    if (open_.frame.zero_count > 0) {
      // With one side alone, the zero bucket is taken to hold values of that side.
      const double width = h_.zero_threshold;
      const bool below = !h_.negative_buckets.empty() || h_.positive_buckets.empty();
      const bool above = !h_.positive_buckets.empty() || h_.negative_buckets.empty();
      Cut(&open_.frame.zero_count, {below ? -width : 0, above ? width : 0, true, true},
          Scale::kLinear);
    }
    if (!changed_) return h_;
    open_.frame.count = count_;
    open_.frame.sum = sum_;
    return open_.Close();
  }

 private:
  Bucket At(const BucketCells::Cell& cell, bool positive) const {
    return BucketAt(static_cast<int32_t>(cell.index), positive, h_.schema, h_.custom_values);
  }

  void Cut(double* count, Bucket b, Scale scale) {
    double kept = *count;
    if (keep_below_ ? b.lower >= bound_ : b.upper <= bound_) {
      kept = 0;
    } else if (b.lower < bound_ && bound_ < b.upper) {
      const double below = ShareBelow(b, bound_, scale);
      kept *= keep_below_ ? below : 1 - below;
      (keep_below_ ? b.upper : b.lower) = bound_;
    }
    changed_ |= kept != *count;
    *count = kept;
    count_ += kept;
    if (kept != 0) sum_ += Middle(b, scale) * kept;
  }

  const FloatHistogram& h_;
  OpenHistogram open_;
  const double bound_;
  const bool keep_below_;
  bool changed_ = false;
  double count_ = 0, sum_ = 0;
};

}  // namespace

FloatHistogram TrimAbove(const FloatHistogram& h, double bound) {
  return Trimmer(h, bound, true).Run();
}
FloatHistogram TrimBelow(const FloatHistogram& h, double bound) {
  return Trimmer(h, bound, false).Run();
}

}  // namespace narthex
