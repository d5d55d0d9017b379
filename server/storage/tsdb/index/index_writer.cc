#include "server/storage/tsdb/index/index_writer.h"

#include <algorithm>

#include "core/base/bytes.h"

namespace narthex::tsdb {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{UINT32_MAX} * kSeriesAlign;  // what a reference reaches

size_t UvarintSize(uint64_t v) {
  size_t n = 1;
  for (; v >= 0x80; v >>= 7) ++n;
  return n;
}
size_t StringSize(std::string_view text) { return UvarintSize(text.size()) + text.size(); }

void PutBe32(FileWriter* file, uint64_t v) {
  std::string bytes;
  ByteWriter(&bytes).Be32(static_cast<uint32_t>(v));
  file->Write(bytes);
}

}  // namespace

StatusOr<std::unique_ptr<IndexWriter>> IndexWriter::Create(const std::string& path,
                                                           std::span<const std::string> symbols,
                                                           uint64_t postings_bytes) {
  NX_ASSIGN_OR_RETURN(std::unique_ptr<FileWriter> file, FileWriter::Create(path));
  std::unique_ptr<IndexWriter> writer(new IndexWriter(std::move(file), symbols, postings_bytes));
  std::string header;
  ByteWriter bytes(&header);
  bytes.Be32(kIndexMagic);
  bytes.U8(kIndexVersionWritten);
  writer->file_->Write(header);
  NX_RETURN_IF_ERROR(writer->WriteSymbols());
  writer->toc_.series = writer->file_->position();
  return writer;
}

Status IndexWriter::WriteSymbols() {
  toc_.symbols = file_->position();
  uint64_t length = 4;
  for (const std::string& symbol : symbols_) length += StringSize(symbol);
  if (length > UINT32_MAX || symbols_.size() >= UINT32_MAX) {
    return OutOfRange("the symbol table would exceed 4 GiB");
  }
  PutBe32(file_.get(), length);
  file_->BeginChecksum();
  PutBe32(file_.get(), symbols_.size());
  symbol_ids_.reserve(symbols_.size());
  for (uint32_t i = 0; i < symbols_.size(); ++i) {
    if (i > 0 && symbols_[i] <= symbols_[i - 1]) {
      return Internal("symbols out of order: \"{}\"", symbols_[i]);
    }
    symbol_ids_.emplace(symbols_[i], i);
    scratch_.clear();
    ByteWriter(&scratch_).UvarintString(symbols_[i]);
    file_->Write(scratch_);
  }
  PutBe32(file_.get(), file_->checksum());
  return file_->status();
}

StatusOr<uint32_t> IndexWriter::FindSymbol(std::string_view text) const {
  const auto found = symbol_ids_.find(text);
  if (found == symbol_ids_.end()) return Internal("symbol \"{}\" was not announced", text);
  return found->second;
}

Status IndexWriter::CountPairs(const Labels& labels) {
  size_t i = 0;
  for (const Label& label : labels) {
    if (i == known_.size()) known_.emplace_back();
    Known& known = known_[i++];
    if (known.value != label.value || known.name != label.name) {
      NX_ASSIGN_OR_RETURN(const uint32_t name, FindSymbol(label.name));
      NX_ASSIGN_OR_RETURN(const uint32_t value, FindSymbol(label.value));
      known = {symbols_[name], symbols_[value], {name, value}, 0};
      const auto [at, is_new] =
          pair_ids_.try_emplace(known.pair, static_cast<uint32_t>(pairs_.size()));
      if (is_new) pairs_.push_back({known.pair, 0});
      known.id = at->second;
    }
    ++pairs_[known.id].count;
  }
  known_.resize(i);
  return OkStatus();
}

void IndexWriter::Pad(size_t alignment) {
  static constexpr char kZeroes[kSeriesAlign] = {};
  const size_t over = file_->position() % alignment;
  if (over != 0) file_->Write({kZeroes, alignment - over});
}

Status IndexWriter::AddSeries(const Labels& labels, std::span<const ChunkMeta> chunks) {
  if (series_ > 0 && labels <= last_labels_) {
    return Internal("out-of-order series added with label set {}", labels.ToString());
  }
  NX_RETURN_IF_ERROR(CountPairs(labels));
  last_labels_ = labels;
  Pad(kSeriesAlign);
  if (file_->position() > kMaxBytes) return OutOfRange("the index would exceed 64 GiB");
  refs_.push_back(static_cast<uint32_t>(file_->position() / kSeriesAlign));

  scratch_.clear();
  ByteWriter entry(&scratch_);
  entry.Uvarint(known_.size());
  for (const Known& known : known_) {
    entry.Uvarint(known.pair.name);
    entry.Uvarint(known.pair.value);
  }
  entry.Uvarint(chunks.size());
  for (size_t i = 0; i < chunks.size(); ++i) {
    const ChunkMeta& chunk = chunks[i];
    if (chunk.maxt < chunk.mint || (i > 0 && chunk.mint < chunks[i - 1].maxt)) {
      return Internal("chunks out of order in series {}", labels.ToString());
    }
    const auto mint = static_cast<uint64_t>(chunk.mint);
    if (i == 0) {
      entry.Varint(chunk.mint);
      entry.Uvarint(static_cast<uint64_t>(chunk.maxt) - mint);
      entry.Uvarint(chunk.ref);
    } else {
      entry.Uvarint(mint - static_cast<uint64_t>(chunks[i - 1].maxt));
      entry.Uvarint(static_cast<uint64_t>(chunk.maxt) - mint);
      entry.Varint(static_cast<int64_t>(chunk.ref - chunks[i - 1].ref));
    }
  }
  std::string length;
  ByteWriter(&length).Uvarint(scratch_.size());
  file_->Write(length);
  file_->BeginChecksum();
  file_->Write(scratch_);
  PutBe32(file_.get(), file_->checksum());
  ++series_;
  return file_->status();
}

Status IndexWriter::Finish() {
  series_end_ = file_->position();
  // Readers use the postings alone; the sections exist for the table of contents.
  Pad(4);
  toc_.label_indices = file_->position();
  NX_RETURN_IF_ERROR(WritePostings());
  toc_.label_indices_table = file_->position();
  NX_RETURN_IF_ERROR(WriteEmptyTable());
  toc_.postings_table = file_->position();
  NX_RETURN_IF_ERROR(WritePostingsTable());
  WriteToc();
  return file_->Finish();
}

Status IndexWriter::WriteEmptyTable() {
  PutBe32(file_.get(), 4);
  file_->BeginChecksum();
  PutBe32(file_.get(), 0);
  PutBe32(file_.get(), file_->checksum());
  return file_->status();
}

void IndexWriter::WriteToc() {
  std::string toc;
  ByteWriter writer(&toc);
  for (const uint64_t offset : {toc_.symbols, toc_.series, toc_.label_indices,
                                toc_.label_indices_table, toc_.postings, toc_.postings_table}) {
    writer.Be64(offset);
  }
  writer.Be32(Crc32c(toc));
  file_->Write(toc);
}

}  // namespace narthex::tsdb
