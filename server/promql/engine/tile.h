#pragma once
// A tile: the values of up to kMaxTileRows series at every step of a window, row-major, with one
// presence bit per cell. The value of an absent cell is some number and must not be looked at.
//
// Tiles keep their memory when reset. They are made to fit the second-level cache: rows × steps is
// at most kTileCells unless a single row is longer.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace narthex::promql {

inline constexpr size_t kMaxTileRows = 64;
inline constexpr size_t kTileCells = 64 * 1024;

inline size_t PresenceWords(size_t steps) { return (steps + 63) / 64; }
inline size_t RowsPerTile(size_t steps) {
  return std::clamp<size_t>(kTileCells / std::max<size_t>(steps, 1), 1, kMaxTileRows);
}
// The bits of word `word` that stand for steps.
inline uint64_t FullWord(size_t steps, size_t word) {
  const size_t rest = steps - word * 64;
  return rest >= 64 ? ~uint64_t{0} : (uint64_t{1} << rest) - 1;
}

// Calls visit(step) for every set bit, ascending.
template <typename Visit>
inline void ForEachBit(const uint64_t* bits, size_t words, Visit visit) {
  for (size_t w = 0; w < words; ++w) {
    for (uint64_t word = bits[w]; word != 0; word &= word - 1) {
      visit(w * 64 + static_cast<size_t>(std::countr_zero(word)));
    }
  }
}

inline bool TestBit(const uint64_t* bits, size_t i) { return bits[i / 64] >> (i % 64) & 1; }
inline void SetBit(uint64_t* bits, size_t i) { bits[i / 64] |= uint64_t{1} << (i % 64); }

class Tile {
 public:
  // All cells absent.
  void Reset(size_t rows, size_t steps) {
    rows_ = rows;
    steps_ = steps;
    words_ = PresenceWords(steps);
    if (values_.size() < rows * steps) values_.resize(rows * steps);
    presence_.assign(rows * words_, 0);
  }

  size_t rows() const { return rows_; }
  size_t steps() const { return steps_; }
  size_t words() const { return words_; }
  double* values(size_t row) { return values_.data() + row * steps_; }
  const double* values(size_t row) const { return values_.data() + row * steps_; }
  uint64_t* presence(size_t row) { return presence_.data() + row * words_; }
  const uint64_t* presence(size_t row) const { return presence_.data() + row * words_; }

  bool Has(size_t row, size_t step) const { return TestBit(presence(row), step); }
  void Set(size_t row, size_t step, double v) {
    values(row)[step] = v;
    SetBit(presence(row), step);
  }
  void SetAllPresent(size_t row) {
    for (size_t w = 0; w < words_; ++w) presence(row)[w] = FullWord(steps_, w);
  }
  size_t CountPresent() const {
    size_t n = 0;
    for (size_t i = 0; i < rows_ * words_; ++i) n += std::popcount(presence_[i]);
    return n;
  }
  bool RowEmpty(size_t row) const {
    for (size_t w = 0; w < words_; ++w) {
      if (presence(row)[w] != 0) return false;
    }
    return true;
  }

 private:
  size_t rows_ = 0, steps_ = 0, words_ = 0;
  std::vector<double> values_;
  std::vector<uint64_t> presence_;
};

}  // namespace narthex::promql
