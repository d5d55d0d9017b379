#include "core/histogram/histogram.h"

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

}  // namespace narthex
