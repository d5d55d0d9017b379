#include "server/storage/tsdb/series/series_record.h"

#include "core/base/bytes.h"

namespace narthex::tsdb {
namespace {
constexpr size_t kMaxLabels = 65536;
enum : uint8_t { kNameEntry = 0, kValueEntry = 1 };
}  // namespace

void EncodeSeries(const SeriesIndex& index, uint32_t slot, SymbolMarks* marks,
                  std::string* definitions, std::string* series) {
  LabelIds ids;
  index.GetLabelIds(slot, &ids);
  ByteWriter define(definitions), out(series);
  out.Uvarint(index.table()[slot].ref);
  out.Uvarint(ids.size());
  for (const LabelId& id : ids) {
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
    out.Uvarint(id.name);
    out.Uvarint(id.value);
  }
}

void SegmentSymbols::Clear() {
  names_.clear();
  values_.clear();
}

Status SegmentSymbols::AddDefinitions(std::string_view payload) {
  ByteReader in(payload);
  while (in.ok() && !in.empty()) {
    const uint8_t kind = in.U8();
    const auto name = static_cast<uint32_t>(in.Uvarint());
    const auto value = kind == kValueEntry ? static_cast<uint32_t>(in.Uvarint()) : 0;
    const std::string_view text = in.UvarintString();
    if (!in.ok() || kind > kValueEntry) break;
    if (kind == kNameEntry) {
      names_[name] = text;
    } else {
      values_[uint64_t{name} << 32 | value] = text;
    }
  }
  if (!in.ok() || !in.empty()) return DataLoss("malformed symbols record");
  return OkStatus();
}

Status SegmentSymbols::DecodeSeries(std::string_view payload, uint64_t* ref, Labels* labels) const {
  ByteReader in(payload);
  *ref = in.Uvarint();
  const uint64_t count = in.Uvarint();
  if (!in.ok() || count > kMaxLabels) return DataLoss("malformed series record");
  std::vector<Label> pairs;
  for (uint64_t i = 0; i < count; ++i) {
    const auto name_id = static_cast<uint32_t>(in.Uvarint());
    const auto value_id = static_cast<uint32_t>(in.Uvarint());
    if (!in.ok()) return DataLoss("malformed series record");
    const auto name = names_.find(name_id);
    const auto value = values_.find(uint64_t{name_id} << 32 | value_id);
    if (name == names_.end() || value == values_.end()) {
      return DataLoss("series {} uses symbols that are lost", *ref);
    }
    pairs.push_back({name->second, value->second});
  }
  *labels = Labels::FromPairs(pairs);
  return OkStatus();
}

}  // namespace narthex::tsdb
