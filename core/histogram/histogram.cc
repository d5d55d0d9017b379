#include "core/histogram/histogram.h"

#include <algorithm>
#include <bit>

namespace narthex {
namespace {

std::vector<double> Absolute(const std::vector<int64_t>& deltas) {
  std::vector<double> counts;
  counts.reserve(deltas.size());
  int64_t count = 0;
  for (int64_t delta : deltas) {
    count = static_cast<int64_t>(static_cast<uint64_t>(count) + static_cast<uint64_t>(delta));
    counts.push_back(static_cast<double>(count));
  }
  return counts;
}

}  // namespace

namespace {

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool SameBits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](double x, double y) { return SameBits(x, y); });
}

template <typename Histogram>
bool SameFrame(const Histogram& a, const Histogram& b) {
  return a.reset == b.reset && a.schema == b.schema &&
         SameBits(a.zero_threshold, b.zero_threshold) && SameBits(a.sum, b.sum) &&
         a.positive_spans == b.positive_spans && a.negative_spans == b.negative_spans &&
         SameBits(a.custom_values, b.custom_values);
}

}  // namespace

bool SameBits(const IntHistogram& a, const IntHistogram& b) {
  return SameFrame(a, b) && a.count == b.count && a.zero_count == b.zero_count &&
         a.positive_deltas == b.positive_deltas && a.negative_deltas == b.negative_deltas;
}

bool SameBits(const FloatHistogram& a, const FloatHistogram& b) {
  return SameFrame(a, b) && SameBits(a.count, b.count) && SameBits(a.zero_count, b.zero_count) &&
         SameBits(a.positive_buckets, b.positive_buckets) &&
         SameBits(a.negative_buckets, b.negative_buckets);
}

size_t BucketsOf(std::span<const BucketSpan> spans) {
  size_t n = 0;
  for (const BucketSpan& span : spans) n += span.length;
  return n;
}

FloatHistogram ToFloat(const IntHistogram& h) {
  return {.reset = h.reset,
          .schema = h.schema,
          .zero_threshold = h.zero_threshold,
          .zero_count = static_cast<double>(h.zero_count),
          .count = static_cast<double>(h.count),
          .sum = h.sum,
          .positive_spans = h.positive_spans,
          .negative_spans = h.negative_spans,
          .positive_buckets = Absolute(h.positive_deltas),
          .negative_buckets = Absolute(h.negative_deltas),
          .custom_values = h.custom_values};
}

namespace {

void DropEmpty(std::vector<BucketSpan>* spans, std::vector<double>* buckets) {
  std::vector<BucketSpan> kept;
  size_t at = 0, out = 0;
  int64_t index = 0, end = 0;
  for (const BucketSpan& span : *spans) {
    index += span.offset;
    for (uint32_t k = 0; k < span.length && at < buckets->size(); ++k, ++at, ++index) {
      if ((*buckets)[at] == 0) continue;
      if (kept.empty() || index != end) kept.push_back({static_cast<int32_t>(index - end), 0});
      ++kept.back().length;
      end = index + 1;
      (*buckets)[out++] = (*buckets)[at];
    }
  }
  buckets->resize(out);
  *spans = std::move(kept);
}

}  // namespace

FloatHistogram WithoutEmptyBuckets(FloatHistogram h) {
  DropEmpty(&h.positive_spans, &h.positive_buckets);
  DropEmpty(&h.negative_spans, &h.negative_buckets);
  return h;
}

bool SameCounts(const FloatHistogram& a, const FloatHistogram& b) {
  FloatHistogram x = WithoutEmptyBuckets(a), y = WithoutEmptyBuckets(b);
  x.reset = y.reset = CounterResetHint::kUnknown;
  return SameBits(x, y);
}

bool SameCounts(const IntHistogram& a, const IntHistogram& b) {
  return a.count == b.count && a.zero_count == b.zero_count && SameCounts(ToFloat(a), ToFloat(b));
}

}  // namespace narthex
