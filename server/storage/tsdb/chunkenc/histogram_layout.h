#pragma once
// What the samples of a histogram chunk share, and the byte that says what came before:
//
//   ┌ u16 BE samples ┬ u8 reset header ┬ layout ┬ sample ┬ sample ┬ …
//   layout: zero threshold ┬ varbit schema ┬ spans ┬ spans ┬ custom bounds (schema -53 only)
//   zero threshold: u8 0 = 0 │ u8 255, 64 bit │ u8 e+243 = 2^(e-1) for e in -242 … 11
//   spans: uvarbit n, n × (uvarbit length, varbit offset)
//   custom bounds: uvarbit n, n × (uvarbit 1000·bound+1 │ 0, 64 bit)
//
// A stale marker at the start of a chunk leaves the layout empty.

#include <cstdint>
#include <vector>

#include "core/histogram/histogram.h"
#include "server/storage/tsdb/chunkenc/bits.h"

namespace narthex::tsdb {

// The two top bits of the third byte of a histogram chunk: of its first sample against the sample
// before the chunk.
enum class ResetHeader : uint8_t {
  kUnknown = 0x00,
  kNotReset = 0x40,
  kReset = 0x80,
  kGauge = 0xc0,
};
inline constexpr uint8_t kResetHeaderMask = 0xc0;
inline constexpr size_t kHistogramHeaderBytes = 3;

struct HistogramLayout {
  int32_t schema = 0;
  double zero_threshold = 0;
  std::vector<BucketSpan> positive, negative;
  std::vector<double> custom_values;
};

// The hint of the sample number `index` of a chunk. Of the first one nothing is known: the chunk
// before may be gone or have been written later.
CounterResetHint HintFor(ResetHeader header, unsigned index);

void PutLayout(const HistogramLayout& layout, BitWriter* out);
// False when the layout cannot be, with buckets that the rest of the chunk cannot hold included.
bool GetLayout(BitReader* in, HistogramLayout* layout);

}  // namespace narthex::tsdb
