#include "core/exposition/protobuf_decode.h"

#include <memory>

#include "core/exposition/pb_reader.h"
#include "core/exposition/proto_fields.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

template <typename Field>
Field FieldOf(const PbReader& reader) {
  return static_cast<Field>(reader.field());
}

int64_t DecodeTimestampMs(std::string_view message, bool* ok) {
  using client_proto::Timestamp;
  int64_t seconds = 0, nanos = 0;
  PbReader r(message);
  while (r.Next()) {
    switch (FieldOf<Timestamp>(r)) {
      case Timestamp::kSeconds: seconds = r.Int64(); break;
      case Timestamp::kNanos: nanos = r.Int64(); break;
      default: break;
    }
  }
  constexpr int64_t kMaxSeconds = INT64_MAX / 1000 - 1;
  *ok &= r.ok() && seconds <= kMaxSeconds && seconds >= -kMaxSeconds && nanos >= 0 &&
         nanos < 1'000'000'000;
  return *ok ? seconds * 1000 + nanos / 1'000'000 : 0;
}

bool DecodeLabel(std::string_view message, MetricLabel* label) {
  using client_proto::Pair;
  PbReader r(message);
  while (r.Next()) {
    switch (FieldOf<Pair>(r)) {
      case Pair::kName: label->name = r.Bytes(); break;
      case Pair::kValue: label->value = r.Bytes(); break;
      default: break;
    }
  }
  return r.ok();
}

bool DecodeExemplar(std::string_view message, MetricExemplar* exemplar) {
  using client_proto::Exemplar;
  PbReader r(message);
  bool ok = true;
  while (ok && r.Next()) {
    switch (FieldOf<Exemplar>(r)) {
      case Exemplar::kLabel: ok = DecodeLabel(r.Bytes(), &exemplar->labels.emplace_back()); break;
      case Exemplar::kValue: exemplar->value = r.Double(); break;
      case Exemplar::kTimestamp: exemplar->timestamp_ms = DecodeTimestampMs(r.Bytes(), &ok); break;
      default: break;
    }
  }
  return ok && r.ok();
}

bool DecodeScalar(std::string_view message, bool counter, MetricSample* sample) {
  using client_proto::Scalar;
  PbReader r(message);
  bool ok = true;
  while (ok && r.Next()) {
    switch (FieldOf<Scalar>(r)) {
      case Scalar::kValue: sample->value = r.Double(); break;
      case Scalar::kExemplar:
        if (counter) ok = DecodeExemplar(r.Bytes(), &sample->exemplar.emplace());
        break;
      case Scalar::kCreated:
        if (counter) sample->created_ms = DecodeTimestampMs(r.Bytes(), &ok);
        break;
      default: break;
    }
  }
  return ok && r.ok();
}

bool DecodeQuantile(std::string_view message, MetricQuantile* quantile) {
  using client_proto::Quantile;
  PbReader r(message);
  while (r.Next()) {
    switch (FieldOf<Quantile>(r)) {
      case Quantile::kQuantile: quantile->quantile = r.Double(); break;
      case Quantile::kValue: quantile->value = r.Double(); break;
      default: break;
    }
  }
  return r.ok();
}

bool DecodeSummary(std::string_view message, MetricSample* sample) {
  using client_proto::Summary;
  PbReader r(message);
  bool ok = true;
  while (ok && r.Next()) {
    switch (FieldOf<Summary>(r)) {
      case Summary::kCount: sample->sample_count = static_cast<double>(r.Uint64()); break;
      case Summary::kSum: sample->sample_sum = r.Double(); break;
      case Summary::kQuantile:
        ok = DecodeQuantile(r.Bytes(), &sample->quantiles.emplace_back());
        break;
      case Summary::kCreated: sample->created_ms = DecodeTimestampMs(r.Bytes(), &ok); break;
      default: break;
    }
  }
  return ok && r.ok();
}

bool DecodeBucket(std::string_view message, MetricBucket* bucket) {
  using client_proto::Bucket;
  PbReader r(message);
  bool ok = true;
  double floating = 0;
  while (ok && r.Next()) {
    switch (FieldOf<Bucket>(r)) {
      case Bucket::kCount: bucket->cumulative_count = static_cast<double>(r.Uint64()); break;
      case Bucket::kCountFloat: floating = r.Double(); break;
      case Bucket::kUpperBound: bucket->upper_bound = r.Double(); break;
      case Bucket::kExemplar: ok = DecodeExemplar(r.Bytes(), &bucket->exemplar.emplace()); break;
    }
  }
  if (floating > 0) bucket->cumulative_count = floating;
  return ok && r.ok();
}

bool DecodeSpan(std::string_view message, NativeHistogram::Span* span) {
  using client_proto::Span;
  PbReader r(message);
  while (r.Next()) {
    switch (FieldOf<Span>(r)) {
      case Span::kOffset: span->offset = static_cast<int32_t>(r.Sint64()); break;
      case Span::kLength: span->length = static_cast<uint32_t>(r.Uint64()); break;
      default: break;
    }
  }
  return r.ok();
}

// Collects the fields of a Histogram; what they amount to is only known at the end.
struct HistogramFields {
  NativeHistogram native;
  double count = 0, count_float = 0, zero_count = 0, zero_count_float = 0;

  bool Decode(std::string_view message, MetricSample* sample);
  void Finish(MetricSample* sample);

 private:
  bool DecodeNativeField(client_proto::Histogram field, PbReader& r);
};

bool HistogramFields::DecodeNativeField(client_proto::Histogram field, PbReader& r) {
  using client_proto::Histogram;
  auto append = [](auto* to) { return [to](auto v) { to->push_back(v); }; };
  switch (field) {
    case Histogram::kSchema: native.schema = static_cast<int32_t>(r.Sint64()); break;
    case Histogram::kZeroThreshold: native.zero_threshold = r.Double(); break;
    case Histogram::kZeroCount: zero_count = static_cast<double>(r.Uint64()); break;
    case Histogram::kZeroCountFloat: zero_count_float = r.Double(); break;
    case Histogram::kNegativeSpan:
      return DecodeSpan(r.Bytes(), &native.negative_spans.emplace_back());
    case Histogram::kPositiveSpan:
      return DecodeSpan(r.Bytes(), &native.positive_spans.emplace_back());
    case Histogram::kNegativeDelta: r.EachSint64(append(&native.negative_deltas)); break;
    case Histogram::kPositiveDelta: r.EachSint64(append(&native.positive_deltas)); break;
    case Histogram::kNegativeCount: r.EachDouble(append(&native.negative_counts)); break;
    case Histogram::kPositiveCount: r.EachDouble(append(&native.positive_counts)); break;
    case Histogram::kExemplars: return DecodeExemplar(r.Bytes(), &native.exemplars.emplace_back());
    default: break;
  }
  return true;
}

bool HistogramFields::Decode(std::string_view message, MetricSample* sample) {
  using client_proto::Histogram;
  PbReader r(message);
  bool ok = true;
  while (ok && r.Next()) {
    switch (FieldOf<Histogram>(r)) {
      case Histogram::kCount: count = static_cast<double>(r.Uint64()); break;
      case Histogram::kCountFloat: count_float = r.Double(); break;
      case Histogram::kSum: sample->sample_sum = r.Double(); break;
      case Histogram::kBucket: ok = DecodeBucket(r.Bytes(), &sample->buckets.emplace_back()); break;
      case Histogram::kCreated: sample->created_ms = DecodeTimestampMs(r.Bytes(), &ok); break;
      default: ok = DecodeNativeField(FieldOf<Histogram>(r), r);
    }
  }
  return ok && r.ok();
}

void HistogramFields::Finish(MetricSample* sample) {
  native.is_float = count_float > 0 || zero_count_float > 0 || !native.positive_counts.empty() ||
                    !native.negative_counts.empty();
  sample->sample_count = count_float > 0 ? count_float : count;
  native.zero_count = zero_count_float > 0 ? zero_count_float : zero_count;
  // What tells a native histogram, an empty one too: a span (maybe empty) or a zero bucket.
  bool is_native = !native.positive_spans.empty() || !native.negative_spans.empty() ||
                   native.zero_threshold > 0 || native.zero_count > 0;
  if (is_native) sample->native = std::make_shared<const NativeHistogram>(std::move(native));
}

bool DecodeHistogram(std::string_view message, MetricSample* sample) {
  HistogramFields fields;
  if (!fields.Decode(message, sample)) return false;
  fields.Finish(sample);
  return true;
}

std::optional<MetricType> TypeOf(uint64_t number) {
  switch (number) {
    case client_proto::kTypeCounter: return MetricType::kCounter;
    case client_proto::kTypeGauge: return MetricType::kGauge;
    case client_proto::kTypeSummary: return MetricType::kSummary;
    case client_proto::kTypeUntyped: return MetricType::kUntyped;
    case client_proto::kTypeHistogram: return MetricType::kHistogram;
    case client_proto::kTypeGaugeHistogram: return MetricType::kGaugeHistogram;
    default: return std::nullopt;
  }
}

// The field that holds the value of a metric of that type.
client_proto::Metric ValueField(MetricType type) {
  using client_proto::Metric;
  switch (type) {
    case MetricType::kGauge: return Metric::kGauge;
    case MetricType::kCounter: return Metric::kCounter;
    case MetricType::kUntyped: return Metric::kUntyped;
    case MetricType::kSummary: return Metric::kSummary;
    case MetricType::kHistogram:
    case MetricType::kGaugeHistogram: break;
  }
  return Metric::kHistogram;
}

bool DecodeValue(std::string_view value, MetricType type, MetricSample* sample) {
  switch (type) {
    case MetricType::kGauge:
    case MetricType::kUntyped: return DecodeScalar(value, false, sample);
    case MetricType::kCounter: return DecodeScalar(value, true, sample);
    case MetricType::kSummary: return DecodeSummary(value, sample);
    case MetricType::kHistogram:
    case MetricType::kGaugeHistogram: break;
  }
  return DecodeHistogram(value, sample);
}

std::string_view TypeName(MetricType type) {
  switch (type) {
    case MetricType::kGauge: return "GAUGE";
    case MetricType::kCounter: return "COUNTER";
    case MetricType::kUntyped: return "UNTYPED";
    case MetricType::kSummary: return "SUMMARY";
    case MetricType::kHistogram: return "HISTOGRAM";
    case MetricType::kGaugeHistogram: break;
  }
  return "GAUGE_HISTOGRAM";
}

}  // namespace

Status WireError() { return InvalidArgument("proto: cannot parse invalid wire-format data"); }

Status NextDelimited(std::string_view* body, std::string_view* message) {
  ByteReader reader(*body);
  uint64_t size = reader.Uvarint();
  if (!reader.ok() || size > reader.remaining()) return InvalidArgument("unexpected EOF");
  *message = reader.Bytes(size);
  *body = reader.rest();
  return OkStatus();
}

Status DecodeFamilyView(std::string_view message, FamilyView* view) {
  using client_proto::Family;
  PbReader r(message);
  while (r.Next()) {
    switch (FieldOf<Family>(r)) {
      case Family::kName: view->name = r.Bytes(); break;
      case Family::kHelp: view->help = r.Bytes(); break;
      case Family::kUnit: view->unit = r.Bytes(); break;
      case Family::kMetric: view->metrics.push_back(r.Bytes()); break;
      case Family::kType: {
        uint64_t number = r.Uint64();
        auto type = TypeOf(number);
        if (!type) return InvalidArgument("unknown metric type {}", number);
        view->type = *type;
        break;
      }
    }
  }
  return r.ok() ? OkStatus() : WireError();
}

Status DecodeMetric(std::string_view message, MetricType type, const FamilyLimits& limits,
                    MetricSample* sample, bool* has_value) {
  using client_proto::Metric;
  PbReader r(message);
  bool ok = true;
  while (ok && r.Next()) {
    switch (FieldOf<Metric>(r)) {
      case Metric::kLabel:
        if (sample->labels.size() >= limits.max_labels) {
          return ResourceExhausted("more than {} labels", limits.max_labels);
        }
        ok = DecodeLabel(r.Bytes(), &sample->labels.emplace_back());
        break;
      case Metric::kTimestampMs: sample->timestamp_ms = r.Int64(); break;
      default:
        // Values of other types are passed over.
        if (FieldOf<Metric>(r) != ValueField(type)) break;
        *has_value = true;
        ok = DecodeValue(r.Bytes(), type, sample);
    }
  }
  return ok && r.ok() ? OkStatus() : WireError();
}

Status DecodeFamily(std::string_view message, const FamilyLimits& limits, size_t* samples,
                    MetricFamily* family) {
  FamilyView view;
  NX_RETURN_IF_ERROR(DecodeFamilyView(message, &view));
  for (std::string_view token : {view.name, view.help, view.unit}) {
    if (token.size() > limits.max_token_bytes) {
      return ResourceExhausted("token longer than {} bytes", limits.max_token_bytes);
    }
  }
  family->name = view.name;
  family->help = view.help;
  family->unit = view.unit;
  family->type = view.type;
  for (std::string_view metric : view.metrics) {
    MetricSample& sample = family->samples.emplace_back();
    bool has_value = false;
    NX_RETURN_IF_ERROR(DecodeMetric(metric, view.type, limits, &sample, &has_value));
    if (!has_value) {
      return InvalidArgument("collected metric {} is not a {}", GoQuote(view.name),
                             TypeName(view.type));
    }
    *samples += 1 + sample.buckets.size() + sample.quantiles.size();
    if (*samples > limits.max_samples) {
      return ResourceExhausted("more than {} samples", limits.max_samples);
    }
  }
  return OkStatus();
}

}  // namespace narthex
