#pragma once
// What PromQL computes with histograms: sums, differences, multiples, resets of counters, trimming.
//
// Histograms of different resolution are brought to the coarser one, different zero buckets to the
// wider one, different custom bounds to those they share; results hold no empty buckets.
// Exponential and custom buckets do not mix: that is the only error (InvalidArgument).
//
// Thread safety: none; distinct objects are independent.

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/status.h"
#include "core/histogram/bounds.h"
#include "core/histogram/histogram.h"

namespace narthex {

// What had to be glossed over.
struct MergeNotes {
  bool reset_collision = false;    // one was known to follow a reset, the other known not to
  bool bounds_reconciled = false;  // custom bounds differed
  void operator|=(const MergeNotes& other) {
    reset_collision |= other.reset_collision;
    bounds_reconciled |= other.bounds_reconciled;
  }
};

StatusOr<MergeNotes> AddTo(FloatHistogram* h, const FloatHistogram& other);
StatusOr<MergeNotes> SubtractFrom(FloatHistogram* h, const FloatHistogram& other);
// A negative factor or divisor makes a gauge. Division by zero leaves no buckets.
void Multiply(FloatHistogram* h, double factor);
void Divide(FloatHistogram* h, double divisor);

// Whether a counter was reset between `previous` and `h`: by the hint of `h` or, where that does
// not tell, because something fell.
bool IsReset(const FloatHistogram& previous, const FloatHistogram& h);

// The same but for hints and how the spans are written; empty buckets count as buckets, sums are
// compared by bits. What == means in PromQL.
bool SameLayout(const FloatHistogram& a, const FloatHistogram& b);

// The observations up to `bound` (from `bound` on), interpolating inside the bucket that holds it.
// When that changes anything, count and sum are estimated anew from the buckets.
FloatHistogram TrimAbove(const FloatHistogram& h, double bound);
FloatHistogram TrimBelow(const FloatHistogram& h, double bound);

struct CountedBucket : Bucket {
  double count = 0;
};
// All buckets from the lowest to the highest, the zero bucket between the sides. A bucket that
// begins inside the zero bucket is cut off there.
std::vector<CountedBucket> AllBuckets(const FloatHistogram& h);

// A sum or mean of many histograms, compensated after Kahan and Neumaier in every bucket.
class HistogramSum {
 public:
  enum class Kind : uint8_t { kSum, kMean };
  HistogramSum(Kind kind, const FloatHistogram& first);
  ~HistogramSum();
  HistogramSum(HistogramSum&&) noexcept;
  HistogramSum& operator=(HistogramSum&&) noexcept;

  StatusOr<MergeNotes> Add(const FloatHistogram& other);
  // The sum or the mean; called once, at the end.
  FloatHistogram Result();

 private:
  struct State;
  StatusOr<MergeNotes> AddToMean(const FloatHistogram& other);

  Kind kind_;
  std::unique_ptr<State> state_;
  double count_ = 1;
  bool incremental_ = false;  // after an overflow, the state is the mean so far
};

}  // namespace narthex
