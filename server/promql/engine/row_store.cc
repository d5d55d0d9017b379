#include "server/promql/engine/row_store.h"

#include <cstring>

namespace narthex::promql {
namespace {

constexpr size_t kMostBlockWords = 64 << 10;

}  // namespace

uint64_t* RowStore::Allocate(size_t words) {
  if (words > free_words_) {
    const size_t size = std::max(words, block_words_);
    if (!hold_.Grow(size * sizeof(uint64_t))) return nullptr;
    blocks_.push_back(std::make_unique_for_overwrite<uint64_t[]>(size));
    free_ = blocks_.back().get();
    free_words_ = size;
    block_words_ = std::min(block_words_ * 2, kMostBlockWords);
  }
  uint64_t* const at = free_;
  free_ += words;
  free_words_ -= words;
  return at;
}

// Whole words of 64 steps are kept: simple, and the waste is at most 63 cells at either end.
size_t RowStore::Add(const double* values, const uint64_t* presence) {
  size_t first = 0;
  size_t end = PresenceWords(steps_);
  while (first < end && presence[first] == 0) ++first;
  while (end > first && presence[end - 1] == 0) --end;
  Row row{nullptr, static_cast<uint32_t>(first), 0, 0};
  if (end > first) {
    const size_t stop = std::min(end * 64, steps_);
    const size_t count = stop - first * 64;
    if (uint64_t* to = Allocate(end - first + count); to != nullptr) {
      row.words = to;
      row.word_count = static_cast<uint32_t>(end - first);
      row.count = static_cast<uint32_t>(count);
      std::memcpy(to, presence + first, (end - first) * sizeof(uint64_t));
      std::memcpy(to + (end - first), values + first * 64, count * sizeof(double));
    }
  }
  if (rows_.size() == rows_.capacity()) {
    const size_t capacity = std::max<size_t>(8, rows_.capacity() * 2);
    hold_.Grow((capacity - rows_.capacity()) * sizeof(Row));
    rows_.reserve(capacity);
  }
  rows_.push_back(row);
  return rows_.size() - 1;
}

size_t RowStore::Add(const Tile& tile, size_t row) {
  const size_t index = Add(tile.values(row), tile.presence(row));
  if (tile.HasHistograms(row) && hold_.Grow(tile.histograms(row).Bytes())) {
    histograms_.emplace(index, tile.histograms(row));
  }
  return index;
}

void RowStore::Load(size_t index, Tile* tile, size_t to) const {
  const Row& row = rows_[index];
  std::copy_n(row.values(), row.count, tile->values(to) + row.first_word * size_t{64});
  std::copy_n(row.words, row.word_count, tile->presence(to) + row.first_word);
  if (histograms_.empty()) return;
  if (const auto it = histograms_.find(index); it != histograms_.end()) {
    tile->MutableHistograms(to) = it->second;
  }
}

}  // namespace narthex::promql
