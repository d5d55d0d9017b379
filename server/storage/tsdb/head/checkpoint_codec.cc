#include "server/storage/tsdb/head/checkpoint_codec.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

constexpr size_t kMaxLabels = 65536;
constexpr size_t kMaskedLabels = 64;  // more are written out for each series
constexpr size_t kChunkBytes = 3;     // the least a chunk takes

// Whether a stream may be appended to without harm; what it decodes to is another matter.
bool IsPlausible(const ValueState& state, std::string_view stream) {
  constexpr unsigned kFirst = 64, kTwoBits = 72, kMostPerValue = 78;
  constexpr uint8_t kMaxExponent = 9, kNoWindow = 0xff;
  const unsigned bits = state.bits;
  if (state.encoding == ValueEncoding::kTwo) return bits == kTwoBits && state.count >= 2;
  if (bits < kFirst || bits > kFirst + (state.count - 1u) * kMostPerValue) return false;
  if (state.encoding == ValueEncoding::kDec && state.aux > kMaxExponent) return false;
  const bool window = state.encoding == ValueEncoding::kXor && state.aux != kNoWindow;
  if (window && state.aux + state.trail > 63) return false;
  // Codes are or-ed to what is there.
  const unsigned used = bits % 8;
  return used == 0 || (static_cast<uint8_t>(stream.back()) << used & 0xff) == 0;
}

}  // namespace

// ---- Head ----

std::string CheckpointHead::Encode() const {
  std::string payload;
  ByteWriter out(&payload);
  out.Uvarint(kVersion);
  out.Uvarint(series);
  out.Uvarint(next_ref);
  out.Varint(min_time);
  out.Varint(max_time);
  out.Varint(truncated_before);
  out.Uvarint(files.size());
  for (const ChunkFiles::Extent& file : files) {
    out.Uvarint(file.number);
    out.Uvarint(file.bytes);
    out.Varint(file.mint);
    out.Varint(file.maxt);
  }
  return payload;
}

StatusOr<CheckpointHead> CheckpointHead::Decode(std::string_view payload) {
  ByteReader in(payload);
  const uint64_t version = in.Uvarint();
  if (in.ok() && version != kVersion) {
    return FailedPrecondition("checkpoint of version {}; this program reads version {}", version,
                              kVersion);
  }
  CheckpointHead head;
  head.series = in.Uvarint();
  head.next_ref = in.Uvarint();
  head.min_time = in.Varint();
  head.max_time = in.Varint();
  head.truncated_before = in.Varint();
  const uint64_t files = in.Uvarint();
  for (uint64_t i = 0; i < files && in.ok(); ++i) {
    ChunkFiles::Extent file;
    file.number = static_cast<uint32_t>(in.Uvarint());
    file.bytes = in.Uvarint();
    file.mint = in.Varint();
    file.maxt = in.Varint();
    head.files.push_back(file);
  }
  if (!in.ok() || !in.empty()) return DataLoss("malformed head of a checkpoint");
  return head;
}

// ---- Symbols ----

void CheckpointSymbolWriter::Number(const SeriesIndex& index, const LabelIds& labels,
                                    LabelIds* out) {
  out->clear();
  ByteWriter define(&pending_);
  for (const LabelId& label : labels) {
    if (names_.size() <= label.name) names_.resize(label.name + 1);
    Name& name = names_[label.name];
    if (name.number == kNoId) {
      name.number = next_name_++;
      define.Uvarint(name.number);
      define.Uvarint(0);
      define.UvarintString(index.names().Get(label.name));
    }
    if (name.values.size() <= label.value) name.values.resize(label.value + 1, kNoId);
    uint32_t& value = name.values[label.value];
    if (value == kNoId) {
      value = name.next_value++;
      define.Uvarint(name.number);
      define.Uvarint(value + uint64_t{1});
      define.UvarintString(index.name(label.name).values.Get(label.value));
    }
    out->push_back({name.number, value});
  }
}

Status CheckpointSymbols::Add(std::string_view payload, uint64_t limit) {
  ByteReader in(payload);
  while (in.ok() && !in.empty()) {
    const uint64_t name = in.Uvarint();
    const uint64_t value = in.Uvarint();
    const std::string_view text = in.UvarintString();
    // Numbers leave gaps where records are lost.
    if (!in.ok() || name >= limit || value > limit || text.empty()) break;
    if (names_.size() <= name) names_.resize(name + 1);
    if (value == 0) {
      names_[name].text = text;
      names_[name].id = kNoId;
      continue;
    }
    std::vector<Symbol>& values = names_[name].values;
    if (values.size() < value) values.resize(value);
    values[value - 1] = {text};
  }
  if (!in.ok() || !in.empty()) return DataLoss("malformed symbols record");
  return OkStatus();
}

bool CheckpointSymbols::Resolve(const LabelId& number, SeriesIndex* index, Label* label) {
  if (number.name >= names_.size()) return false;
  Name& name = names_[number.name];
  if (name.text.empty() || number.value >= name.values.size()) return false;
  Symbol& value = name.values[number.value];
  if (value.text.empty()) return false;
  if (name.id == kNoId) name.id = index->InternName(name.text);
  if (value.id == kNoId) {
    value.id = index->InternValue(name.id, value.text);
    value.hash = SeriesIndex::HashOf(name.text, value.text);
  }
  *label = {{name.id, value.id}, value.hash};
  return true;
}

// ---- Series ----

void CheckpointSeriesWriter::AddLabels(const LabelIds& labels) {
  ByteWriter out(&bytes_);
  const LabelIds& before = previous_.labels;
  const bool same = labels.size() <= kMaskedLabels && labels.size() == before.size() &&
                    std::equal(labels.begin(), labels.end(), before.begin(),
                               [](const LabelId& a, const LabelId& b) { return a.name == b.name; });
  if (!same) {
    out.Uvarint(uint64_t{labels.size()} << 1);
    for (const LabelId& label : labels) {
      out.Uvarint(label.name);
      out.Uvarint(label.value);
    }
    return;
  }
  uint64_t changed = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    changed |= uint64_t{labels[i].value != before[i].value} << i;
  }
  out.Uvarint(uint64_t{labels.size()} << 1 | 1);
  out.Uvarint(changed);
  for (size_t i = 0; i < labels.size(); ++i) {
    if ((changed >> i & 1) != 0) out.Uvarint(labels[i].value);
  }
}

void CheckpointSeriesWriter::Add(const CheckpointSeries& series) {
  ByteWriter out(&bytes_);
  out.Varint(static_cast<int64_t>(series.ref - previous_.ref));
  AddLabels(series.labels);
  const bool covered = series.covered_until != CheckpointSeries::kNoCoverage;
  out.Uvarint(uint64_t{series.chunks.size()} << 1 | uint64_t{covered});
  // The chunks of neighbours were written one after the other.
  for (size_t i = 0; i < series.chunks.size(); ++i) {
    const ChunkRef& chunk = series.chunks[i];
    const ChunkRef before = i < previous_.chunks.size() ? previous_.chunks[i] : ChunkRef();
    out.Varint(int64_t{chunk.file} - int64_t{before.file});
    out.Varint(int64_t{chunk.offset} - int64_t{before.offset});
    out.Varint(int64_t{chunk.min_second} - int64_t{before.min_second});
  }
  const int64_t covered_before = previous_.covered_until;
  previous_ = series;
  if (!covered) {
    previous_.covered_until = covered_before;
    return;
  }
  const int64_t base = covered_before == CheckpointSeries::kNoCoverage ? 0 : covered_before;
  out.Varint(static_cast<int64_t>(static_cast<uint64_t>(series.covered_until) -
                                  static_cast<uint64_t>(base)));
}

std::string CheckpointSeriesWriter::Take() {
  previous_ = CheckpointSeries();
  return std::exchange(bytes_, {});
}

bool CheckpointSeriesReader::Next() {
  if (!ok() || in_.empty()) return false;
  series_.ref += static_cast<uint64_t>(in_.Varint());
  ok_ = ReadLabels() && ReadChunks() && in_.ok();
  return ok_;
}

bool CheckpointSeriesReader::ReadLabels() {
  const uint64_t head = in_.Uvarint();
  const uint64_t n = head >> 1;
  same_names_ = (head & 1) != 0;
  LabelIds& labels = series_.labels;
  if (!in_.ok() || n == 0 || n > kMaxLabels) return false;
  if (same_names_) {
    if (n != labels.size() || n > kMaskedLabels) return false;
    changed_ = in_.Uvarint();
    for (size_t i = 0; i < n; ++i) {
      if ((changed_ >> i & 1) != 0) labels[i].value = static_cast<uint32_t>(in_.Uvarint());
    }
    return true;
  }
  if (n > in_.remaining()) return false;
  changed_ = ~uint64_t{0};
  labels.resize(n);
  for (LabelId& label : labels) {
    label.name = static_cast<uint32_t>(in_.Uvarint());
    label.value = static_cast<uint32_t>(in_.Uvarint());
  }
  return true;
}

bool CheckpointSeriesReader::ReadChunks() {
  const uint64_t head = in_.Uvarint();
  const uint64_t n = head >> 1;
  if (!in_.ok() || n > in_.remaining() / kChunkBytes) return false;
  std::swap(series_.chunks, chunks_before_);
  series_.chunks.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const ChunkRef before = i < chunks_before_.size() ? chunks_before_[i] : ChunkRef();
    ChunkRef& chunk = series_.chunks[i];
    const auto next = [this](uint32_t from) {
      return static_cast<uint32_t>(from + static_cast<uint64_t>(in_.Varint()));
    };
    chunk.file = next(before.file);
    chunk.offset = next(before.offset);
    chunk.min_second = next(before.min_second);
  }
  series_.covered_until = CheckpointSeries::kNoCoverage;
  if ((head & 1) != 0) {
    covered_before_ = static_cast<int64_t>(static_cast<uint64_t>(covered_before_) +
                                           static_cast<uint64_t>(in_.Varint()));
    series_.covered_until = covered_before_;
  }
  return true;
}

// ---- Values of open chunks ----

void EncodeOpenValues(const ValueState& state, const uint8_t* stream, uint32_t age,
                      std::string* bytes) {
  ByteWriter out(bytes);
  out.U8(state.count);
  out.Le64(state.last_bits);
  if (state.count == 0) return;
  out.U8(static_cast<uint8_t>(state.encoding));
  out.Uvarint(age);
  if (state.encoding == ValueEncoding::kConst) return;
  out.Uvarint(state.bits);
  out.Varint(state.last_delta);
  out.U8(state.aux);
  out.U8(state.trail);
  out.Bytes({reinterpret_cast<const char*>(stream), StreamBytes(state)});
}

bool DecodeOpenValues(ByteReader* in, OpenValues* values) {
  *values = OpenValues();
  ValueState& state = values->state;
  state.count = in->U8();
  state.last_bits = in->Le64();
  if (state.count == 0 || !in->ok()) return in->ok();
  const uint8_t encoding = in->U8();
  const uint64_t age = in->Uvarint();
  if (state.count > kMaxStreamValues || encoding > static_cast<uint8_t>(ValueEncoding::kXor) ||
      age > UINT16_MAX) {
    return false;
  }
  state.encoding = static_cast<ValueEncoding>(encoding);
  values->age = static_cast<uint32_t>(age);
  if (state.encoding == ValueEncoding::kConst) return in->ok();
  const uint64_t bits = in->Uvarint();
  const int64_t last_delta = in->Varint();
  state.aux = in->U8();
  state.trail = in->U8();
  if (!in->ok() || bits > UINT16_MAX || last_delta != static_cast<int32_t>(last_delta))
    return false;
  state.bits = static_cast<uint16_t>(bits);
  state.last_delta = static_cast<int32_t>(last_delta);
  values->stream = in->Bytes(StreamBytes(state));
  return in->ok() && IsPlausible(state, values->stream);
}

}  // namespace narthex::tsdb
