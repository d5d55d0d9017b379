#include "server/remote/samples_answer.h"

#include <bit>
#include <utility>

#include "server/remote/pb_writer.h"

namespace narthex::remote {
namespace {

constexpr size_t kSamplesBetweenChecks = 4096;

void PutSpans(uint32_t field, std::span<const BucketSpan> spans, std::string* out) {
  for (const BucketSpan& span : spans) {
    std::string message;
    if (span.offset != 0) PutIntField(1, ZigZagEncode(span.offset), &message);
    if (span.length != 0) PutIntField(2, span.length, &message);
    PutBytesField(field, message, out);
  }
}

void PutDoubles(uint32_t field, std::span<const double> values, std::string* out) {
  if (values.empty()) return;
  PutLength(field, values.size() * sizeof(double), out);
  for (const double v : values) ByteWriter(out).LeDouble(v);
}

void PutDeltas(uint32_t field, std::span<const int64_t> values, std::string* out) {
  if (values.empty()) return;
  std::string packed;
  for (const int64_t v : values) ByteWriter(&packed).Varint(v);
  PutBytesField(field, packed, out);
}

void PutDouble(uint32_t field, double v, std::string* out) {
  if (std::bit_cast<uint64_t>(v) != 0) PutDoubleField(field, v, out);
}

uint64_t NumberOf(CounterResetHint hint) {
  switch (hint) {
    case CounterResetHint::kUnknown: return 0;
    case CounterResetHint::kReset: return 1;
    case CounterResetHint::kNotReset: return 2;
    case CounterResetHint::kGauge: return 3;
  }
  return 0;
}

// Fields in the order of their numbers, but for those that the two kinds differ in.
template <typename Histogram>
void PutHistogram(TimestampMs t, const Histogram& h, std::string* out) {
  constexpr bool kFloat = std::is_same_v<Histogram, FloatHistogram>;
  if constexpr (kFloat) {
    PutDoubleField(2, h.count, out);
  } else {
    PutIntField(1, h.count, out);
  }
  PutDouble(3, h.sum, out);
  if (h.schema != 0) PutIntField(4, ZigZagEncode(h.schema), out);
  PutDouble(5, h.zero_threshold, out);
  if constexpr (kFloat) {
    PutDoubleField(7, h.zero_count, out);
  } else {
    PutIntField(6, h.zero_count, out);
  }
  PutSpans(8, h.negative_spans, out);
  if constexpr (kFloat) {
    PutDoubles(10, h.negative_buckets, out);
  } else {
    PutDeltas(9, h.negative_deltas, out);
  }
  PutSpans(11, h.positive_spans, out);
  if constexpr (kFloat) {
    PutDoubles(13, h.positive_buckets, out);
  } else {
    PutDeltas(12, h.positive_deltas, out);
  }
  if (h.reset != CounterResetHint::kUnknown) PutIntField(14, NumberOf(h.reset), out);
  if (t != 0) PutIntField(15, static_cast<uint64_t>(t), out);
  PutDoubles(16, h.custom_values, out);
}

}  // namespace

// The samples of one series as the fields of a TimeSeries.
class SamplesAnswer::Series final : public storage::SampleSink {
 public:
  Series(SamplesAnswer* answer, size_t already_held)
      : answer_(*answer), already_held_(already_held) {}

  void Begin(const Labels& labels, const Labels& external) {
    body_.clear();
    PutLabels(labels, external, &body_);
  }

  bool OnFloat(TimestampMs t, double v) override {
    if (!Admit()) return false;
    const bool has_value = std::bit_cast<uint64_t>(v) != 0;
    const auto bits = static_cast<uint64_t>(t);
    PutLength(2, (has_value ? 9u : 0u) + (t != 0 ? 1 + VarintSize(bits) : 0u), &body_);
    if (has_value) PutDoubleField(1, v, &body_);
    if (t != 0) PutIntField(2, bits, &body_);
    return true;
  }
  bool OnHistogram(TimestampMs t, const IntHistogram& h) override { return Put(t, h); }
  bool OnHistogram(TimestampMs t, const FloatHistogram& h) override { return Put(t, h); }

  // Of the query so far.
  size_t samples() const { return samples_; }
  const std::string& body() const { return body_; }
  const Status& status() const { return status_; }
  void NoteHeld(size_t bytes) { already_held_ = bytes; }

 private:
  template <typename Histogram>
  bool Put(TimestampMs t, const Histogram& h) {
    if (!Admit()) return false;
    histogram_.clear();
    PutHistogram(t, h, &histogram_);
    PutBytesField(4, histogram_, &body_);
    return true;
  }

  bool Admit() {
    ++samples_;
    const size_t limit = answer_.sample_limit_;
    if (limit != 0 && samples_ > limit) {
      status_ = OutOfRange("exceeded sample limit ({})", limit);
    } else if (samples_ % kSamplesBetweenChecks == 0) {
      if (answer_.stopped_()) status_ = Cancelled("the client is gone");
      if (!answer_.lease_.GrowTo(already_held_ + body_.capacity())) {
        status_ = answer_.lease_.Refusal();
      }
    }
    return status_.ok();
  }

  SamplesAnswer& answer_;
  size_t already_held_;
  size_t samples_ = 0;
  std::string body_;
  std::string histogram_;
  Status status_;
};

Status SamplesAnswer::Add(const ReadSelection& selection, const Labels& external) {
  constexpr size_t kSeriesBetweenChecks = 64;
  SnappyBlockBuilder result;
  Series series(this, answer_.held());
  std::string header;
  for (size_t i = 0; i < selection.size(); ++i) {
    const size_t before = series.samples();
    series.Begin(selection.list().labels(i), external);
    if (!selection.labels_only()) {
      NX_RETURN_IF_ERROR(selection.list().Visit(i, selection.mint(), selection.maxt(), &series));
      NX_RETURN_IF_ERROR(series.status());
    }
    if (series.samples() != before || selection.labels_only()) {
      header.clear();
      PutLength(1, series.body().size(), &header);
      result.Append(header);
      result.Append(series.body());
    }
    series.NoteHeld(answer_.held() + result.held());
    if (!lease_.GrowTo(answer_.held() + result.held() + series.body().capacity())) {
      return lease_.Refusal();
    }
    if (i % kSeriesBetweenChecks == 0 && stopped_()) return Cancelled("the client is gone");
  }
  header.clear();
  PutLength(1, result.size(), &header);
  answer_.Append(header);
  answer_.Append(&result);
  return OkStatus();
}

}  // namespace narthex::remote
