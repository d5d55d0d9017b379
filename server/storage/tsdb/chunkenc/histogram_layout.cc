#include "server/storage/tsdb/chunkenc/histogram_layout.h"

#include <cmath>

#include "server/storage/tsdb/chunkenc/varbit.h"

namespace narthex::tsdb {
namespace {

constexpr int32_t kMaxStoredSchema = 52;
constexpr int kZeroExponentBias = 243;

void PutZeroThreshold(double threshold, BitWriter* out) {
  if (threshold == 0) return out->Put(0, 8);
  int exponent = 0;
  const double fraction = std::frexp(threshold, &exponent);
  if (fraction != 0.5 || exponent < -242 || exponent > 11) {
    out->Put(255, 8);
    return out->Put(std::bit_cast<uint64_t>(threshold), 64);
  }
  const int biased = exponent + kZeroExponentBias;
  out->Put(static_cast<uint64_t>(biased), 8);
}

double GetZeroThreshold(BitReader* in) {
  const auto code = static_cast<int>(in->Get(8));
  if (code == 0) return 0;
  if (code == 255) return std::bit_cast<double>(in->Get(64));
  return std::ldexp(0.5, code - kZeroExponentBias);
}

void PutSpans(const std::vector<BucketSpan>& spans, BitWriter* out) {
  PutVarbitUint(spans.size(), out);
  for (const BucketSpan& span : spans) {
    PutVarbitUint(span.length, out);
    PutVarbitInt(span.offset, out);
  }
}

// Each span and each bucket takes at least a bit of what remains.
bool GetSpans(BitReader* in, std::vector<BucketSpan>* spans) {
  const uint64_t n = GetVarbitUint(in);
  if (n > in->remaining()) return false;
  spans->clear();
  uint64_t buckets = 0;
  for (uint64_t i = 0; i < n; ++i) {
    const uint64_t length = GetVarbitUint(in);
    const int64_t offset = GetVarbitInt(in);
    if (!in->ok() || length > in->remaining()) return false;
    // Behind the first span negative ones are wrong, but Prometheus 3.5 writes some: it repeats a
    // bucket when empty buckets go and new ones come in one sample.
    if (offset != static_cast<int32_t>(offset)) return false;
    buckets += length;
    if (buckets > in->remaining()) return false;
    spans->push_back({static_cast<int32_t>(offset), static_cast<uint32_t>(length)});
  }
  return in->ok();
}

void PutCustomBound(double bound, BitWriter* out) {
  // As many as four bytes of varbit hold; the rest takes more than eight bytes anyway.
  const double thousandth = bound * 1000;
  const double whole = std::round(thousandth);
  if (!(thousandth >= 0 && thousandth <= 33554430) || whole / 1000 != bound) {
    out->Put(0, 1);
    return out->Put(std::bit_cast<uint64_t>(bound), 64);
  }
  PutVarbitUint(static_cast<uint64_t>(whole) + 1, out);
}

bool GetCustomBounds(BitReader* in, std::vector<double>* bounds) {
  const uint64_t n = GetVarbitUint(in);
  if (n > in->remaining()) return false;
  bounds->clear();
  for (uint64_t i = 0; i < n && in->ok(); ++i) {
    const uint64_t code = GetVarbitUint(in);
    bounds->push_back(code == 0 ? std::bit_cast<double>(in->Get(64))
                                : static_cast<double>(code - 1) / 1000);
  }
  return in->ok();
}

}  // namespace

CounterResetHint HintFor(ResetHeader header, unsigned index) {
  if (header == ResetHeader::kGauge) return CounterResetHint::kGauge;
  return index > 0 ? CounterResetHint::kNotReset : CounterResetHint::kUnknown;
}

void PutLayout(const HistogramLayout& layout, BitWriter* out) {
  PutZeroThreshold(layout.zero_threshold, out);
  PutVarbitInt(layout.schema, out);
  PutSpans(layout.positive, out);
  PutSpans(layout.negative, out);
  if (layout.schema != kCustomBucketsSchema) return;
  PutVarbitUint(layout.custom_values.size(), out);
  for (const double bound : layout.custom_values) PutCustomBound(bound, out);
}

bool GetLayout(BitReader* in, HistogramLayout* layout) {
  layout->zero_threshold = GetZeroThreshold(in);
  const int64_t schema = GetVarbitInt(in);
  if (schema != kCustomBucketsSchema &&
      (schema < kMinExponentialSchema || schema > kMaxStoredSchema)) {
    return false;
  }
  layout->schema = static_cast<int32_t>(schema);
  if (!GetSpans(in, &layout->positive) || !GetSpans(in, &layout->negative)) return false;
  layout->custom_values.clear();
  return schema != kCustomBucketsSchema || GetCustomBounds(in, &layout->custom_values);
}

}  // namespace narthex::tsdb
