#pragma once
// Writes the index of a block, version 2, front to back: symbols, series, postings, tables.
//
// Memory: a hash table over the symbols, a counter per label pair, four bytes a series, and one
// batch of postings; these are collected by reading the written series back, once for every batch.
//
// Thread safety: none.

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file_writer.h"
#include "core/base/status.h"
#include "core/labels/labels.h"
#include "server/storage/tsdb/index/index_format.h"
#include "server/storage/tsdb/index/index_reader.h"

namespace narthex {
class MappedFile;
}

namespace narthex::tsdb {

class IndexWriter {
 public:
  // `symbols`: sorted and unique, every name and value AddSeries will show; must outlive the
  // writer. A batch of postings takes at most about `postings_bytes` (more for one long list); 0:
  // in proportion to the series, for one pass over them for every label of a series.
  static StatusOr<std::unique_ptr<IndexWriter>> Create(const std::string& path,
                                                       std::span<const std::string> symbols,
                                                       uint64_t postings_bytes);
  // In ascending order of labels. The chunks ascend in time.
  Status AddSeries(const Labels& labels, std::span<const ChunkMeta> chunks);
  // Writes the rest and syncs the file.
  Status Finish();
  uint64_t series() const { return series_; }
  uint64_t bytes() const { return file_->position(); }

 private:
  struct Pair {
    uint32_t name = 0;
    uint32_t value = 0;
    friend auto operator<=>(const Pair&, const Pair&) = default;
    template <typename H>
    friend H AbslHashValue(H h, const Pair& p) {
      return H::combine(std::move(h), p.name, p.value);
    }
  };
  struct PairCount {
    Pair pair;
    uint32_t count = 0;
  };

  IndexWriter(std::unique_ptr<FileWriter> file, std::span<const std::string> symbols,
              uint64_t postings_bytes)
      : file_(std::move(file)), symbols_(symbols), postings_bytes_(postings_bytes) {}

  Status WriteSymbols();
  StatusOr<uint32_t> FindSymbol(std::string_view text) const;
  Status CountPairs(const Labels& labels);
  void Pad(size_t alignment);
  Status WriteEmptyTable();
  Status WritePostings();
  // The lists of pairs_[begin, end).
  Status WriteBatch(const MappedFile& written, size_t begin, size_t end);
  template <typename Refs>
  void WriteList(const Refs& refs);
  Status WritePostingsTable();
  void WriteToc();

  std::unique_ptr<FileWriter> file_;
  const std::span<const std::string> symbols_;
  const uint64_t postings_bytes_;
  IndexToc toc_;
  absl::flat_hash_map<std::string_view, uint32_t> symbol_ids_;
  absl::flat_hash_map<Pair, uint32_t> pair_ids_;
  std::vector<PairCount> pairs_;  // by pair id; by (name, value) from WritePostings on
  std::deque<uint32_t> refs_;     // of all series; a vector would take twice as much to grow
  uint64_t series_ = 0;
  uint64_t series_end_ = 0;

  // The labels of the series before: neighbours share most of theirs.
  struct Known {
    std::string_view name, value;  // into symbols_
    Pair pair;
    uint32_t id = 0;
  };
  std::vector<Known> known_;
  Labels last_labels_;
  std::string scratch_;
};

}  // namespace narthex::tsdb
