// Any bytes as an index: every answer or DataLoss, no crash, memory linear in the input. Checksums,
// which no fuzzer guesses, are put right before reading when the first byte asks for it.

#include <cstdint>
#include <string>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/base/crc32c.h"
#include "server/storage/tsdb/index/index_reader.h"

namespace narthex::tsdb {
namespace {

void PutChecksum(std::string* file, size_t at, size_t begin, size_t end) {
  const uint32_t crc =
      __builtin_bswap32(Crc32c(std::string_view(*file).substr(begin, end - begin)));
  std::memcpy(file->data() + at, &crc, sizeof crc);
}

// u32 length, payload, u32 checksum
void FixSection(std::string* file, uint64_t offset) {
  if (offset > file->size()) return;
  ByteReader reader(std::string_view(*file).substr(offset));
  const uint64_t length = reader.Be32();
  if (!reader.ok() || reader.remaining() < length + 4) return;
  PutChecksum(file, offset + 4 + length, offset + 4, offset + 4 + length);
}

void FixSeries(std::string* file, uint64_t offset) {
  if (offset > file->size()) return;
  ByteReader reader(std::string_view(*file).substr(offset));
  const uint64_t length = reader.Uvarint();
  if (!reader.ok() || reader.remaining() < length || reader.remaining() - length < 4) return;
  const size_t begin = file->size() - reader.remaining();
  PutChecksum(file, begin + length, begin, begin + length);
}

void FixTables(std::string* file) {
  if (file->size() < kIndexTocBytes) return;
  const size_t toc = file->size() - kIndexTocBytes;
  ByteReader reader(std::string_view(*file).substr(toc));
  for (int i = 0; i < 6; ++i) FixSection(file, reader.Be64());
  PutChecksum(file, file->size() - 4, toc, file->size() - 4);
}

void FixEntries(std::string* file) {
  const std::string before = *file;
  const auto reader = IndexReader::FromBytes(before, "index");
  if (!reader.ok()) return;
  std::vector<std::string_view> names = (*reader)->LabelNames();
  names.emplace_back("");
  for (const std::string_view name : names) {
    (void)(*reader)->ForEachValue(name, [&](std::string_view, uint64_t postings) {
      FixSection(file, postings);
      return true;
    });
  }
  const auto fixed = IndexReader::FromBytes(*file, "index");
  if (!fixed.ok()) return;
  const auto all = (*fixed)->AllPostings();
  if (!all.ok()) return;
  const uint64_t align = (*fixed)->version() == 1 ? 1 : kSeriesAlign;
  std::vector<uint32_t> refs;
  for (uint32_t i = 0; i < all->size(); ++i) refs.push_back((*all)[i]);
  for (const uint32_t ref : refs) FixSeries(file, ref * align);
}

void ReadEverything(const IndexReader& reader) {
  (void)reader.Symbols();
  IndexReader::Series series;
  const auto read_list = [&](const StatusOr<PostingsList>& list) {
    if (!list.ok()) return;
    uint32_t at = 0;
    for (uint32_t i = 0; i < list->size() && i < 1000; ++i) {
      at = list->Seek(at, (*list)[i]);
      NX_CHECK(at <= list->size());
      const Status status = reader.ReadSeries((*list)[i], &series, -1000, INT64_MAX / 2);
      if (status.ok()) (void)reader.LabelsOf(series);
      (void)reader.ValueOf((*list)[i], "job");
    }
  };
  read_list(reader.AllPostings());
  int budget = 10'000;
  for (const std::string_view name : reader.LabelNames()) {
    size_t values = 0;
    (void)reader.ForEachValue(name, [&](std::string_view value, uint64_t postings) {
      ++values;
      if (--budget > 0) read_list(reader.PostingsAt(postings));
      return budget > 0;
    });
    NX_CHECK(values <= reader.LabelValueCount(name));
    (void)reader.Postings(name, "a");
  }
  (void)reader.Symbol(0);
  (void)reader.Symbol(UINT32_MAX);
}

}  // namespace
}  // namespace narthex::tsdb

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex::tsdb;  // NOLINT
  if (size == 0) return 0;
  std::string file(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 1) {
    FixTables(&file);
    FixEntries(&file);
  }
  const auto reader = IndexReader::FromBytes(file, "index");
  if (reader.ok()) ReadEverything(**reader);
  return 0;
}
