// The series entries of the index.

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "server/storage/tsdb/index/index_reader.h"

namespace narthex::tsdb {

StatusOr<std::string_view> IndexReader::SeriesBytes(uint32_t series) const {
  const uint64_t offset = version_ == 1 ? series : uint64_t{series} * kSeriesAlign;
  if (offset >= file_.size()) return DataLoss("{}: series {} beyond its end", path_, series);
  ByteReader reader(file_.substr(offset));
  const uint64_t length = reader.Uvarint();
  if (!reader.ok() || length > reader.remaining() || reader.remaining() - length < 4) {
    return DataLoss("{}: series {}: invalid size", path_, series);
  }
  const std::string_view payload = reader.Bytes(length);
  if (reader.Be32() != Crc32c(payload)) {
    return DataLoss("{}: series {}: invalid checksum", path_, series);
  }
  return payload;
}

namespace {

bool ReadSymbols(ByteReader* in, std::vector<std::pair<uint32_t, uint32_t>>* out) {
  const uint64_t count = in->Uvarint();
  if (!in->ok() || count > in->remaining() / 2) return false;
  out->resize(count);
  for (auto& [name, value] : *out) {
    const uint64_t n = in->Uvarint(), v = in->Uvarint();
    if (n > UINT32_MAX || v > UINT32_MAX) return false;
    name = static_cast<uint32_t>(n);
    value = static_cast<uint32_t>(v);
  }
  return in->ok();
}

// Differences wrap around as they do in Go: a damaged file may hold any.
bool ParseChunks(ByteReader* in, int64_t mint, int64_t maxt, std::vector<ChunkMeta>* out) {
  const uint64_t count = in->Uvarint();
  if (!in->ok() || count > in->remaining() / 3) return false;
  uint64_t ref = 0, end = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t start = i == 0 ? static_cast<uint64_t>(in->Varint()) : end + in->Uvarint();
    end = start + in->Uvarint();
    ref += i == 0 ? in->Uvarint() : static_cast<uint64_t>(in->Varint());
    const ChunkMeta chunk{ref, static_cast<int64_t>(start), static_cast<int64_t>(end)};
    if (chunk.mint > maxt) return in->ok();
    if (chunk.maxt >= mint) out->push_back(chunk);
  }
  return in->ok();
}

}  // namespace

Status IndexReader::ReadSeries(uint32_t series, Series* out, int64_t mint, int64_t maxt) const {
  out->labels.clear();
  out->chunks.clear();
  NX_ASSIGN_OR_RETURN(const std::string_view payload, SeriesBytes(series));
  ByteReader reader(payload);
  if (!ReadSymbols(&reader, &out->labels) || !ParseChunks(&reader, mint, maxt, &out->chunks)) {
    return DataLoss("{}: series {} is damaged", path_, series);
  }
  return OkStatus();
}

Status IndexReader::ReadChunks(uint32_t series, std::vector<ChunkMeta>* out, int64_t mint,
                               int64_t maxt) const {
  out->clear();
  NX_ASSIGN_OR_RETURN(const std::string_view payload, SeriesBytes(series));
  ByteReader reader(payload);
  const uint64_t labels = reader.Uvarint();
  if (labels <= reader.remaining() / 2) {
    reader.SkipUvarints(2 * labels);
    if (ParseChunks(&reader, mint, maxt, out)) return OkStatus();
  }
  return DataLoss("{}: series {} is damaged", path_, series);
}

StatusOr<Labels> IndexReader::LabelsOf(const Series& series) const {
  std::string flat;
  ByteWriter writer(&flat);
  std::string_view last;
  for (const auto& [name_symbol, value_symbol] : series.labels) {
    NX_ASSIGN_OR_RETURN(const std::string_view name, Symbol(name_symbol));
    NX_ASSIGN_OR_RETURN(const std::string_view value, Symbol(value_symbol));
    if (name <= last || value.empty()) return Damaged("labels out of order or empty");
    writer.UvarintString(name);
    writer.UvarintString(value);
    last = name;
  }
  return Labels::FromFlat(std::move(flat));
}

StatusOr<Labels> IndexReader::LabelsOf(const Series& series,
                                       std::span<const std::string> names) const {
  std::string flat;
  ByteWriter writer(&flat);
  auto wanted = names.begin();
  for (const auto& [name_symbol, value_symbol] : series.labels) {
    NX_ASSIGN_OR_RETURN(const std::string_view name, Symbol(name_symbol));
    while (wanted != names.end() && *wanted < name) ++wanted;
    if (wanted == names.end()) break;
    if (*wanted != name) continue;
    NX_ASSIGN_OR_RETURN(const std::string_view value, Symbol(value_symbol));
    writer.UvarintString(name);
    writer.UvarintString(value);
    ++wanted;
  }
  return Labels::FromFlat(std::move(flat));
}

StatusOr<std::string_view> IndexReader::ValueOf(uint32_t series, std::string_view name) const {
  NX_ASSIGN_OR_RETURN(const std::string_view payload, SeriesBytes(series));
  ByteReader reader(payload);
  for (uint64_t left = reader.Uvarint(); left > 0 && reader.ok(); --left) {
    const uint64_t name_symbol = reader.Uvarint(), value_symbol = reader.Uvarint();
    if (name_symbol > UINT32_MAX || value_symbol > UINT32_MAX) break;
    NX_ASSIGN_OR_RETURN(const std::string_view found, Symbol(static_cast<uint32_t>(name_symbol)));
    if (found == name) return Symbol(static_cast<uint32_t>(value_symbol));
    if (found > name) return std::string_view();
  }
  if (!reader.ok()) return DataLoss("{}: series {} is damaged", path_, series);
  return std::string_view();
}

}  // namespace narthex::tsdb
