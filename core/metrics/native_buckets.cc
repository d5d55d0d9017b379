#include "core/metrics/native_buckets.h"

#include <array>
#include <cmath>

namespace narthex {
namespace {

constexpr int kMinSchema = -4;
constexpr int kMaxSchema = 8;
constexpr double kZeroThreshold = 0x1p-128;  // upstream's default width of the zero bucket

// The finest schema whose growth factor 2^(2^-schema) is not above `factor`, within the limits.
int PickSchema(double factor) {
  const double floor = std::floor(std::log2(std::log2(factor)));
  if (floor <= -kMaxSchema) return kMaxSchema;
  if (floor >= -kMinSchema) return kMinSchema;
  return -static_cast<int>(floor);
}

// Lower half-open bounds of the 2^schema buckets between 0.5 and 1: frexp's range.
const std::vector<double>& FractionBounds(int schema) {
  static const auto tables = [] {
    std::array<std::vector<double>, kMaxSchema + 1> t;
    for (int s = 1; s <= kMaxSchema; ++s) {
      const int n = 1 << s;
      for (int i = 0; i < n; ++i) t[s].push_back(std::exp2(static_cast<double>(i) / n - 1));
    }
    return t;
  }();
  return tables[schema];
}

}  // namespace

NativeBuckets::NativeBuckets(double factor, uint32_t max_buckets)
    : schema_(PickSchema(factor)), max_buckets_(max_buckets) {}

int32_t NativeBuckets::IndexOf(double magnitude) const {
  const bool infinite = std::isinf(magnitude);
  if (infinite) magnitude = std::numeric_limits<double>::max();
  int exponent = 0;
  const double fraction = std::frexp(magnitude, &exponent);
  int32_t index;
  if (schema_ > 0) {
    const auto& bounds = FractionBounds(schema_);
    const auto at = std::lower_bound(bounds.begin(), bounds.end(), fraction) - bounds.begin();
    index = static_cast<int32_t>(at) + (exponent - 1) * static_cast<int32_t>(bounds.size());
  } else {
    index = fraction == 0.5 ? exponent - 1 : exponent;  // a power of two closes its bucket
    const int shift = -schema_;
    index = (index + (1 << shift) - 1) >> shift;
  }
  return infinite ? index + 1 : index;
}

void NativeBuckets::Observe(double v) {
  if (std::isnan(v)) return;
  if (std::fabs(v) <= kZeroThreshold) {
    ++zero_count_;
    return;
  }
  Counts& side = v > 0 ? positive_ : negative_;
  ++side[IndexOf(std::fabs(v))];
  if (max_buckets_ == 0) return;
  while (positive_.size() + negative_.size() > max_buckets_ && schema_ > kMinSchema) {
    HalveResolution();
  }
}

void NativeBuckets::HalveResolution() {
  for (Counts* side : {&positive_, &negative_}) {
    Counts merged;
    // Two neighbours (2k-1, 2k) become bucket k: the index halves, rounded up.
    for (const auto& [index, n] : *side) merged[(index + (index > 0 ? 1 : 0)) / 2] += n;
    side->swap(merged);
  }
  --schema_;
}

void NativeBuckets::Encode(const Counts& counts, std::vector<NativeHistogram::Span>* spans,
                           std::vector<int64_t>* deltas) {
  int64_t previous = 0;
  int32_t next = 0;
  for (const auto& [index, n] : counts) {
    const int32_t gap = index - next;
    // Two empty buckets cost less than another span.
    if (spans->empty() || gap > 2) {
      spans->push_back({gap, 0});
    } else {
      for (int32_t i = 0; i < gap; ++i) {
        deltas->push_back(-previous);
        previous = 0;
        ++spans->back().length;
      }
    }
    deltas->push_back(static_cast<int64_t>(n) - previous);
    previous = static_cast<int64_t>(n);
    ++spans->back().length;
    next = index + 1;
  }
}

NativeHistogram NativeBuckets::Snapshot() const {
  NativeHistogram h;
  h.schema = schema_;
  h.zero_threshold = kZeroThreshold;
  h.zero_count = static_cast<double>(zero_count_);
  Encode(positive_, &h.positive_spans, &h.positive_deltas);
  Encode(negative_, &h.negative_spans, &h.negative_deltas);
  // A native histogram without observations is told from a classic one by an empty span.
  if (zero_count_ == 0 && positive_.empty() && negative_.empty())
    h.positive_spans.push_back({0, 0});
  return h;
}

}  // namespace narthex
