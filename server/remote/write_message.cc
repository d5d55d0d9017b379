#include "server/remote/write_message.h"

#include "server/remote/message_shape.h"

namespace narthex::remote {
namespace {

using Kind = FieldShape::Kind;

constexpr FieldShape kLabelFields[] = {{1, Kind::kBytes, "Name"}, {2, Kind::kBytes, "Value"}};
constexpr MessageShape kLabel{"Label", kLabelFields};
constexpr FieldShape kSampleFields[] = {{1, Kind::kDouble, "Value"},
                                        {2, Kind::kVarint, "Timestamp"}};
constexpr MessageShape kSample{"Sample", kSampleFields};
constexpr FieldShape kExemplarFields[] = {{1, Kind::kMessage, "Labels", &kLabel},
                                          {2, Kind::kDouble, "Value"},
                                          {3, Kind::kVarint, "Timestamp"}};
constexpr MessageShape kExemplar{"Exemplar", kExemplarFields};
constexpr FieldShape kSpanFields[] = {{1, Kind::kVarint, "Offset"}, {2, Kind::kVarint, "Length"}};
constexpr MessageShape kSpan{"BucketSpan", kSpanFields};
constexpr FieldShape kHistogramFields[] = {{1, Kind::kVarint, "CountInt"},
                                           {2, Kind::kDouble, "CountFloat"},
                                           {3, Kind::kDouble, "Sum"},
                                           {4, Kind::kVarint, "Schema"},
                                           {5, Kind::kDouble, "ZeroThreshold"},
                                           {6, Kind::kVarint, "ZeroCountInt"},
                                           {7, Kind::kDouble, "ZeroCountFloat"},
                                           {8, Kind::kMessage, "NegativeSpans", &kSpan},
                                           {9, Kind::kSignedVarints, "NegativeDeltas"},
                                           {10, Kind::kDoubles, "NegativeCounts"},
                                           {11, Kind::kMessage, "PositiveSpans", &kSpan},
                                           {12, Kind::kSignedVarints, "PositiveDeltas"},
                                           {13, Kind::kDoubles, "PositiveCounts"},
                                           {14, Kind::kVarint, "ResetHint"},
                                           {15, Kind::kVarint, "Timestamp"},
                                           {16, Kind::kDoubles, "CustomValues"}};
constexpr MessageShape kHistogram{"Histogram", kHistogramFields};
constexpr FieldShape kTimeSeriesFields[] = {{1, Kind::kMessage, "Labels", &kLabel},
                                            {2, Kind::kMessage, "Samples", &kSample},
                                            {3, Kind::kMessage, "Exemplars", &kExemplar},
                                            {4, Kind::kMessage, "Histograms", &kHistogram}};
constexpr MessageShape kTimeSeries{"TimeSeries", kTimeSeriesFields};
constexpr FieldShape kMetadataFields[] = {{1, Kind::kVarint, "Type"},
                                          {2, Kind::kBytes, "MetricFamilyName"},
                                          {4, Kind::kBytes, "Help"},
                                          {5, Kind::kBytes, "Unit"}};
constexpr MessageShape kMetadata{"MetricMetadata", kMetadataFields};
constexpr FieldShape kWriteRequestFields[] = {{1, Kind::kMessage, "Timeseries", &kTimeSeries},
                                              {3, Kind::kMessage, "Metadata", &kMetadata}};
constexpr MessageShape kWriteRequest{"WriteRequest", kWriteRequestFields};

// ---- Histograms ----

// Far above what any schema needs; keeps one message from growing sixteenfold in memory.
constexpr size_t kMaxBuckets = size_t{1} << 20;

BucketSpan ReadSpan(std::string_view message) {
  BucketSpan span;
  for (PbReader r(message); r.Next();) {
    if (r.field() == 1) span.offset = static_cast<int32_t>(r.Sint64());
    if (r.field() == 2) span.length = static_cast<uint32_t>(r.Uint64());
  }
  return span;
}

CounterResetHint HintOf(int64_t number) {
  switch (number) {
    case 1: return CounterResetHint::kReset;
    case 2: return CounterResetHint::kNotReset;
    case 3: return CounterResetHint::kGauge;
    default: return CounterResetHint::kUnknown;
  }
}

struct Sides {
  std::vector<BucketSpan> positive_spans, negative_spans;
  std::vector<int64_t> positive_deltas, negative_deltas;
  std::vector<double> positive_counts, negative_counts;
  std::vector<double> custom_values;

  size_t size() const {
    return positive_spans.size() + negative_spans.size() + positive_deltas.size() +
           negative_deltas.size() + positive_counts.size() + negative_counts.size() +
           custom_values.size();
  }
};

// What both forms share.
template <typename H>
void MoveCommon(const H& common, Sides* sides, H* out) {
  *out = common;
  out->positive_spans = std::move(sides->positive_spans);
  out->negative_spans = std::move(sides->negative_spans);
  out->custom_values = std::move(sides->custom_values);
}

}  // namespace

Status CheckWriteRequest(std::string_view message) { return CheckMessage(message, kWriteRequest); }

Label ReadLabel(std::string_view message) {
  Label label;
  for (PbReader r(message); r.Next();) {
    if (r.field() == 1) label.name = r.Bytes();
    if (r.field() == 2) label.value = r.Bytes();
  }
  return label;
}

SampleMessage ReadSample(std::string_view message) {
  SampleMessage sample;
  for (PbReader r(message); r.Next();) {
    if (r.field() == 1) sample.value = r.Double();
    if (r.field() == 2) sample.timestamp = r.Int64();
  }
  return sample;
}

ExemplarMessage ReadExemplar(std::string_view message) {
  ExemplarMessage exemplar;
  for (PbReader r(message); r.Next();) {
    if (r.field() == 2) exemplar.value = r.Double();
    if (r.field() == 3) exemplar.timestamp = r.Int64();
  }
  return exemplar;
}

Status ReadHistogram(std::string_view message, HistogramMessage* out) {
  Sides sides;
  IntHistogram integer;
  FloatHistogram floating;
  bool is_float = false;
  out->timestamp = 0;
  for (PbReader r(message); r.Next();) {
    switch (r.field()) {
      case 1:
        integer.count = r.Uint64();
        is_float = false;
        break;
      case 2:
        floating.count = r.Double();
        is_float = true;
        break;
      case 3: integer.sum = floating.sum = r.Double(); break;
      case 4: integer.schema = floating.schema = static_cast<int32_t>(r.Sint64()); break;
      case 5: integer.zero_threshold = floating.zero_threshold = r.Double(); break;
      case 6:
        integer.zero_count = r.Uint64();
        floating.zero_count = 0;
        break;
      case 7:
        floating.zero_count = r.Double();
        integer.zero_count = 0;
        break;
      case 8: sides.negative_spans.push_back(ReadSpan(r.Bytes())); break;
      case 9: r.EachSint64([&](int64_t delta) { sides.negative_deltas.push_back(delta); }); break;
      case 10: r.EachDouble([&](double count) { sides.negative_counts.push_back(count); }); break;
      case 11: sides.positive_spans.push_back(ReadSpan(r.Bytes())); break;
      case 12: r.EachSint64([&](int64_t delta) { sides.positive_deltas.push_back(delta); }); break;
      case 13: r.EachDouble([&](double count) { sides.positive_counts.push_back(count); }); break;
      case 14: integer.reset = floating.reset = HintOf(r.Int64()); break;
      case 15: out->timestamp = r.Int64(); break;
      case 16: r.EachDouble([&](double bound) { sides.custom_values.push_back(bound); }); break;
      default: break;
    }
    if (sides.size() > kMaxBuckets)
      return ResourceExhausted("native histogram has too many buckets");
  }
  out->is_float = is_float;
  if (is_float) {
    MoveCommon(floating, &sides, &out->floating);
    out->floating.positive_buckets = std::move(sides.positive_counts);
    out->floating.negative_buckets = std::move(sides.negative_counts);
  } else {
    MoveCommon(integer, &sides, &out->integer);
    out->integer.positive_deltas = std::move(sides.positive_deltas);
    out->integer.negative_deltas = std::move(sides.negative_deltas);
  }
  return OkStatus();
}

}  // namespace narthex::remote
