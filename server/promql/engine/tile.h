#pragma once
// A tile: the values of up to kMaxTileRows series at every step of a window, row-major, with one
// presence bit per cell. The value of an absent cell is some number and must not be looked at.
//
// A present cell may hold a native histogram instead of a number: then a second bit is set and the
// row has pointers. Rows of floats alone, which is nearly all, pay nothing for that.
//
// Tiles keep their memory when reset. They are made to fit the second-level cache: rows × steps is
// at most kTileCells unless a single row is longer.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/histogram/histogram.h"

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

// Of [from, to).
inline void SetBits(uint64_t* bits, size_t from, size_t to) {
  for (; from < to; from = (from / 64 + 1) * 64) {
    const uint64_t below = to - from / 64 * 64 >= 64 ? ~uint64_t{0} : FullWord(to % 64, 0);
    bits[from / 64] |= below & ~uint64_t{0} << from % 64;
  }
}

using HistogramPtr = std::shared_ptr<const FloatHistogram>;

// What a histogram takes, its control block included.
inline size_t BytesOf(const FloatHistogram& h) {
  return sizeof(FloatHistogram) + 48 +
         (h.positive_spans.capacity() + h.negative_spans.capacity()) * sizeof(BucketSpan) +
         (h.positive_buckets.capacity() + h.negative_buckets.capacity() +
          h.custom_values.capacity()) *
             sizeof(double);
}

// For how many numbers a histogram counts: a number and its time take 16 bytes upstream, a
// histogram what its structure and lists take there.
inline size_t PointsOf(const FloatHistogram& h) {
  const size_t words = h.positive_spans.size() + h.negative_spans.size() +
                       h.positive_buckets.size() + h.negative_buckets.size() +
                       h.custom_values.size();
  return (168 + 8 * words + 8) / 16;
}

// The histograms of one row, by step. Both empty when there are none.
struct HistogramRow {
  std::vector<uint64_t> bits;  // a subset of the presence bits
  std::vector<HistogramPtr> cells;

  bool empty() const { return bits.empty(); }
  bool Has(size_t step) const { return !empty() && TestBit(bits.data(), step); }
  uint64_t word(size_t w) const { return empty() ? 0 : bits[w]; }
  void Set(size_t step, HistogramPtr h, size_t steps) {
    if (empty()) {
      bits.assign(PresenceWords(steps), 0);
      cells.resize(steps);
    }
    SetBit(bits.data(), step);
    cells[step] = std::move(h);
  }
  size_t Bytes() const;
  void Clear(size_t step) {
    if (!Has(step)) return;
    bits[step / 64] &= ~(uint64_t{1} << (step % 64));
    cells[step] = nullptr;
  }
};

// A histogram that several neighbouring steps share counts once.
inline size_t HistogramRow::Bytes() const {
  size_t n = bits.capacity() * sizeof(uint64_t) + cells.capacity() * sizeof(HistogramPtr);
  const FloatHistogram* last = nullptr;
  ForEachBit(bits.data(), bits.size(), [&](size_t i) {
    if (cells[i].get() != last) n += BytesOf(*cells[i]);
    last = cells[i].get();
  });
  return n;
}

class Tile {
 public:
  // All cells absent.
  void Reset(size_t rows, size_t steps) {
    rows_ = rows;
    steps_ = steps;
    words_ = PresenceWords(steps);
    if (values_.size() < rows * steps) values_.resize(rows * steps);
    presence_.assign(rows * words_, 0);
    histograms_.clear();
  }

  size_t rows() const { return rows_; }
  size_t steps() const { return steps_; }
  size_t words() const { return words_; }
  double* values(size_t row) { return values_.data() + row * steps_; }
  const double* values(size_t row) const { return values_.data() + row * steps_; }
  uint64_t* presence(size_t row) { return presence_.data() + row * words_; }
  const uint64_t* presence(size_t row) const { return presence_.data() + row * words_; }

  bool Has(size_t row, size_t step) const { return TestBit(presence(row), step); }
  // The cell was absent or a float.
  void Set(size_t row, size_t step, double v) {
    values(row)[step] = v;
    SetBit(presence(row), step);
  }
  void SetHistogram(size_t row, size_t step, HistogramPtr h) {
    MutableHistograms(row).Set(step, std::move(h), steps_);
    values(row)[step] = 0;
    SetBit(presence(row), step);
  }
  void Remove(size_t row, size_t step) {
    presence(row)[step / 64] &= ~(uint64_t{1} << (step % 64));
    if (HasHistograms(row)) histograms_[row].Clear(step);
  }

  bool HasHistograms() const { return !histograms_.empty(); }
  bool HasHistograms(size_t row) const { return !histograms_.empty() && !histograms_[row].empty(); }
  // Whether a present cell of the row is one; the above only says that there may be some.
  bool AnyHistogram(size_t row) const {
    if (!HasHistograms(row)) return false;
    for (size_t w = 0; w < words_; ++w) {
      if ((presence(row)[w] & histograms_[row].bits[w]) != 0) return true;
    }
    return false;
  }
  const HistogramRow& histograms(size_t row) const {
    static const HistogramRow kNone;
    return histograms_.empty() ? kNone : histograms_[row];
  }
  HistogramRow& MutableHistograms(size_t row) {
    if (histograms_.empty()) histograms_.resize(rows_);
    return histograms_[row];
  }
  // Null for floats and absent cells.
  const HistogramPtr& Histogram(size_t row, size_t step) const {
    static const HistogramPtr kNone;
    return HasHistograms(row) ? histograms_[row].cells[step] : kNone;
  }
  // The bits of the cells that hold numbers.
  uint64_t FloatWord(size_t row, size_t w) const {
    return presence(row)[w] & ~histograms(row).word(w);
  }
  // Leaves the numbers only.
  void DropHistograms(size_t row) {
    if (!HasHistograms(row)) return;
    for (size_t w = 0; w < words_; ++w) presence(row)[w] = FloatWord(row, w);
    histograms_[row] = {};
  }
  // Lets go of histograms whose presence bits were taken away.
  void DropAbsentHistograms(size_t row) {
    if (!HasHistograms(row)) return;
    ForEachBit(histograms_[row].bits.data(), words_, [&](size_t i) {
      if (!Has(row, i)) histograms_[row].Clear(i);
    });
  }
  // Adds the cells of a row of another tile of as many steps; returns false when a cell is taken.
  bool Overlay(const Tile& from, size_t from_row, size_t row) {
    for (size_t w = 0; w < words_; ++w) {
      if ((presence(row)[w] & from.presence(from_row)[w]) != 0) return false;
    }
    ForEachBit(from.presence(from_row), words_, [&](size_t i) {
      if (const HistogramPtr& h = from.Histogram(from_row, i)) {
        SetHistogram(row, i, h);
      } else {
        Set(row, i, from.values(from_row)[i]);
      }
    });
    return true;
  }
  void SetAllPresent(size_t row) {
    for (size_t w = 0; w < words_; ++w) presence(row)[w] = FullWord(steps_, w);
  }
  // What a tile of numbers takes, and this one with its histograms.
  static size_t BytesFor(size_t rows, size_t steps) {
    return rows * (steps * sizeof(double) + PresenceWords(steps) * sizeof(uint64_t));
  }
  size_t Bytes() const {
    size_t n = BytesFor(rows_, steps_);
    for (const HistogramRow& row : histograms_) n += row.Bytes();
    return n;
  }
  size_t CountPresent() const {
    size_t n = 0;
    for (size_t i = 0; i < rows_ * words_; ++i) n += std::popcount(presence_[i]);
    return n;
  }
  // As the limit on samples counts: a histogram weighs as many points as it takes memory.
  size_t CountPoints() const {
    size_t n = CountPresent();
    for (const HistogramRow& row : histograms_) {
      ForEachBit(row.bits.data(), row.bits.size(),
                 [&](size_t i) { n += PointsOf(*row.cells[i]) - 1; });
    }
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
  std::vector<HistogramRow> histograms_;  // none, or one a row
};

}  // namespace narthex::promql
