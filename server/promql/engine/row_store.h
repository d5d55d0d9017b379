#pragma once
// Rows kept for later: what an operator must hold that cannot work tile by tile. A row is stored
// from its first to its last present step only, so that series that come and go stay cheap.
//
// What is held counts as memory of the query. Once it holds too much, rows are stored as empty: the
// query fails before anybody sees them.

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/string_map.h"
#include "server/promql/engine/context.h"
#include "server/promql/engine/tile.h"

namespace narthex::promql {

class RowStore {
 public:
  RowStore(const QueryContext& context, size_t steps) : steps_(steps), hold_(context.NewHold()) {}

  // Appends a copy; returns the row's index. The first form: floats alone.
  size_t Add(const double* values, const uint64_t* presence);
  size_t Add(const Tile& tile, size_t row);
  // Copies row `index` into a row of a tile that is all absent.
  void Load(size_t index, Tile* tile, size_t row) const;
  size_t size() const { return rows_.size(); }
  size_t steps() const { return steps_; }
  bool RowEmpty(size_t index) const { return rows_[index].count == 0; }
  // False only when no step can be present in both rows. O(1).
  bool MayOverlap(size_t index, const RowStore& other, size_t other_index) const {
    const Row& a = rows_[index];
    const Row& b = other.rows_[other_index];
    return a.first_word < b.first_word + b.word_count && b.first_word < a.first_word + a.word_count;
  }

 private:
  // `words` of presence, then the values.
  struct Row {
    const uint64_t* words;
    uint32_t first_word;
    uint32_t word_count;
    uint32_t count;  // cells kept; 0 for an empty row
    const double* values() const { return reinterpret_cast<const double*>(words + word_count); }
  };
  // Room for so many eight-byte words; null when the query holds too much.
  uint64_t* Allocate(size_t words);

  size_t steps_;
  MemoryHold hold_;
  std::vector<Row> rows_;
  std::vector<std::unique_ptr<uint64_t[]>> blocks_;  // grow to 512 KiB, more for a longer row
  uint64_t* free_ = nullptr;                         // in the last block
  size_t free_words_ = 0;
  size_t block_words_ = 256;
  absl::flat_hash_map<size_t, HistogramRow> histograms_;
};

}  // namespace narthex::promql
