#include "server/storage/tsdb/chunkenc/histogram_reader.h"

#include "server/storage/tsdb/chunkenc/varbit.h"

namespace narthex::tsdb {

HistogramChunkReader::HistogramChunkReader(std::string_view chunk, SampleKind kind)
    : in_(chunk), chunk_kind_(kind) {
  total_ = static_cast<unsigned>(in_.Get(16));
  header_ = static_cast<ResetHeader>(in_.Get(8) & kResetHeaderMask);
}

SampleKind HistogramChunkReader::Next() {
  if (read_ == total_ || damaged_ || !in_.ok()) return kind_ = SampleKind::kNone;
  if (read_ == 0) {
    damaged_ = !GetLayout(&in_, &layout_);
    if (damaged_) return SampleKind::kNone;
    time_ = GetVarbitInt(&in_);
    ReadFirst();
  } else {
    // Differences wrap, so any pair of times survives.
    time_delta_ += static_cast<uint64_t>(GetVarbitInt(&in_));
    time_ = static_cast<int64_t>(static_cast<uint64_t>(time_) + time_delta_);
    ReadNext();
  }
  if (!in_.ok()) return kind_ = SampleKind::kNone;
  ++read_;
  return kind_ = chunk_kind_;
}

Status HistogramChunkReader::status() const {
  if (damaged_ || !in_.ok()) return DataLoss("histogram chunk ends early or is malformed");
  return OkStatus();
}

template <typename Histogram>
void HistogramChunkReader::GetShared(Histogram* out) const {
  out->sum = std::bit_cast<double>(sum_);
  if (stale()) {
    out->reset = CounterResetHint::kUnknown;
    out->schema = 0;
    out->zero_threshold = 0;
    out->positive_spans.clear();
    out->negative_spans.clear();
    out->custom_values.clear();
    return;
  }
  out->reset = HintFor(header_, read_ - 1);
  out->schema = layout_.schema;
  out->zero_threshold = layout_.zero_threshold;
  out->positive_spans = layout_.positive;
  out->negative_spans = layout_.negative;
  out->custom_values = layout_.custom_values;
}

// ---- Integers: differences of differences ----

void IntHistogramReader::Counter::Step(BitReader* in) {
  delta += static_cast<uint64_t>(GetVarbitInt(in));
  value += delta;
}

void IntHistogramReader::ReadFirst() {
  count_.value = GetVarbitUint(&in_);
  zero_.value = GetVarbitUint(&in_);
  sum_ = in_.Get(64);
  positive_.resize(BucketsOf(layout_.positive));
  negative_.resize(BucketsOf(layout_.negative));
  for (Counter& c : positive_) c.value = static_cast<uint64_t>(GetVarbitInt(&in_));
  for (Counter& c : negative_) c.value = static_cast<uint64_t>(GetVarbitInt(&in_));
}

void IntHistogramReader::ReadNext() {
  count_.Step(&in_);
  zero_.Step(&in_);
  sum_ = DecodeXor(sum_, &sum_window_, &in_);
  if (stale()) return;
  for (Counter& c : positive_) c.Step(&in_);
  for (Counter& c : negative_) c.Step(&in_);
}

void IntHistogramReader::Get(IntHistogram* out) const {
  GetShared(out);
  out->positive_deltas.clear();
  out->negative_deltas.clear();
  out->count = stale() ? 0 : count_.value;
  out->zero_count = stale() ? 0 : zero_.value;
  if (stale()) return;
  for (const Counter& c : positive_) out->positive_deltas.push_back(static_cast<int64_t>(c.value));
  for (const Counter& c : negative_) out->negative_deltas.push_back(static_cast<int64_t>(c.value));
}

void IntHistogramReader::Get(FloatHistogram* out) const {
  GetShared(out);
  out->positive_buckets.clear();
  out->negative_buckets.clear();
  out->count = stale() ? 0 : static_cast<double>(count_.value);
  out->zero_count = stale() ? 0 : static_cast<double>(zero_.value);
  if (stale()) return;
  const auto absolute = [](const std::vector<Counter>& deltas, std::vector<double>* counts) {
    counts->reserve(deltas.size());
    uint64_t count = 0;
    for (const Counter& c : deltas) {
      count += c.value;
      counts->push_back(static_cast<double>(static_cast<int64_t>(count)));
    }
  };
  absolute(positive_, &out->positive_buckets);
  absolute(negative_, &out->negative_buckets);
}

// ---- Floats: XOR against the sample before ----

void FloatHistogramReader::ReadFirst() {
  count_.bits = in_.Get(64);
  zero_.bits = in_.Get(64);
  sum_ = in_.Get(64);
  positive_.resize(BucketsOf(layout_.positive));
  negative_.resize(BucketsOf(layout_.negative));
  for (Value& v : positive_) v.bits = in_.Get(64);
  for (Value& v : negative_) v.bits = in_.Get(64);
}

void FloatHistogramReader::ReadNext() {
  const auto step = [this](Value& v) { v.bits = DecodeXor(v.bits, &v.window, &in_); };
  step(count_);
  step(zero_);
  sum_ = DecodeXor(sum_, &sum_window_, &in_);
  if (stale()) return;
  for (Value& v : positive_) step(v);
  for (Value& v : negative_) step(v);
}

void FloatHistogramReader::Get(FloatHistogram* out) const {
  GetShared(out);
  out->positive_buckets.clear();
  out->negative_buckets.clear();
  out->count = stale() ? 0 : std::bit_cast<double>(count_.bits);
  out->zero_count = stale() ? 0 : std::bit_cast<double>(zero_.bits);
  if (stale()) return;
  const auto copy = [](const std::vector<Value>& from, std::vector<double>* to) {
    to->reserve(from.size());
    for (const Value& v : from) to->push_back(std::bit_cast<double>(v.bits));
  };
  copy(positive_, &out->positive_buckets);
  copy(negative_, &out->negative_buckets);
}

}  // namespace narthex::tsdb
