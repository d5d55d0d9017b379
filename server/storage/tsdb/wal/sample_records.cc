#include "server/storage/tsdb/wal/sample_records.h"

#include "server/storage/interface.h"

namespace narthex::tsdb {
namespace {

constexpr uint8_t kHintBits = 0x03;
constexpr uint8_t kStale = 0x04;     // nothing follows
constexpr uint8_t kCustom = 0x08;    // custom bounds follow
constexpr uint8_t kNegative = 0x10;  // a negative side follows

void PutCount(uint64_t v, ByteWriter* out) { out->Uvarint(v); }
void PutCount(double v, ByteWriter* out) { out->LeDouble(v); }
void GetCount(ByteReader* in, uint64_t* v) { *v = in->Uvarint(); }
void GetCount(ByteReader* in, double* v) { *v = in->LeDouble(); }
void PutBucket(int64_t v, ByteWriter* out) { out->Varint(v); }
void PutBucket(double v, ByteWriter* out) { out->LeDouble(v); }
void GetBucket(ByteReader* in, int64_t* v) { *v = in->Varint(); }
void GetBucket(ByteReader* in, double* v) { *v = in->LeDouble(); }

auto& Positive(auto& h) {
  if constexpr (requires { h.positive_deltas; })
    return h.positive_deltas;
  else
    return h.positive_buckets;
}
auto& Negative(auto& h) {
  if constexpr (requires { h.negative_deltas; })
    return h.negative_deltas;
  else
    return h.negative_buckets;
}

template <typename Buckets>
void PutSide(const std::vector<BucketSpan>& spans, const Buckets& buckets, ByteWriter* out) {
  out->Uvarint(spans.size());
  for (const BucketSpan& span : spans) {
    out->Varint(span.offset);
    out->Uvarint(span.length);
  }
  for (const auto v : buckets) PutBucket(v, out);
}

// A bucket takes at least a byte, a span two.
template <typename Buckets>
bool GetSide(ByteReader* in, std::vector<BucketSpan>* spans, Buckets* buckets) {
  const uint64_t n = in->Uvarint();
  if (n > in->remaining()) return false;
  uint64_t total = 0;
  for (uint64_t i = 0; i < n; ++i) {
    const int64_t offset = in->Varint();
    const uint64_t length = in->Uvarint();
    if (offset != static_cast<int32_t>(offset) || length > in->remaining()) return false;
    total += length;
    if (total > in->remaining()) return false;
    spans->push_back({static_cast<int32_t>(offset), static_cast<uint32_t>(length)});
  }
  buckets->resize(total);
  for (auto& v : *buckets) GetBucket(in, &v);
  return in->ok();
}

template <typename Histogram>
void PutHistogram(const Histogram& h, ByteWriter* out) {
  const bool stale = storage::IsStaleNaN(h.sum);
  const bool negative = !h.negative_spans.empty();
  out->U8(static_cast<uint8_t>(static_cast<uint8_t>(h.reset) | (stale ? kStale : 0) |
                               (h.custom_buckets() ? kCustom : 0) | (negative ? kNegative : 0)));
  if (stale) return;
  out->Varint(h.schema);
  out->LeDouble(h.zero_threshold);
  PutCount(h.zero_count, out);
  PutCount(h.count, out);
  out->LeDouble(h.sum);
  PutSide(h.positive_spans, Positive(h), out);
  if (negative) PutSide(h.negative_spans, Negative(h), out);
  if (!h.custom_buckets()) return;
  out->Uvarint(h.custom_values.size());
  for (const double bound : h.custom_values) out->LeDouble(bound);
}

template <typename Histogram>
bool GetHistogram(ByteReader* in, Histogram* h) {
  *h = Histogram();
  const uint8_t flags = in->U8();
  h->reset = static_cast<CounterResetHint>(flags & kHintBits);
  if ((flags & kStale) != 0) {
    h->sum = storage::StaleNaN();
    return in->ok();
  }
  h->schema = static_cast<int32_t>(in->Varint());
  h->zero_threshold = in->LeDouble();
  GetCount(in, &h->zero_count);
  GetCount(in, &h->count);
  h->sum = in->LeDouble();
  if (!GetSide(in, &h->positive_spans, &Positive(*h))) return false;
  if ((flags & kNegative) != 0 && !GetSide(in, &h->negative_spans, &Negative(*h))) return false;
  if ((flags & kCustom) != 0) {
    const uint64_t n = in->Uvarint();
    if (n > in->remaining() / 8) return false;
    for (uint64_t i = 0; i < n; ++i) h->custom_values.push_back(in->LeDouble());
  }
  return in->ok() && !storage::IsStaleNaN(h->sum) && Validate(*h).ok();
}

}  // namespace

void SampleRecords::Begin(RecordType type, uint64_t ref, int64_t t) {
  if (type != type_) End();
  type_ = type;
  ByteWriter out(&body_);
  out.Varint(static_cast<int64_t>(ref - ref_));
  out.Varint(static_cast<int64_t>(static_cast<uint64_t>(t) - static_cast<uint64_t>(time_)));
  ref_ = ref;
  time_ = t;
  ++count_;
}

void SampleRecords::End() {
  if (count_ == 0) return;
  std::string payload;
  ByteWriter(&payload).Uvarint(count_);
  payload += body_;
  done_.emplace_back(type_, std::move(payload));
  body_.clear();
  count_ = ref_ = 0;
  time_ = 0;
}

void SampleRecords::Add(uint64_t ref, int64_t t, uint64_t bits) {
  Begin(RecordType::kDetached, ref, t);
  EncodeWalValue(0, bits, &body_);
}

void SampleRecords::Add(uint64_t ref, int64_t t, const IntHistogram& h) {
  Begin(RecordType::kHistograms, ref, t);
  ByteWriter out(&body_);
  PutHistogram(h, &out);
  if (body_.size() > kMaxPayload / 8) End();
}

void SampleRecords::Add(uint64_t ref, int64_t t, const FloatHistogram& h) {
  Begin(RecordType::kFloatHistograms, ref, t);
  ByteWriter out(&body_);
  PutHistogram(h, &out);
  if (body_.size() > kMaxPayload / 8) End();
}

std::vector<std::pair<RecordType, std::string>> SampleRecords::Take() {
  End();
  return std::exchange(done_, {});
}

SampleReader::SampleReader(RecordType type, std::string_view payload) : type_(type), in_(payload) {
  left_ = in_.Uvarint();
}

bool SampleReader::Next() {
  if (left_ == 0 || !in_.ok()) return false;
  --left_;
  ref_ += static_cast<uint64_t>(in_.Varint());
  time_ += static_cast<uint64_t>(in_.Varint());
  switch (type_) {
    case RecordType::kHistograms: return GetHistogram(&in_, &histogram_);
    case RecordType::kFloatHistograms: return GetHistogram(&in_, &floats_);
    default: bits_ = DecodeWalValue(0, &in_); return in_.ok();
  }
}

}  // namespace narthex::tsdb
