#pragma once
// The sparse buckets of a native histogram (exponential schemas -4 to 8), as observations fill
// them.
//
// Bucket i of schema s holds values in (2^((i-1)/2^s), 2^(i/2^s)]; negative values mirror that.
// Not thread-safe.

#include <cstdint>
#include <map>

#include "core/metrics/registry.h"

namespace narthex {

class NativeBuckets {
 public:
  // `factor` > 1: the largest acceptable growth from one bucket to the next.
  NativeBuckets(double factor, uint32_t max_buckets);

  // NaN belongs to no bucket.
  void Observe(double v);
  NativeHistogram Snapshot() const;
  int schema() const { return schema_; }

 private:
  using Counts = std::map<int32_t, uint64_t>;
  int32_t IndexOf(double magnitude) const;
  void HalveResolution();
  static void Encode(const Counts& counts, std::vector<NativeHistogram::Span>* spans,
                     std::vector<int64_t>* deltas);

  int schema_;
  const uint32_t max_buckets_;
  uint64_t zero_count_ = 0;
  Counts positive_, negative_;
};

}  // namespace narthex
