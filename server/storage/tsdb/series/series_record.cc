#include "server/storage/tsdb/series/series_record.h"

#include "core/base/bytes.h"

namespace narthex::tsdb {
namespace {
constexpr size_t kMaxLabels = 65536;
enum : uint8_t { kNameEntry = 0, kValueEntry = 1 };
}  // namespace

void EncodeSeries(const SeriesIndex& index, uint64_t ref, bool next, SymbolMarks* marks,
                  std::string* definitions, std::string* series) {
  const LabelIds& ids = index.last_ids();
  ByteWriter define(definitions);
  const size_t begin = series->size();
  series->resize(begin + 2 * kMaxUvarint * (ids.size() + 1));
  char* out = series->data() + begin;
  out = PutUvarint(ref, out);
  out = PutUvarint(ids.size(), out);
  for (size_t i = 0; i < ids.size(); ++i) {
    const LabelId& id = ids[i];
    out = PutUvarint(id.name, out);
    out = PutUvarint(id.value, out);
    if (next && index.LastHadBefore(i)) continue;
    if (marks->Name(id.name)) {
      define.U8(kNameEntry);
      define.Uvarint(id.name);
      define.UvarintString(index.names().Get(id.name));
    }
    if (marks->Value(id.name, id.value)) {
      define.U8(kValueEntry);
      define.Uvarint(id.name);
      define.Uvarint(id.value);
      define.UvarintString(index.name(id.name).values.Get(id.value));
    }
  }
  series->resize(static_cast<size_t>(out - series->data()));
}

void SegmentSymbols::Clear() {
  names_.clear();
  values_.clear();
  own_.clear();
}

void SegmentSymbols::ForgetIds() {
  for (auto& [id, name] : names_) name.id = kNoId;
  for (auto& [id, value] : values_) value.id = kNoId;
  own_.clear();
}

Status SegmentSymbols::AddDefinitions(std::string_view payload) {
  ByteReader in(payload);
  own_.clear();
  while (in.ok() && !in.empty()) {
    const uint8_t kind = in.U8();
    const auto name = static_cast<uint32_t>(in.Uvarint());
    const auto value = kind == kValueEntry ? static_cast<uint32_t>(in.Uvarint()) : 0;
    const std::string_view text = in.UvarintString();
    if (!in.ok() || kind > kValueEntry) break;
    if (kind == kNameEntry) {
      names_[name] = {std::string(text)};
    } else {
      values_[uint64_t{name} << 32 | value] = {std::string(text)};
    }
  }
  if (!in.ok() || !in.empty()) return DataLoss("malformed symbols record");
  return OkStatus();
}

Status SegmentSymbols::Resolve(const LabelId& own, SeriesIndex* index, LabelId* id) {
  const auto name = names_.find(own.name);
  const auto value = values_.find(uint64_t{own.name} << 32 | own.value);
  if (name == names_.end() || value == values_.end()) {
    return DataLoss("a series uses symbols that are lost");
  }
  if (name->second.text.empty() || value->second.text.empty()) return DataLoss("an empty label");
  if (name->second.id == kNoId) name->second.id = index->InternName(name->second.text);
  if (value->second.id == kNoId) {
    value->second.id = index->InternValue(name->second.id, value->second.text);
  }
  *id = {name->second.id, value->second.id};
  return OkStatus();
}

bool SegmentSymbols::InOrder(const LabelIds& labels, const SeriesIndex& index) {
  for (size_t i = 1; i < labels.size(); ++i) {
    if (index.names().Get(labels[i - 1].name) >= index.names().Get(labels[i].name)) return false;
  }
  return true;
}

Status SegmentSymbols::DecodeSeries(std::string_view payload, SeriesIndex* index, uint64_t* ref,
                                    const LabelIds** labels) {
  ByteReader in(payload);
  *ref = in.Uvarint();
  const uint64_t count = in.Uvarint();
  if (!in.ok() || count == 0 || count > kMaxLabels || count > in.remaining()) {
    own_.clear();
    return DataLoss("malformed series record");
  }
  bool same_names = own_.size() == count;
  own_.resize(count, {kNoId, kNoId});
  labels_.resize(count);
  Status status;
  for (size_t i = 0; i < count && status.ok(); ++i) {
    const LabelId own{static_cast<uint32_t>(in.Uvarint()), static_cast<uint32_t>(in.Uvarint())};
    if (!in.ok()) {
      status = DataLoss("malformed series record");
    } else if (!(own == own_[i]) || own.name == kNoId) {
      same_names = same_names && own.name == own_[i].name;
      status = Resolve(own, index, &labels_[i]);
      own_[i] = own;
    }
  }
  if (status.ok() && !same_names && !InOrder(labels_, *index)) {
    status = DataLoss("labels of a series out of order");
  }
  if (!status.ok()) own_.clear();
  *labels = &labels_;
  return status;
}

}  // namespace narthex::tsdb
