// The checks of incoming histograms. The texts are upstream's: remote write answers with them.

#include <cmath>
#include <limits>

#include "core/histogram/histogram.h"
#include "core/strings/numbers.h"

namespace narthex {
namespace {

constexpr std::string_view kMismatch =
    "histogram spans specify different number of buckets than provided";

Status NegativeOffset(size_t index, int32_t offset) {
  return InvalidArgument(
      "span number {} with offset {}: histogram has a span whose offset is negative", index + 1,
      offset);
}

Status CheckBucketNumber(uint64_t needed, size_t have) {
  if (needed == have) return OkStatus();
  return InvalidArgument("spans need {} buckets, have {} buckets: {}", needed, have, kMismatch);
}

Status CheckSpans(const std::vector<BucketSpan>& spans, size_t buckets) {
  for (size_t i = 1; i < spans.size(); ++i) {
    if (spans[i].offset < 0) return NegativeOffset(i, spans[i].offset);
  }
  return CheckBucketNumber(BucketsOf(spans), buckets);
}

Status CheckCustomBounds(const std::vector<double>& bounds, const std::vector<BucketSpan>& spans,
                         size_t buckets) {
  double previous = -std::numeric_limits<double>::infinity();
  for (const double bound : bounds) {
    if (std::isnan(bound)) return InvalidArgument("histogram custom bounds must not be NaN");
    if (bound <= previous) {
      return InvalidArgument(
          "previous bound is {} and current is {}: histogram custom bounds must be in strictly "
          "increasing order",
          std::isinf(previous) ? "-Inf" : FormatFloatF(previous, 6),
          std::isinf(bound) ? (bound < 0 ? "-Inf" : "+Inf") : FormatFloatF(bound, 6));
    }
    previous = bound;
  }
  if (previous == std::numeric_limits<double>::infinity()) {
    return InvalidArgument(
        "last +Inf bound must not be explicitly defined: histogram custom bounds must be finite");
  }
  uint64_t covered = 0;
  for (size_t i = 0; i < spans.size(); ++i) {
    if (spans[i].offset < 0) return NegativeOffset(i, spans[i].offset);
    covered += spans[i].length + static_cast<uint64_t>(spans[i].offset);
  }
  NX_RETURN_IF_ERROR(CheckBucketNumber(BucketsOf(spans), buckets));
  if (bounds.size() + 1 < covered) {
    return InvalidArgument(
        "only {} custom bounds defined which is insufficient to cover total span length of {}: "
        "histogram custom bounds are too few",
        bounds.size(), covered);
  }
  return OkStatus();
}

Status NegativeBucket(size_t index, std::string_view count) {
  return InvalidArgument(
      "bucket number {} has observation count of {}: histogram has a bucket whose observation "
      "count is negative",
      index + 1, count);
}

// Adds the buckets to *sum.
Status CheckCounts(const std::vector<int64_t>& deltas, uint64_t* sum) {
  uint64_t count = 0;
  for (size_t i = 0; i < deltas.size(); ++i) {
    count += static_cast<uint64_t>(deltas[i]);
    const auto value = static_cast<int64_t>(count);
    if (value < 0) return NegativeBucket(i, fmt::format("{}", value));
    *sum += count;
  }
  return OkStatus();
}

Status CheckCounts(const std::vector<double>& counts, double* sum) {
  for (size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] < 0) {
      std::string text;
      AppendExpositionFloat(&text, counts[i]);
      return NegativeBucket(i, text);
    }
    *sum += counts[i];
  }
  return OkStatus();
}

const std::vector<int64_t>& Positive(const IntHistogram& h) { return h.positive_deltas; }
const std::vector<int64_t>& Negative(const IntHistogram& h) { return h.negative_deltas; }
const std::vector<double>& Positive(const FloatHistogram& h) { return h.positive_buckets; }
const std::vector<double>& Negative(const FloatHistogram& h) { return h.negative_buckets; }

template <typename Histogram>
Status CheckCustomLayout(const Histogram& h) {
  const Status bounds = CheckCustomBounds(h.custom_values, h.positive_spans, Positive(h).size());
  if (!bounds.ok()) return Annotate(bounds, "custom buckets");
  if (h.zero_count != 0) return InvalidArgument("custom buckets: must have zero count of 0");
  if (h.zero_threshold != 0) {
    return InvalidArgument("custom buckets: must have zero threshold of 0");
  }
  if (!h.negative_spans.empty()) {
    return InvalidArgument("custom buckets: must not have negative spans");
  }
  if (!Negative(h).empty())
    return InvalidArgument("custom buckets: must not have negative buckets");
  return OkStatus();
}

// Everything but the total count; the buckets are added to the sums.
template <typename Histogram, typename Sum>
Status CheckLayoutAndBuckets(const Histogram& h, Sum* positive, Sum* negative) {
  if (h.custom_buckets()) {
    NX_RETURN_IF_ERROR(CheckCustomLayout(h));
  } else if (h.schema >= kMinExponentialSchema && h.schema <= kMaxExponentialSchema) {
    NX_RETURN_IF_ERROR(Annotate(CheckSpans(h.positive_spans, Positive(h).size()), "positive side"));
    NX_RETURN_IF_ERROR(Annotate(CheckSpans(h.negative_spans, Negative(h).size()), "negative side"));
    NX_RETURN_IF_ERROR(Annotate(CheckCounts(Negative(h), negative), "negative side"));
    if (!h.custom_values.empty()) {
      return InvalidArgument("histogram with exponential schema must not have custom bounds");
    }
  } else {
    return InvalidArgument(
        "histogram has an invalid schema, which must be between {} and {} for exponential "
        "buckets, or {} for custom buckets, got schema {}",
        kMinExponentialSchema, kMaxExponentialSchema, kCustomBucketsSchema, h.schema);
  }
  return Annotate(CheckCounts(Positive(h), positive), "positive side");
}

}  // namespace

Status Validate(const IntHistogram& h) {
  uint64_t positive = 0, negative = 0;
  NX_RETURN_IF_ERROR(CheckLayoutAndBuckets(h, &positive, &negative));
  const uint64_t sum = positive + negative + h.zero_count;
  // Observed NaNs are in no bucket; they make the sum NaN.
  if (std::isnan(h.sum) ? sum <= h.count : sum == h.count) return OkStatus();
  return InvalidArgument(
      "{} observations found in buckets, but the Count field is {}: histogram's observation count "
      "should {} the number of observations found in the buckets{}",
      sum, h.count, std::isnan(h.sum) ? "be at least" : "equal",
      std::isnan(h.sum) ? "" : " (in absence of NaN)");
}

Status Validate(const FloatHistogram& h) {
  // Sums of floats need not agree with the count to the last bit, so that is not checked.
  double positive = 0, negative = 0;
  return CheckLayoutAndBuckets(h, &positive, &negative);
}

}  // namespace narthex
