#pragma once
// The buckets of one side as the arithmetic wants them: index and count, and what compensated
// sums carry along. Internal to core/histogram.

#include <cstdint>
#include <span>
#include <vector>

#include "core/histogram/arithmetic.h"
#include "core/histogram/histogram.h"

namespace narthex {

// Adds `inc` to (sum, c) after Kahan and Neumaier; the total is sum + c.
void CompensatedAdd(double inc, double* sum, double* c);

// The indexes ascend.
struct BucketCells {
  struct Cell {
    int64_t index;
    double count;
    double c = 0;  // compensation
  };
  std::vector<Cell> cells;

  static BucketCells From(std::span<const BucketSpan> spans, const std::vector<double>& counts);
  // Empty buckets are left out.
  void Store(std::vector<BucketSpan>* spans, std::vector<double>* counts) const;

  // Bucket i becomes bucket map(i), which must ascend; those that meet are added up.
  template <typename Map>
  void Remap(Map map) {
    size_t out = 0;
    for (size_t i = 0; i < cells.size(); ++i) {
      const int64_t index = map(cells[i].index);
      if (out > 0 && cells[out - 1].index == index) {
        CompensatedAdd(cells[i].count, &cells[out - 1].count, &cells[out - 1].c);
        cells[out - 1].c += cells[i].c;
      } else {
        cells[out] = cells[i];
        cells[out++].index = index;
      }
    }
    cells.resize(out);
  }

  // combine(cell, count) for every bucket of `other` for which skip(index) does not hold.
  template <typename Skip, typename Combine>
  void Merge(const BucketCells& other, Skip skip, Combine combine) {
    std::vector<Cell> out;
    out.reserve(cells.size() + other.cells.size());
    size_t i = 0;
    for (const Cell& theirs : other.cells) {
      if (skip(theirs.index)) continue;
      while (i < cells.size() && cells[i].index < theirs.index) out.push_back(cells[i++]);
      Cell cell{theirs.index, 0, 0};
      if (i < cells.size() && cells[i].index == theirs.index) cell = cells[i++];
      combine(&cell, theirs.count);
      out.push_back(cell);
    }
    out.insert(out.end(), cells.begin() + static_cast<std::ptrdiff_t>(i), cells.end());
    cells = std::move(out);
  }
};

// The bounds that both lists have; which of them bucket `index` of `from` falls under.
std::vector<double> SharedBounds(const std::vector<double>& a, const std::vector<double>& b);
int64_t IndexAmong(const std::vector<double>& shared, const std::vector<double>& from,
                   int64_t index);

// Bucket `index` of a finer exponential schema lies in this one, `shift` schemas below.
inline int64_t CoarserIndex(int64_t index, int shift) {
  return ((index - 1) >> (shift > 62 ? 62 : shift)) + 1;
}

// A histogram taken apart. `c` are compensations.
struct OpenHistogram {
  FloatHistogram frame;  // spans and buckets are empty
  double zero_c = 0, count_c = 0, sum_c = 0;
  BucketCells positive, negative;

  explicit OpenHistogram(const FloatHistogram& h);
  FloatHistogram Close() const;  // compensations left out
  bool custom() const { return frame.custom_buckets(); }
  void ReduceTo(int32_t schema);
  void ScaleBy(double factor);
  // The zero bucket as wide as `threshold`, or as wide as the populated bucket it cuts through.
  double ZeroCountFor(double* threshold) const;
  void WidenZero(double threshold);
};

enum class Combination : uint8_t { kAdd, kSubtract, kCompensatedAdd };
StatusOr<MergeNotes> CombineInto(OpenHistogram* h, const FloatHistogram& other, Combination how);

}  // namespace narthex
