#pragma once
// The values of histogram chunks as streams: what one encoding writes per sample, for encoders.

#include <vector>

#include "core/histogram/histogram.h"
#include "server/storage/tsdb/chunkenc/bits.h"
#include "server/storage/tsdb/chunkenc/span_merge.h"

namespace narthex::tsdb {

// Integers: the first value, then differences of differences.
class IntValues {
 public:
  using Histogram = IntHistogram;
  void PutFirst(const IntHistogram& h, BitWriter* out);
  void PutNext(const IntHistogram& h, BitWriter* out);
  // Of the newest sample; buckets as deltas.
  uint64_t count() const { return count_.value; }
  uint64_t zero_count() const { return zero_.value; }
  double sum() const { return std::bit_cast<double>(sum_); }
  // Whether a bucket of the newest sample is larger than in h. `merge` is of the spans of the two;
  // null: they are the same.
  bool Shrinks(const IntHistogram& h, bool positive, const SpanMerge* merge) const;

 private:
  struct Counter {
    uint64_t value = 0, delta = 0;
  };
  static void PutStep(uint64_t value, Counter* c, BitWriter* out);

  Counter count_, zero_;
  uint64_t sum_ = 0;
  XorWindow sum_window_;
  std::vector<Counter> positive_, negative_;
};

// Floats: XOR against the sample before.
class FloatValues {
 public:
  using Histogram = FloatHistogram;
  void PutFirst(const FloatHistogram& h, BitWriter* out);
  void PutNext(const FloatHistogram& h, BitWriter* out);
  double count() const { return std::bit_cast<double>(count_.bits); }
  double zero_count() const { return std::bit_cast<double>(zero_.bits); }
  double sum() const { return std::bit_cast<double>(sum_.bits); }
  bool Shrinks(const FloatHistogram& h, bool positive, const SpanMerge* merge) const;

 private:
  struct Value {
    uint64_t bits = 0;
    XorWindow window;
  };
  static void PutStep(double value, Value* v, BitWriter* out);

  Value count_, zero_, sum_;
  std::vector<Value> positive_, negative_;
};

}  // namespace narthex::tsdb
