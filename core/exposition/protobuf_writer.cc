// Length-delimited io.prometheus.client.MetricFamily. Present fields are written even when zero:
// the message has explicit presence and readers go by it.
#include <cmath>
#include <protozero/pbf_writer.hpp>

#include "core/base/bytes.h"
#include "core/exposition/escaped_names.h"
#include "core/exposition/family_writers.h"
#include "core/exposition/proto_fields.h"

namespace narthex {
namespace {

using protozero::pbf_writer;

template <typename Field>
uint32_t Tag(Field field) {
  return static_cast<uint32_t>(field);
}

int32_t TypeNumber(MetricType type) {
  switch (type) {
    case MetricType::kCounter: return client_proto::kTypeCounter;
    case MetricType::kGauge: return client_proto::kTypeGauge;
    case MetricType::kSummary: return client_proto::kTypeSummary;
    case MetricType::kHistogram: return client_proto::kTypeHistogram;
    case MetricType::kGaugeHistogram: return client_proto::kTypeGaugeHistogram;
    case MetricType::kUntyped: break;
  }
  return client_proto::kTypeUntyped;
}

void WriteTimestamp(pbf_writer& parent, uint32_t field, int64_t ms) {
  using client_proto::Timestamp;
  pbf_writer writer(parent, field);
  int64_t seconds = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
  writer.add_int64(Tag(Timestamp::kSeconds), seconds);
  writer.add_int32(Tag(Timestamp::kNanos), static_cast<int32_t>((ms - seconds * 1000) * 1'000'000));
}

void WriteLabel(pbf_writer& parent, uint32_t field, std::string_view name, std::string_view value) {
  using client_proto::Pair;
  pbf_writer writer(parent, field);
  writer.add_string(Tag(Pair::kName), name.data(), name.size());
  writer.add_string(Tag(Pair::kValue), value.data(), value.size());
}

void WriteExemplar(pbf_writer& parent, uint32_t field, const MetricExemplar& exemplar) {
  using client_proto::Exemplar;
  pbf_writer writer(parent, field);
  for (const MetricLabel& label : exemplar.labels) {
    WriteLabel(writer, Tag(Exemplar::kLabel), label.name, label.value);
  }
  writer.add_double(Tag(Exemplar::kValue), exemplar.value);
  if (exemplar.timestamp_ms) {
    WriteTimestamp(writer, Tag(Exemplar::kTimestamp), *exemplar.timestamp_ms);
  }
}

void WriteScalar(pbf_writer& parent, client_proto::Metric field, const MetricSample& sample) {
  using client_proto::Scalar;
  pbf_writer writer(parent, Tag(field));
  writer.add_double(Tag(Scalar::kValue), sample.value);
  if (field != client_proto::Metric::kCounter) return;
  if (sample.exemplar) WriteExemplar(writer, Tag(Scalar::kExemplar), *sample.exemplar);
  if (sample.created_ms) WriteTimestamp(writer, Tag(Scalar::kCreated), *sample.created_ms);
}

void WriteSummary(pbf_writer& parent, const MetricSample& sample) {
  using client_proto::Quantile;
  using client_proto::Summary;
  pbf_writer writer(parent, Tag(client_proto::Metric::kSummary));
  writer.add_uint64(Tag(Summary::kCount), static_cast<uint64_t>(sample.sample_count));
  writer.add_double(Tag(Summary::kSum), sample.sample_sum);
  for (const MetricQuantile& quantile : sample.quantiles) {
    pbf_writer q(writer, Tag(Summary::kQuantile));
    q.add_double(Tag(Quantile::kQuantile), quantile.quantile);
    q.add_double(Tag(Quantile::kValue), quantile.value);
  }
  if (sample.created_ms) WriteTimestamp(writer, Tag(Summary::kCreated), *sample.created_ms);
}

bool IsWhole(double v) { return v >= 0 && v < 18446744073709551616.0 && v == std::floor(v); }

// A count goes to its integer field, or to its float field when it is of a float histogram.
template <typename Field>
void WriteCount(pbf_writer& writer, Field integer, Field floating, double v, bool is_float) {
  if (!is_float && IsWhole(v)) {
    writer.add_uint64(Tag(integer), static_cast<uint64_t>(v));
  } else {
    writer.add_double(Tag(floating), v);
  }
}

void WriteSpans(pbf_writer& parent, client_proto::Histogram field,
                const std::vector<NativeHistogram::Span>& spans) {
  using client_proto::Span;
  for (const NativeHistogram::Span& span : spans) {
    pbf_writer writer(parent, Tag(field));
    writer.add_sint32(Tag(Span::kOffset), span.offset);
    writer.add_uint32(Tag(Span::kLength), span.length);
  }
}

void WriteNative(pbf_writer& writer, const NativeHistogram& native) {
  using client_proto::Histogram;
  writer.add_sint32(Tag(Histogram::kSchema), native.schema);
  writer.add_double(Tag(Histogram::kZeroThreshold), native.zero_threshold);
  WriteCount(writer, Histogram::kZeroCount, Histogram::kZeroCountFloat, native.zero_count,
             native.is_float);
  WriteSpans(writer, Histogram::kNegativeSpan, native.negative_spans);
  for (int64_t d : native.negative_deltas) writer.add_sint64(Tag(Histogram::kNegativeDelta), d);
  for (double c : native.negative_counts) writer.add_double(Tag(Histogram::kNegativeCount), c);
  WriteSpans(writer, Histogram::kPositiveSpan, native.positive_spans);
  for (int64_t d : native.positive_deltas) writer.add_sint64(Tag(Histogram::kPositiveDelta), d);
  for (double c : native.positive_counts) writer.add_double(Tag(Histogram::kPositiveCount), c);
  for (const MetricExemplar& e : native.exemplars) {
    WriteExemplar(writer, Tag(Histogram::kExemplars), e);
  }
}

void WriteHistogram(pbf_writer& parent, const MetricSample& sample) {
  using client_proto::Bucket;
  using client_proto::Histogram;
  pbf_writer writer(parent, Tag(client_proto::Metric::kHistogram));
  bool is_float = sample.native != nullptr && sample.native->is_float;
  WriteCount(writer, Histogram::kCount, Histogram::kCountFloat, sample.sample_count, is_float);
  writer.add_double(Tag(Histogram::kSum), sample.sample_sum);
  for (const MetricBucket& bucket : sample.buckets) {
    pbf_writer b(writer, Tag(Histogram::kBucket));
    WriteCount(b, Bucket::kCount, Bucket::kCountFloat, bucket.cumulative_count, is_float);
    b.add_double(Tag(Bucket::kUpperBound), bucket.upper_bound);
    if (bucket.exemplar) WriteExemplar(b, Tag(Bucket::kExemplar), *bucket.exemplar);
  }
  if (sample.native != nullptr) WriteNative(writer, *sample.native);
  if (sample.created_ms) WriteTimestamp(writer, Tag(Histogram::kCreated), *sample.created_ms);
}

void WriteMetric(pbf_writer& parent, MetricType type, const MetricSample& sample,
                 NameEscaping escaping) {
  using client_proto::Metric;
  pbf_writer writer(parent, Tag(client_proto::Family::kMetric));
  std::string name, value;
  for (const MetricLabel& label : sample.labels) {
    WriteLabel(writer, Tag(Metric::kLabel), EscapedName(label.name, escaping, &name),
               EscapedLabelValue(label.name, label.value, escaping, &value));
  }
  switch (type) {
    case MetricType::kCounter: WriteScalar(writer, Metric::kCounter, sample); break;
    case MetricType::kGauge: WriteScalar(writer, Metric::kGauge, sample); break;
    case MetricType::kUntyped: WriteScalar(writer, Metric::kUntyped, sample); break;
    case MetricType::kSummary: WriteSummary(writer, sample); break;
    case MetricType::kHistogram:
    case MetricType::kGaugeHistogram: WriteHistogram(writer, sample); break;
  }
  if (sample.timestamp_ms) writer.add_int64(Tag(Metric::kTimestampMs), *sample.timestamp_ms);
}

}  // namespace

void AppendProtobufFamily(const MetricFamily& family, NameEscaping escaping, std::string* out) {
  using client_proto::Family;
  std::string message, scratch;
  {
    pbf_writer writer(message);
    std::string_view name = EscapedName(family.name, escaping, &scratch);
    writer.add_string(Tag(Family::kName), name.data(), name.size());
    if (!family.help.empty()) writer.add_string(Tag(Family::kHelp), family.help);
    writer.add_enum(Tag(Family::kType), TypeNumber(family.type));
    for (const MetricSample& sample : family.samples) {
      WriteMetric(writer, family.type, sample, escaping);
    }
    if (!family.unit.empty()) writer.add_string(Tag(Family::kUnit), family.unit);
  }
  ByteWriter(out).UvarintString(message);
}

}  // namespace narthex
