#pragma once
// Which buckets two lists of spans have in common: how a histogram whose buckets come and go stays
// in one chunk.

#include <cstdint>
#include <span>
#include <vector>

#include "core/histogram/histogram.h"

namespace narthex::tsdb {

struct SpanMerge {
  size_t size = 0;             // buckets of the union
  std::vector<uint32_t> a, b;  // where in the union the buckets of a and b are
  // Whether the other list has buckets that this one lacks.
  bool a_lacks() const { return a.size() < size; }
  bool b_lacks() const { return b.size() < size; }
  std::vector<BucketSpan> spans;  // of the union, as few as possible
};

SpanMerge MergeSpans(std::span<const BucketSpan> a, std::span<const BucketSpan> b);

// Buckets moved to their places in the union; what is new is zero. Counts stay counts and deltas
// between neighbours stay deltas.
template <typename T>
std::vector<T> SpreadCounts(const std::vector<T>& counts, const std::vector<uint32_t>& at,
                            size_t size) {
  std::vector<T> out(size);
  for (size_t i = 0; i < counts.size(); ++i) out[at[i]] = counts[i];
  return out;
}
std::vector<int64_t> SpreadDeltas(const std::vector<int64_t>& deltas,
                                  const std::vector<uint32_t>& at, size_t size);

}  // namespace narthex::tsdb
