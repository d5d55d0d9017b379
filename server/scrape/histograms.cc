#include "server/scrape/histograms.h"

#include <algorithm>
#include <cmath>

#include "core/histogram/resolution.h"

namespace narthex::scrape {
namespace {

std::vector<BucketSpan> Spans(const std::vector<NativeHistogram::Span>& spans) {
  std::vector<BucketSpan> out;
  out.reserve(spans.size());
  for (const NativeHistogram::Span& span : spans) out.push_back({span.offset, span.length});
  return out;
}

template <typename Histogram>
void CopyShared(const MetricSample& sample, bool gauge, Histogram* h) {
  const NativeHistogram& native = *sample.native;
  h->reset = gauge ? CounterResetHint::kGauge : CounterResetHint::kUnknown;
  h->schema = native.schema;
  h->zero_threshold = native.zero_threshold;
  h->sum = sample.sample_sum;
  h->positive_spans = Spans(native.positive_spans);
  h->negative_spans = Spans(native.negative_spans);
}

template <typename Histogram>
StatusOr<AnyHistogram> Finish(Histogram h, const config::ScrapeConfig& config) {
  // What no schema of ours has becomes the finest one.
  int32_t finest = kMaxExponentialSchema;
  const double factor = config.native_histogram_min_bucket_factor;
  if (factor > 1) finest = std::min(finest, FinestSchema(factor));
  if (h.schema > finest) NX_RETURN_IF_ERROR(ReduceResolution(finest, &h));
  const uint64_t limit = config.native_histogram_bucket_limit;
  if (limit > 0) NX_RETURN_IF_ERROR(LimitBuckets(limit, &h));
  NX_RETURN_IF_ERROR(Validate(h));
  return AnyHistogram(std::move(h));
}

// Counts of integer histograms come as doubles from the parser.
uint64_t ToCount(double v) { return v >= 0 && v < 0x1p64 ? static_cast<uint64_t>(v) : 0; }

}  // namespace

int32_t FinestSchema(double factor) {
  const double floor = std::floor(std::log2(std::log2(factor)));
  return std::clamp(-static_cast<int32_t>(std::clamp(floor, -100.0, 100.0)), kMinExponentialSchema,
                    kMaxExponentialSchema);
}

StatusOr<AnyHistogram> LimitHistogram(AnyHistogram histogram, const config::ScrapeConfig& config) {
  return std::visit([&](auto& h) { return Finish(std::move(h), config); }, histogram);
}

StatusOr<AnyHistogram> ConvertHistogram(const ScrapeResult::Histogram& scraped,
                                        const config::ScrapeConfig& config) {
  const MetricSample& sample = *scraped.sample;
  const NativeHistogram& native = *sample.native;
  if (native.is_float) {
    FloatHistogram h;
    CopyShared(sample, scraped.gauge, &h);
    h.zero_count = native.zero_count;
    h.count = sample.sample_count;
    h.positive_buckets = native.positive_counts;
    h.negative_buckets = native.negative_counts;
    return Finish(std::move(h), config);
  }
  IntHistogram h;
  CopyShared(sample, scraped.gauge, &h);
  h.zero_count = ToCount(native.zero_count);
  h.count = ToCount(sample.sample_count);
  h.positive_deltas = native.positive_deltas;
  h.negative_deltas = native.negative_deltas;
  return Finish(std::move(h), config);
}

}  // namespace narthex::scrape
