#pragma once
// Which samples of a series each window holds. Series of one target are sampled at the same times,
// and mostly come one behind the other: then bounds are found once for all of them, and so is what
// kernels compute from times alone.
//
// Thread safety: none; each thread that produces tiles has its own.

#include <cstdint>
#include <span>
#include <vector>

#include "server/promql/engine/range_source.h"

namespace narthex::promql {

class WindowBounds {
 public:
  explicit WindowBounds(const RangeWindows& windows) : windows_(windows) {}

  // Finds the bounds among these timestamps.
  void Find(const std::vector<int64_t>& timestamps);

  // Window i holds the samples [lo[i], hi[i]). Both ascend.
  const std::vector<uint32_t>& lo() const { return lo_; }
  const std::vector<uint32_t>& hi() const { return hi_; }
  // The bits of the windows that are not empty.
  const std::vector<uint64_t>& filled() const { return filled_; }
  // Changes with the timestamps: equal numbers that a thread sees stand for equal windows among
  // equal times.
  uint64_t shape() const { return shape_; }

 private:
  const RangeWindows& windows_;
  std::vector<int64_t> timestamps_;
  std::vector<uint32_t> lo_, hi_;
  std::vector<uint64_t> filled_;
  uint64_t shape_ = 0;
};

}  // namespace narthex::promql
