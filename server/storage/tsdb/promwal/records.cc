#include "server/storage/tsdb/promwal/records.h"

#include <bit>
#include <cstring>

#include "core/base/bytes.h"

namespace narthex::tsdb::promwal {
namespace {

// Wrapping, as Go's integers do.
int64_t Plus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t Minus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

Status Damaged(std::string_view what) { return DataLoss("damaged {} record", what); }

double BeDouble(ByteReader* in) { return std::bit_cast<double>(in->Be64()); }

// False when the labels are damaged or no label set.
bool ReadLabels(ByteReader* in, bool ordered, Labels* out) {
  const uint64_t count = in->Uvarint();
  // Two length bytes each at least.
  if (!in->ok() || count > in->remaining() / 2) return false;
  std::string flat;
  ByteWriter writer(&flat);
  std::string_view before;
  std::vector<Label> unordered;
  for (uint64_t i = 0; i < count; ++i) {
    const std::string_view name = in->UvarintString();
    const std::string_view value = in->UvarintString();
    if (!in->ok()) return false;
    if (!ordered) {
      unordered.push_back({name, value});
      continue;
    }
    if (i > 0 && name <= before) return false;
    before = name;
    if (value.empty()) continue;
    writer.UvarintString(name);
    writer.UvarintString(value);
  }
  *out = ordered ? Labels::FromFlat(std::move(flat)) : Labels::FromPairs(unordered);
  return true;
}

Status DecodeSeries(ByteReader in, RecordSink* sink) {
  while (!in.empty()) {
    const uint64_t ref = in.Be64();
    Labels labels;
    if (!in.ok() || !ReadLabels(&in, true, &labels)) return Damaged("series");
    sink->OnSeries(ref, std::move(labels));
  }
  return OkStatus();
}

// A varint of which all bytes are there; false when it is none.
inline bool ReadVarint(const char** p, int64_t* out) {
  uint64_t value = static_cast<uint8_t>(*(*p)++);
  if (value < 0x80) {
    *out = ZigZagDecode(value);
    return true;
  }
  value &= 0x7f;
  for (int shift = 7; shift < 64; shift += 7) {
    const auto byte = static_cast<uint8_t>(*(*p)++);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte >= 0x80) continue;
    *out = ZigZagDecode(value);
    return shift < 63 || byte <= 1;
  }
  return false;
}

// Samples of one record, which differ from its first one in reference and time.
class SampleReader {
 public:
  explicit SampleReader(ByteReader* in)
      : in_(*in), ref_(in->Be64()), time_(static_cast<int64_t>(in->Be64())) {}

  // As many as are there, up to `most`; fewer on damage.
  size_t Read(SampleRecord* out, size_t most) {
    size_t n = ReadFast(out, most);
    for (; n < most && !in_.empty(); ++n) {
      SampleRecord& sample = out[n];
      sample.ref = ref_ + static_cast<uint64_t>(in_.Varint());
      sample.time = Plus(time_, in_.Varint());
      sample.bits = in_.Be64();
      if (!in_.ok()) break;
    }
    return n;
  }

 private:
  static constexpr size_t kLongest = 10 + 10 + 8;

  // Those that cannot reach behind the end, however long they are.
  size_t ReadFast(SampleRecord* out, size_t most) {
    const std::string_view bytes = in_.rest();
    const char* p = bytes.data();
    const char* const end = p + bytes.size();
    size_t n = 0;
    for (; n < most && static_cast<size_t>(end - p) >= kLongest; ++n) {
      const char* at = p;
      int64_t ref, time;
      if (!ReadVarint(&at, &ref) || !ReadVarint(&at, &time)) break;
      uint64_t bits;
      std::memcpy(&bits, at, sizeof bits);
      out[n] = {ref_ + static_cast<uint64_t>(ref), Plus(time_, time), __builtin_bswap64(bits)};
      p = at + sizeof bits;
    }
    in_.Skip(static_cast<size_t>(p - bytes.data()));
    return n;
  }

  ByteReader& in_;
  const uint64_t ref_;
  const int64_t time_;
};

Status DecodeSamples(ByteReader in, RecordSink* sink) {
  if (in.empty()) return OkStatus();
  SampleReader reader(&in);
  SampleRecord samples[kMostSamplesAtOnce];
  while (!in.empty() && in.ok()) {
    const size_t n = reader.Read(samples, kMostSamplesAtOnce);
    if (n > 0) sink->OnSamples({samples, n});
  }
  return in.ok() ? OkStatus() : Damaged("sample");
}

Status DecodeTombstones(ByteReader in, RecordSink* sink) {
  while (!in.empty() && in.ok()) {
    TombstoneRecord tombstone;
    tombstone.ref = in.Be64();
    tombstone.mint = in.Varint();
    tombstone.maxt = in.Varint();
    if (in.ok()) sink->OnTombstone(tombstone);
  }
  return in.ok() ? OkStatus() : Damaged("tombstone");
}

Status DecodeExemplars(ByteReader in, RecordSink* sink) {
  if (in.empty()) return OkStatus();
  const uint64_t base_ref = in.Be64();
  const auto base_time = static_cast<int64_t>(in.Be64());
  while (!in.empty()) {
    ExemplarRecord exemplar;
    exemplar.ref = base_ref + static_cast<uint64_t>(in.Varint());
    exemplar.time = Plus(base_time, in.Varint());
    exemplar.value = BeDouble(&in);
    if (!in.ok() || !ReadLabels(&in, false, &exemplar.labels)) return Damaged("exemplar");
    sink->OnExemplar(exemplar);
  }
  return OkStatus();
}

Status DecodeMetadata(ByteReader in, RecordSink* sink) {
  while (!in.empty()) {
    MetadataRecord metadata;
    metadata.ref = in.Uvarint();
    metadata.type = in.U8();
    const uint64_t fields = in.Uvarint();
    for (uint64_t i = 0; i < fields && in.ok(); ++i) {
      const std::string_view name = in.UvarintString();
      const std::string_view value = in.UvarintString();
      if (name == "UNIT") metadata.unit = value;
      if (name == "HELP") metadata.help = value;
    }
    if (!in.ok()) return Damaged("metadata");
    sink->OnMetadata(metadata);
  }
  return OkStatus();
}

Status DecodeMarkers(ByteReader in) {
  while (!in.empty()) in.Skip(16);
  return in.ok() ? OkStatus() : Damaged("memory-map marker");
}

// ---- Histograms ----

// An element takes at least `smallest` bytes, so damage cannot ask for more memory than it has.
template <typename T, typename Read>
void ReadList(ByteReader* in, size_t smallest, std::vector<T>* out, Read read) {
  out->clear();
  const uint64_t count = in->Uvarint();
  if (count > in->remaining() / smallest) return in->Skip(in->remaining() + 1);
  out->reserve(count);
  for (uint64_t i = 0; i < count && in->ok(); ++i) out->push_back(read());
}

void ReadSpans(ByteReader* in, std::vector<BucketSpan>* spans) {
  ReadList(in, 2, spans, [in] {
    BucketSpan span;
    span.offset = static_cast<int32_t>(in->Varint());
    span.length = static_cast<uint32_t>(in->Uvarint());
    return span;
  });
}

template <typename H>
void ReadFront(ByteReader* in, H* h) {
  const uint8_t hint = in->U8();
  h->reset = hint <= 3 ? static_cast<CounterResetHint>(hint) : CounterResetHint::kUnknown;
  h->schema = static_cast<int32_t>(in->Varint());
  h->zero_threshold = BeDouble(in);
}

template <typename H>
void ReadCustomValues(ByteReader* in, H* h) {
  h->custom_values.clear();
  if (!h->custom_buckets()) return;
  ReadList(in, 8, &h->custom_values, [in] { return BeDouble(in); });
}

void ReadHistogram(ByteReader* in, IntHistogram* h) {
  ReadFront(in, h);
  h->zero_count = in->Uvarint();
  h->count = in->Uvarint();
  h->sum = BeDouble(in);
  ReadSpans(in, &h->positive_spans);
  ReadSpans(in, &h->negative_spans);
  ReadList(in, 1, &h->positive_deltas, [in] { return in->Varint(); });
  ReadList(in, 1, &h->negative_deltas, [in] { return in->Varint(); });
  ReadCustomValues(in, h);
}

void ReadHistogram(ByteReader* in, FloatHistogram* h) {
  ReadFront(in, h);
  h->zero_count = BeDouble(in);
  h->count = BeDouble(in);
  h->sum = BeDouble(in);
  ReadSpans(in, &h->positive_spans);
  ReadSpans(in, &h->negative_spans);
  ReadList(in, 8, &h->positive_buckets, [in] { return BeDouble(in); });
  ReadList(in, 8, &h->negative_buckets, [in] { return BeDouble(in); });
  ReadCustomValues(in, h);
}

size_t BucketCount(const IntHistogram& h, bool positive) {
  return positive ? h.positive_deltas.size() : h.negative_deltas.size();
}
size_t BucketCount(const FloatHistogram& h, bool positive) {
  return positive ? h.positive_buckets.size() : h.negative_buckets.size();
}

uint64_t SpanTotal(const std::vector<BucketSpan>& spans) {
  uint64_t n = 0;
  for (const BucketSpan& span : spans) n += span.length;
  return n;
}

template <typename H>
Status DecodeHistograms(ByteReader in, RecordSink* sink) {
  if (in.empty()) return OkStatus();
  const uint64_t base_ref = in.Be64();
  const auto base_time = static_cast<int64_t>(in.Be64());
  H histogram;
  while (!in.empty()) {
    const uint64_t ref = base_ref + static_cast<uint64_t>(in.Varint());
    const int64_t time = Plus(base_time, in.Varint());
    ReadHistogram(&in, &histogram);
    if (!in.ok() || SpanTotal(histogram.positive_spans) != BucketCount(histogram, true) ||
        SpanTotal(histogram.negative_spans) != BucketCount(histogram, false)) {
      return Damaged("histogram");
    }
    if (sink->WantsHistogram(ref, time)) sink->OnHistogram(ref, time, histogram);
  }
  return OkStatus();
}

// ---- Writing ----

void WriteLabels(const Labels& labels, ByteWriter* out) {
  out->Uvarint(labels.size());
  for (const Label& label : labels) {
    out->UvarintString(label.name);
    out->UvarintString(label.value);
  }
}

void PutDouble(double v, ByteWriter* out) { out->Be64(std::bit_cast<uint64_t>(v)); }

void WriteSpans(const std::vector<BucketSpan>& spans, ByteWriter* out) {
  out->Uvarint(spans.size());
  for (const BucketSpan& span : spans) {
    out->Varint(span.offset);
    out->Uvarint(span.length);
  }
}

void WriteDoubles(const std::vector<double>& values, ByteWriter* out) {
  out->Uvarint(values.size());
  for (const double v : values) PutDouble(v, out);
}

void WriteDeltas(const std::vector<int64_t>& deltas, ByteWriter* out) {
  out->Uvarint(deltas.size());
  for (const int64_t delta : deltas) out->Varint(delta);
}

template <typename H>
void WriteFront(const H& h, ByteWriter* out) {
  out->U8(static_cast<uint8_t>(h.reset));
  out->Varint(h.schema);
  PutDouble(h.zero_threshold, out);
}

}  // namespace

Status DecodeRecord(std::string_view record, RecordSink* sink) {
  if (record.empty()) return DataLoss("empty record");
  const auto type = static_cast<uint8_t>(record.front());
  const ByteReader in(record.substr(1));
  switch (static_cast<RecordType>(type)) {
    case RecordType::kSeries: return DecodeSeries(in, sink);
    case RecordType::kSamples: return DecodeSamples(in, sink);
    case RecordType::kTombstones: return DecodeTombstones(in, sink);
    case RecordType::kExemplars: return DecodeExemplars(in, sink);
    case RecordType::kMmapMarkers: return DecodeMarkers(in);
    case RecordType::kMetadata: return DecodeMetadata(in, sink);
    case RecordType::kHistograms:
    case RecordType::kCustomHistograms: return DecodeHistograms<IntHistogram>(in, sink);
    case RecordType::kFloatHistograms:
    case RecordType::kCustomFloatHistograms: return DecodeHistograms<FloatHistogram>(in, sink);
    default: sink->OnUnknown(type); return OkStatus();
  }
}

bool DecodeRecordLabels(ByteReader* in, Labels* out) { return ReadLabels(in, true, out); }

void RecordEncoder::Series(std::span<const std::pair<uint64_t, Labels>> series, std::string* out) {
  out->clear();
  ByteWriter writer(out);
  writer.U8(static_cast<uint8_t>(RecordType::kSeries));
  for (const auto& [ref, labels] : series) {
    writer.Be64(ref);
    WriteLabels(labels, &writer);
  }
}

void RecordEncoder::Samples(std::span<const SampleRecord> samples, std::string* out) {
  out->clear();
  ByteWriter writer(out);
  writer.U8(static_cast<uint8_t>(RecordType::kSamples));
  if (samples.empty()) return;
  writer.Be64(samples[0].ref);
  writer.Be64(static_cast<uint64_t>(samples[0].time));
  for (const SampleRecord& sample : samples) {
    writer.Varint(static_cast<int64_t>(sample.ref - samples[0].ref));
    writer.Varint(Minus(sample.time, samples[0].time));
    writer.Be64(sample.bits);
  }
}

void RecordEncoder::BeginHistograms(RecordType type, uint64_t ref, int64_t time, std::string* out) {
  out->clear();
  base_ref_ = ref;
  base_time_ = time;
  ByteWriter writer(out);
  writer.U8(static_cast<uint8_t>(type));
  writer.Be64(ref);
  writer.Be64(static_cast<uint64_t>(time));
}

void RecordEncoder::Histogram(uint64_t ref, int64_t time, const IntHistogram& h, std::string* out) {
  ByteWriter writer(out);
  writer.Varint(static_cast<int64_t>(ref - base_ref_));
  writer.Varint(Minus(time, base_time_));
  WriteFront(h, &writer);
  writer.Uvarint(h.zero_count);
  writer.Uvarint(h.count);
  PutDouble(h.sum, &writer);
  WriteSpans(h.positive_spans, &writer);
  WriteSpans(h.negative_spans, &writer);
  WriteDeltas(h.positive_deltas, &writer);
  WriteDeltas(h.negative_deltas, &writer);
  if (h.custom_buckets()) WriteDoubles(h.custom_values, &writer);
}

void RecordEncoder::Histogram(uint64_t ref, int64_t time, const FloatHistogram& h,
                              std::string* out) {
  ByteWriter writer(out);
  writer.Varint(static_cast<int64_t>(ref - base_ref_));
  writer.Varint(Minus(time, base_time_));
  WriteFront(h, &writer);
  PutDouble(h.zero_count, &writer);
  PutDouble(h.count, &writer);
  PutDouble(h.sum, &writer);
  WriteSpans(h.positive_spans, &writer);
  WriteSpans(h.negative_spans, &writer);
  WriteDoubles(h.positive_buckets, &writer);
  WriteDoubles(h.negative_buckets, &writer);
  if (h.custom_buckets()) WriteDoubles(h.custom_values, &writer);
}

void RecordEncoder::Tombstones(std::span<const TombstoneRecord> tombstones, std::string* out) {
  out->clear();
  ByteWriter writer(out);
  writer.U8(static_cast<uint8_t>(RecordType::kTombstones));
  for (const TombstoneRecord& t : tombstones) {
    writer.Be64(t.ref);
    writer.Varint(t.mint);
    writer.Varint(t.maxt);
  }
}

void RecordEncoder::Exemplars(std::span<const ExemplarRecord> exemplars, std::string* out) {
  out->clear();
  ByteWriter writer(out);
  writer.U8(static_cast<uint8_t>(RecordType::kExemplars));
  if (exemplars.empty()) return;
  writer.Be64(exemplars[0].ref);
  writer.Be64(static_cast<uint64_t>(exemplars[0].time));
  for (const ExemplarRecord& e : exemplars) {
    writer.Varint(static_cast<int64_t>(e.ref - exemplars[0].ref));
    writer.Varint(Minus(e.time, exemplars[0].time));
    PutDouble(e.value, &writer);
    WriteLabels(e.labels, &writer);
  }
}

void RecordEncoder::Metadata(const MetadataRecord& metadata, std::string* out) {
  out->clear();
  ByteWriter writer(out);
  writer.U8(static_cast<uint8_t>(RecordType::kMetadata));
  writer.Uvarint(metadata.ref);
  writer.U8(metadata.type);
  writer.Uvarint(2);
  writer.UvarintString("UNIT");
  writer.UvarintString(metadata.unit);
  writer.UvarintString("HELP");
  writer.UvarintString(metadata.help);
}

namespace {
constexpr std::string_view kMetricTypes[] = {"unknown",        "counter", "gauge", "histogram",
                                             "gaugehistogram", "summary", "info",  "stateset"};
}

std::string_view MetricTypeName(uint8_t type) {
  return kMetricTypes[type < std::size(kMetricTypes) ? type : 0];
}

uint8_t MetricTypeNumber(std::string_view name) {
  for (size_t type = 0; type < std::size(kMetricTypes); ++type) {
    if (kMetricTypes[type] == name) return static_cast<uint8_t>(type);
  }
  return 0;
}

}  // namespace narthex::tsdb::promwal
