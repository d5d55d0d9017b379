#pragma once
// Kernels of range functions: from the samples of one series and the bounds of its windows to the
// values at all steps.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "server/promql/engine/range_source.h"

namespace narthex::promql {

struct RangeInput {
  const RangeWindows& windows;
  const int64_t* times;
  const double* values;
  const uint32_t* lo;  // window of step i: samples [lo[i], hi[i])
  const uint32_t* hi;
  size_t steps;
  size_t samples;
  const double* params[2];  // scalar arguments by step; null where there are none
  // WindowBounds::shape(); 0: the bounds are not those of a WindowBounds.
  uint64_t shape = 0;
};

// Sets the cells that have a value. Cells are all absent before.
using RangeKernel = void (*)(const RangeInput& in, double* out, uint64_t* presence);

// One window, for kernels that look at each window by itself.
struct Window {
  const int64_t* times;
  const double* values;
  size_t size;
};

// Calls f(window, step) for every window with at least `min_samples` samples; stores its result.
template <typename F>
inline void ForEachWindow(const RangeInput& in, size_t min_samples, double* out, uint64_t* presence,
                          F f) {
  for (size_t i = 0; i < in.steps; ++i) {
    const size_t n = in.hi[i] - in.lo[i];
    if (n < min_samples) continue;
    out[i] = f(Window{in.times + in.lo[i], in.values + in.lo[i], n}, i);
    SetBit(presence, i);
  }
}

// The windows of a series that holds histograms, maybe among numbers.
struct MixedInput {
  const RangeWindows& windows;
  const storage::SampleColumns& samples;
  const std::vector<uint32_t>& lo;
  const std::vector<uint32_t>& hi;
  const double* params[2];
  RangeKernel numbers;  // of the same function
  QueryContext* context;
  std::string_view metric;  // for messages, as is `where`
  PosRange where;

  size_t steps() const { return lo.size(); }
  bool IsHistogram(size_t i) const { return samples.IsHistogram(i); }
  const FloatHistogram& histogram(size_t i) const {
    return samples.histograms[samples.histogram_index[i]];
  }
};
using MixedKernel = void (*)(const MixedInput& in, Tile* out, size_t row);

// What functions make of such series (mixed_kernels.cc).
void IgnoreHistograms(const MixedInput& in, Tile* out, size_t row);  // with an info
void TakeAllAlike(const MixedInput& in, Tile* out, size_t row);      // values do not matter
void MixedRate(const MixedInput& in, Tile* out, size_t row);
void MixedIncrease(const MixedInput& in, Tile* out, size_t row);
void MixedDelta(const MixedInput& in, Tile* out, size_t row);
void MixedIrate(const MixedInput& in, Tile* out, size_t row);
void MixedIdelta(const MixedInput& in, Tile* out, size_t row);
void MixedChanges(const MixedInput& in, Tile* out, size_t row);
void MixedResets(const MixedInput& in, Tile* out, size_t row);
void MixedSum(const MixedInput& in, Tile* out, size_t row);
void MixedAvg(const MixedInput& in, Tile* out, size_t row);
void MixedLast(const MixedInput& in, Tile* out, size_t row);
void MixedFirst(const MixedInput& in, Tile* out, size_t row);

// Kernels, by family.
void RateKernel(const RangeInput& in, double* out, uint64_t* presence);
void IncreaseKernel(const RangeInput& in, double* out, uint64_t* presence);
void DeltaKernel(const RangeInput& in, double* out, uint64_t* presence);
void IrateKernel(const RangeInput& in, double* out, uint64_t* presence);
void IdeltaKernel(const RangeInput& in, double* out, uint64_t* presence);
void ChangesKernel(const RangeInput& in, double* out, uint64_t* presence);
void ResetsKernel(const RangeInput& in, double* out, uint64_t* presence);
void DerivKernel(const RangeInput& in, double* out, uint64_t* presence);
void PredictLinearKernel(const RangeInput& in, double* out, uint64_t* presence);
void SmoothingKernel(const RangeInput& in, double* out, uint64_t* presence);

// Of anchored and smoothed ranges (extended_kernels.cc).
void ExtendedRate(const RangeInput& in, double* out, uint64_t* presence);
void ExtendedIncrease(const RangeInput& in, double* out, uint64_t* presence);
void ExtendedDelta(const RangeInput& in, double* out, uint64_t* presence);
void AnchoredChanges(const RangeInput& in, double* out, uint64_t* presence);
void AnchoredResets(const RangeInput& in, double* out, uint64_t* presence);

void SumKernel(const RangeInput& in, double* out, uint64_t* presence);
void AvgKernel(const RangeInput& in, double* out, uint64_t* presence);
void CountKernel(const RangeInput& in, double* out, uint64_t* presence);
void MinKernel(const RangeInput& in, double* out, uint64_t* presence);
void MaxKernel(const RangeInput& in, double* out, uint64_t* presence);
void StddevKernel(const RangeInput& in, double* out, uint64_t* presence);
void StdvarKernel(const RangeInput& in, double* out, uint64_t* presence);
void QuantileKernel(const RangeInput& in, double* out, uint64_t* presence);
void MadKernel(const RangeInput& in, double* out, uint64_t* presence);
void LastKernel(const RangeInput& in, double* out, uint64_t* presence);
void FirstKernel(const RangeInput& in, double* out, uint64_t* presence);
void PresentKernel(const RangeInput& in, double* out, uint64_t* presence);
void TsOfLastKernel(const RangeInput& in, double* out, uint64_t* presence);
void TsOfFirstKernel(const RangeInput& in, double* out, uint64_t* presence);
void TsOfMinKernel(const RangeInput& in, double* out, uint64_t* presence);
void TsOfMaxKernel(const RangeInput& in, double* out, uint64_t* presence);

}  // namespace narthex::promql
