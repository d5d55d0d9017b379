#include "server/storage/tsdb/chunkenc/histogram_chunk.h"

#include "server/storage/interface.h"
#include "server/storage/tsdb/chunkenc/histogram_reader.h"
#include "server/storage/tsdb/chunkenc/varbit.h"

namespace narthex::tsdb {
namespace {

template <typename Histogram>
struct Kind;
template <>
struct Kind<IntHistogram> {
  using Reader = IntHistogramReader;
  static constexpr ResetHeader kBehindGauge = ResetHeader::kNotReset;
  static auto Spread(const std::vector<int64_t>& d, const std::vector<uint32_t>& at, size_t size) {
    return SpreadDeltas(d, at, size);
  }
  static std::vector<int64_t>& Buckets(IntHistogram& h, bool positive) {
    return positive ? h.positive_deltas : h.negative_deltas;
  }
};
template <>
struct Kind<FloatHistogram> {
  using Reader = FloatHistogramReader;
  static constexpr ResetHeader kBehindGauge = ResetHeader::kUnknown;
  static auto Spread(const std::vector<double>& c, const std::vector<uint32_t>& at, size_t size) {
    return SpreadCounts(c, at, size);
  }
  static std::vector<double>& Buckets(FloatHistogram& h, bool positive) {
    return positive ? h.positive_buckets : h.negative_buckets;
  }
};

template <typename Histogram>
bool Stale(const Histogram& h) {
  return storage::IsStaleNaN(h.sum);
}

template <typename Histogram>
Histogram StaleMarker(double sum) {
  Histogram h;
  h.sum = sum;
  return h;
}

}  // namespace

template <typename Values>
ResetHeader HistogramChunk<Values>::header() const {
  return static_cast<ResetHeader>(static_cast<uint8_t>(bytes_[2]) & kResetHeaderMask);
}

template <typename Values>
ResetHeader HistogramChunk<Values>::HeaderFor(const Histogram& h) {
  return h.reset == CounterResetHint::kReset ? ResetHeader::kReset : ResetHeader::kUnknown;
}

template <typename Values>
void HistogramChunk<Values>::Begin(int64_t t, const Histogram& sample, ResetHeader header) {
  if (sample.reset == CounterResetHint::kGauge) header = ResetHeader::kGauge;
  // A stale marker has no layout.
  const Histogram marker = Stale(sample) ? StaleMarker<Histogram>(sample.sum) : Histogram();
  const Histogram& h = Stale(sample) ? marker : sample;
  *this = HistogramChunk();
  bytes_.assign(kHistogramHeaderBytes, '\0');
  bytes_[2] = static_cast<char>(header);
  layout_ = {h.schema, h.zero_threshold, h.positive_spans, h.negative_spans, h.custom_values};
  BitWriter out(&bytes_, bytes_.size() * 8);
  PutLayout(layout_, &out);
  PutVarbitInt(t, &out);
  values_.PutFirst(h, &out);
  bits_ = out.bits();
  first_time_ = last_time_ = t;
  count_ = 1;
  bytes_[1] = 1;
}

template <typename Values>
void HistogramChunk<Values>::AppendFitting(int64_t t, const Histogram& h) {
  BitWriter out(&bytes_, bits_);
  const uint64_t delta = static_cast<uint64_t>(t) - static_cast<uint64_t>(last_time_);
  PutVarbitInt(static_cast<int64_t>(delta - time_delta_), &out);
  values_.PutNext(h, &out);
  bits_ = out.bits();
  time_delta_ = delta;
  last_time_ = t;
  ++count_;
  bytes_[0] = static_cast<char>(count_ >> 8);
  bytes_[1] = static_cast<char>(count_ & 0xff);
}

template <typename Values>
bool HistogramChunk<Values>::SameFrame(const Histogram& h) const {
  return h.schema == layout_.schema && h.zero_threshold == layout_.zero_threshold;
}

template <typename Values>
void HistogramChunk<Values>::Merge(const Histogram& h, Fit* fit) const {
  fit->same_spans = h.positive_spans == layout_.positive && h.negative_spans == layout_.negative;
  if (fit->same_spans) return;
  fit->positive = MergeSpans(layout_.positive, h.positive_spans);
  fit->negative = MergeSpans(layout_.negative, h.negative_spans);
}

// Sets fit->header when the counter does not go on.
template <typename Values>
bool HistogramChunk<Values>::FitsCounter(const Histogram& h, Fit* fit) const {
  fit->header = ResetHeader::kReset;
  if (h.count < values_.count()) return false;
  if (!SameFrame(h)) {
    fit->header = ResetHeader::kUnknown;
    return false;
  }
  if (h.custom_values != layout_.custom_values) return false;
  if (h.zero_count < values_.zero_count()) return false;
  Merge(h, fit);
  const bool same = fit->same_spans;
  return !values_.Shrinks(h, true, same ? nullptr : &fit->positive) &&
         !values_.Shrinks(h, false, same ? nullptr : &fit->negative);
}

template <typename Values>
auto HistogramChunk<Values>::Try(const Histogram& h) const -> Fit {
  Fit fit;
  const bool gauge = h.reset == CounterResetHint::kGauge;
  const bool after_stale = storage::IsStaleNaN(values_.sum());
  if (gauge != (header() == ResetHeader::kGauge)) {
    // Prometheus is of two minds here.
    fit.header = Kind<Histogram>::kBehindGauge;
    return fit;
  }
  if (h.reset == CounterResetHint::kReset) {
    fit.header = ResetHeader::kReset;
  } else if (Stale(h)) {
    fit.fits = true;
  } else if (after_stale) {
    fit.header = ResetHeader::kUnknown;
  } else if (gauge) {
    fit.fits = SameFrame(h) && h.custom_values == layout_.custom_values;
    if (fit.fits) Merge(h, &fit);
  } else {
    fit.fits = FitsCounter(h, &fit);
  }
  return fit;
}

template <typename Values>
ResetHeader HistogramChunk<Values>::HeaderBehind(const Histogram& h) const {
  if (h.reset == CounterResetHint::kReset) return ResetHeader::kReset;
  const Fit fit = Try(h);
  return fit.fits ? ResetHeader::kNotReset : fit.header;
}

template <typename Values>
bool HistogramChunk<Values>::Append(int64_t t, const Histogram& h, ResetHeader* header) {
  const Fit fit = Try(h);
  if (!fit.fits) {
    *header = fit.header;
    return false;
  }
  if (fit.same_spans || Stale(h)) {
    AppendFitting(t, h);
    return true;
  }
  using K = Kind<Histogram>;
  if (fit.positive.a_lacks() || fit.negative.a_lacks()) Recode(fit, h);
  if (fit.positive.b_lacks() || fit.negative.b_lacks()) {
    Histogram wider = h;
    for (const bool positive : {true, false}) {
      const SpanMerge& merge = positive ? fit.positive : fit.negative;
      auto& buckets = K::Buckets(wider, positive);
      if (merge.b_lacks()) buckets = K::Spread(buckets, merge.b, merge.size);
    }
    AppendFitting(t, wider);
  } else {
    AppendFitting(t, h);
  }
  return true;
}

// Writes the samples again under the spans of the union. They are those of the sample, as they
// came, where that has all buckets.
template <typename Values>
void HistogramChunk<Values>::Recode(const Fit& fit, const Histogram& h) {
  using K = Kind<Histogram>;
  const bool gauge = header() == ResetHeader::kGauge;
  const bool any_lacks = fit.positive.b_lacks() || fit.negative.b_lacks();
  const auto spans = [&](const SpanMerge& merge, const std::vector<BucketSpan>& own) {
    return merge.b_lacks() || (gauge && any_lacks) ? merge.spans : own;
  };
  const std::vector<BucketSpan> positive = spans(fit.positive, h.positive_spans);
  const std::vector<BucketSpan> negative = spans(fit.negative, h.negative_spans);
  const std::string old = std::move(bytes_);
  const ResetHeader kept =
      static_cast<ResetHeader>(static_cast<uint8_t>(old[2]) & kResetHeaderMask);
  typename K::Reader reader(old);
  Clear();
  Histogram sample;
  while (reader.Next() != SampleKind::kNone) {
    reader.Get(&sample);
    sample.reset = CounterResetHint::kUnknown;
    for (const bool side : {true, false}) {
      const SpanMerge& merge = side ? fit.positive : fit.negative;
      auto& buckets = K::Buckets(sample, side);
      if (merge.a_lacks()) buckets = K::Spread(buckets, merge.a, merge.size);
    }
    sample.positive_spans = positive;
    sample.negative_spans = negative;
    if (count_ == 0) {
      Begin(reader.time(), sample, kept);
    } else {
      AppendFitting(reader.time(), sample);
    }
  }
}

template class HistogramChunk<IntValues>;
template class HistogramChunk<FloatValues>;

}  // namespace narthex::tsdb
