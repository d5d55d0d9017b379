#include "server/promql/engine/row_store.h"

namespace narthex::promql {

// Whole words of 64 steps are kept: simple, and the waste is at most 63 cells at either end.
size_t RowStore::Add(const double* values, const uint64_t* presence) {
  size_t first = 0;
  size_t end = PresenceWords(steps_);
  while (first < end && presence[first] == 0) ++first;
  while (end > first && presence[end - 1] == 0) --end;
  Row row{values_.size(), words_.size(), static_cast<uint32_t>(first),
          static_cast<uint32_t>(end - first), 0};
  if (end > first) {
    const size_t stop = std::min(end * 64, steps_);
    row.count = static_cast<uint32_t>(stop - first * 64);
    values_.insert(values_.end(), values + first * 64, values + stop);
    words_.insert(words_.end(), presence + first, presence + end);
  }
  rows_.push_back(row);
  return rows_.size() - 1;
}

size_t RowStore::Add(const Tile& tile, size_t row) {
  const size_t index = Add(tile.values(row), tile.presence(row));
  if (tile.HasHistograms(row)) histograms_.emplace(index, tile.histograms(row));
  return index;
}

void RowStore::Load(size_t index, Tile* tile, size_t to) const {
  const Row& row = rows_[index];
  std::copy_n(values_.data() + row.value_offset, row.count,
              tile->values(to) + row.first_word * size_t{64});
  std::copy_n(words_.data() + row.word_offset, row.word_count, tile->presence(to) + row.first_word);
  if (histograms_.empty()) return;
  if (const auto it = histograms_.find(index); it != histograms_.end()) {
    tile->MutableHistograms(to) = it->second;
  }
}

}  // namespace narthex::promql
