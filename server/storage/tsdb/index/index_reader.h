#pragma once
// Reads the index of a block, versions 1 to 3 (docs/formats/block.md has the layout). The file is
// mapped; in memory are, for every 32nd symbol and every 32nd label pair, its offset in four bytes,
// and one entry per label name.
//
// Every offset and length found in the file is checked before it is followed, and every checksum
// when its part is read: any bytes give an answer or DataLoss, never a crash.
//
// Thread safety: const methods may run concurrently. Views live as long as the reader.

#include <absl/functional/function_ref.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mapped_file.h"
#include "core/base/status.h"
#include "core/labels/labels.h"
#include "server/storage/tsdb/index/index_format.h"

namespace narthex::tsdb {

// The series of a block by number, ascending; big-endian in the mapped file.
class PostingsList {
 public:
  PostingsList() = default;
  PostingsList(const char* data, uint32_t size) : data_(data), size_(size) {}
  uint32_t size() const { return size_; }
  uint32_t operator[](uint32_t i) const {
    uint32_t v;
    __builtin_memcpy(&v, data_ + size_t{i} * 4, 4);
    return __builtin_bswap32(v);
  }
  // The first position at or after `from` whose value is >= v; size() when there is none.
  uint32_t Seek(uint32_t from, uint32_t v) const;

 private:
  const char* data_ = nullptr;
  uint32_t size_ = 0;
};

// A chunk of a series as the index knows it.
struct ChunkMeta {
  uint64_t ref = 0;
  int64_t mint = 0;
  int64_t maxt = 0;  // both inclusive
  friend bool operator==(const ChunkMeta&, const ChunkMeta&) = default;
};

class IndexReader {
 public:
  static StatusOr<std::unique_ptr<IndexReader>> Open(const std::string& path);
  // `bytes` must outlive the reader; `name` is for errors.
  static StatusOr<std::unique_ptr<IndexReader>> FromBytes(std::string_view bytes, std::string name);

  int version() const { return version_; }
  uint64_t bytes() const { return file_.size(); }
  // Heap memory behind the sampled tables.
  size_t memory_bytes() const;

  // ---- Symbols ----
  StatusOr<std::string_view> Symbol(uint32_t symbol) const;
  // All of them, ascending.
  StatusOr<std::vector<std::string>> Symbols() const;

  // ---- Label pairs ----
  // Ascending.
  std::vector<std::string_view> LabelNames() const;
  size_t LabelValueCount(std::string_view name) const;
  // Calls visit(value, postings offset) for the values of a name, ascending, until it returns
  // false.
  using VisitValue = absl::FunctionRef<bool(std::string_view value, uint64_t postings)>;
  Status ForEachValue(std::string_view name, VisitValue visit) const;
  // The same from the first value >= `from` on.
  Status ForEachValueFrom(std::string_view name, std::string_view from, VisitValue visit) const;

  // ---- Postings ----
  // Verifies the checksum. Empty when there is no such pair.
  StatusOr<PostingsList> Postings(std::string_view name, std::string_view value) const;
  StatusOr<PostingsList> PostingsAt(uint64_t offset) const;
  StatusOr<PostingsList> AllPostings() const { return Postings("", ""); }
  // All series numbers are below.
  uint32_t series_limit() const { return series_limit_; }

  // ---- Series ----
  struct Series {
    std::vector<std::pair<uint32_t, uint32_t>> labels;  // symbols of name and value
    std::vector<ChunkMeta> chunks;
  };
  // Verifies the checksum. Reuses the vectors. Chunks wholly outside of [mint, maxt] are left out.
  Status ReadSeries(uint32_t series, Series* out, int64_t mint = INT64_MIN,
                    int64_t maxt = INT64_MAX) const;
  // The same without the labels.
  Status ReadChunks(uint32_t series, std::vector<ChunkMeta>* out, int64_t mint, int64_t maxt) const;
  StatusOr<Labels> LabelsOf(const Series& series) const;
  // The labels with these names, which are sorted.
  StatusOr<Labels> LabelsOf(const Series& series, std::span<const std::string> names) const;
  // The value of one label; "" when the series has no such label.
  StatusOr<std::string_view> ValueOf(uint32_t series, std::string_view name) const;

 private:
  struct Name {
    std::string_view name;
    uint32_t first_sample = 0;  // in samples_
    uint32_t values = 0;
  };
  class PairCursor;

  IndexReader(MappedFile mapping, std::string_view file, std::string name);
  Status Init();
  Status ReadToc();
  Status ReadSymbolTable();
  Status ReadPairTable();
  Status ReadPairTableV1(std::string_view table, uint32_t count);
  void AddSample(std::string_view name, uint32_t offset, uint32_t factor);
  const Name* FindName(std::string_view name) const;
  // The payload of a section `u32 length, payload, u32 checksum`.
  StatusOr<std::string_view> Section(uint64_t offset, std::string_view what) const;
  StatusOr<std::string_view> SymbolAt(uint64_t offset) const;
  StatusOr<std::string_view> SymbolUncached(uint32_t symbol) const;
  StatusOr<std::string_view> SeriesBytes(uint32_t series) const;
  Status Damaged(std::string_view what) const;

  MappedFile mapping_;
  std::string_view file_;
  std::string path_;
  const uint64_t id_;  // of this reader, never used again: the key of per-thread caches
  int version_ = 0;
  IndexToc toc_;
  uint32_t series_limit_ = 0;

  std::string_view symbols_;  // after the count
  uint32_t symbol_count_ = 0;
  std::vector<uint32_t> symbol_samples_;

  std::string_view pairs_;            // the postings offset table after the count
  std::vector<uint32_t> samples_;     // offsets into pairs_, every factor_-th of each name
  uint32_t factor_ = kIndexSampling;  // 1 in version 1, whose table is not sorted
  std::vector<Name> names_;
};

}  // namespace narthex::tsdb
