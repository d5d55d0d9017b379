// The postings of an index being written. Counted while the series were added, they are collected
// in batches: the series section is read back from the file, once for each batch.

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/mapped_file.h"
#include "server/storage/tsdb/index/index_writer.h"

namespace narthex::tsdb {
namespace {

constexpr uint64_t kLeastBatch = 256 << 10;
constexpr uint64_t kMappedAtOnce = 256 << 10;
constexpr size_t kWrittenAtOnce = 16 << 10;
constexpr uint64_t kListBytes = 12;  // length, count, checksum

size_t UvarintSize(uint64_t v) {
  size_t n = 1;
  for (; v >= 0x80; v >>= 7) ++n;
  return n;
}

}  // namespace

// In pieces: a list may be of all series.
template <typename Refs>
void IndexWriter::WriteList(const Refs& refs) {
  scratch_.clear();
  ByteWriter writer(&scratch_);
  writer.Be32(static_cast<uint32_t>(4 + 4 * refs.size()));
  file_->Write(scratch_);
  file_->BeginChecksum();
  scratch_.clear();
  writer.Be32(static_cast<uint32_t>(refs.size()));
  for (const uint32_t ref : refs) {
    writer.Be32(ref);
    if (scratch_.size() < kWrittenAtOnce) continue;
    file_->Write(scratch_);
    scratch_.clear();
  }
  file_->Write(scratch_);
  scratch_.clear();
  writer.Be32(file_->checksum());
  file_->Write(scratch_);
}

Status IndexWriter::WritePostings() {
  toc_.postings = file_->position();
  WriteList(refs_);
  // Symbols are sorted, hence so are pairs of their numbers.
  std::sort(pairs_.begin(), pairs_.end(),
            [](const PairCount& a, const PairCount& b) { return a.pair < b.pair; });
  for (uint32_t i = 0; i < pairs_.size(); ++i) pair_ids_[pairs_[i].pair] = i;
  NX_RETURN_IF_ERROR(file_->Flush());
  NX_ASSIGN_OR_RETURN(const MappedFile written, MappedFile::Open(file_->path()));
  const uint64_t most = postings_bytes_ != 0 ? postings_bytes_ : std::max(kLeastBatch, series_ * 4);
  for (size_t begin = 0; begin < pairs_.size();) {
    uint64_t bytes = 0;
    size_t end = begin;
    while (end < pairs_.size() && (end == begin || bytes < most)) {
      bytes += uint64_t{4} * pairs_[end++].count;
    }
    NX_RETURN_IF_ERROR(WriteBatch(written, begin, end));
    begin = end;
  }
  return file_->status();
}

Status IndexWriter::WriteBatch(const MappedFile& written, size_t begin, size_t end) {
  const std::string_view series = written.data().substr(0, series_end_);
  std::vector<uint64_t> next(end - begin + 1);  // where the next reference of each pair goes
  for (size_t i = begin; i < end; ++i) next[i - begin + 1] = next[i - begin] + pairs_[i].count;
  std::vector<uint32_t> refs(next.back());
  std::vector<std::pair<Pair, uint32_t>> known;  // of the series before: pair, id
  const Pair first = pairs_[begin].pair, last = pairs_[end - 1].pair;
  uint64_t dropped = 0;
  for (const uint32_t ref : refs_) {
    const uint64_t at = uint64_t{ref} * kSeriesAlign;
    if (at >= dropped + kMappedAtOnce) {
      written.DropPages(dropped, at);
      dropped = at;
    }
    ByteReader reader(series.substr(at));
    reader.Uvarint();
    const uint64_t labels = reader.Uvarint();
    known.resize(labels, {{UINT32_MAX, UINT32_MAX}, 0});
    for (auto& [pair, id] : known) {
      const auto name = static_cast<uint32_t>(reader.Uvarint());
      const Pair read{name, static_cast<uint32_t>(reader.Uvarint())};
      if (read < first || last < read) continue;
      if (read != pair) {
        pair = read;
        id = pair_ids_.find(read)->second;
      }
      refs[next[id - begin]++] = ref;
    }
  }
  uint64_t from = 0;
  for (size_t i = begin; i < end; ++i) {
    WriteList(std::span(refs).subspan(from, pairs_[i].count));
    from += pairs_[i].count;
  }
  return file_->status();
}

Status IndexWriter::WritePostingsTable() {
  // Lists follow one another without gaps, so their offsets need not be remembered.
  const auto for_each = [&](auto&& visit) {
    uint64_t offset = toc_.postings;
    visit(std::string_view(), std::string_view(), offset);
    offset += kListBytes + 4 * series_;
    for (const PairCount& p : pairs_) {
      visit(std::string_view(symbols_[p.pair.name]), std::string_view(symbols_[p.pair.value]),
            offset);
      offset += kListBytes + uint64_t{4} * p.count;
    }
  };
  uint64_t length = 4;
  for_each([&](std::string_view name, std::string_view value, uint64_t offset) {
    length += 1 + UvarintSize(name.size()) + name.size() + UvarintSize(value.size()) +
              value.size() + UvarintSize(offset);
  });
  if (length > UINT32_MAX) return OutOfRange("the postings offset table would exceed 4 GiB");
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.Be32(static_cast<uint32_t>(length));
  file_->Write(bytes);
  file_->BeginChecksum();
  bytes.clear();
  writer.Be32(static_cast<uint32_t>(pairs_.size() + 1));
  file_->Write(bytes);
  for_each([&](std::string_view name, std::string_view value, uint64_t offset) {
    bytes.clear();
    writer.Uvarint(2);
    writer.UvarintString(name);
    writer.UvarintString(value);
    writer.Uvarint(offset);
    file_->Write(bytes);
  });
  bytes.clear();
  writer.Be32(file_->checksum());
  file_->Write(bytes);
  return file_->status();
}

}  // namespace narthex::tsdb
