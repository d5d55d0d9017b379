#pragma once
// The samples of one series on their way from a log into a block.
//
// Thread safety: none.

#include <cstdint>
#include <utility>
#include <vector>

#include "server/storage/tsdb/chunkenc/chunk_list.h"

namespace narthex::tsdb::promwal {

class StagedSeries {
 public:
  // In rising order of time.
  template <typename Sample>
  void Add(int64_t t, const Sample& sample) {
    in_order_.Add(t, sample);
  }
  // In any order; where there is a sample at `t` already, that one stays.
  void AddExtra(int64_t t, uint64_t bits) { Extra(t, SampleKind::kFloat, bits); }
  void AddExtra(int64_t t, const IntHistogram& h) {
    Extra(t, SampleKind::kHistogram, integers_.size());
    integers_.push_back(h);
  }
  void AddExtra(int64_t t, const FloatHistogram& h) {
    Extra(t, SampleKind::kFloatHistogram, floats_.size());
    floats_.push_back(h);
  }

  // The chunks of all, without what is deleted ([mint, maxt] pairs; may be nullptr). Once.
  StatusOr<std::vector<EncodedChunk>> Take(const std::vector<std::pair<int64_t, int64_t>>* deleted);

 private:
  struct ExtraSample {
    int64_t t;
    SampleKind kind;
    uint64_t value;  // bits, or the place of the histogram
  };
  void Extra(int64_t t, SampleKind kind, uint64_t value) { extras_.push_back({t, kind, value}); }
  void AddTo(ChunkListEncoder* out, const ExtraSample& extra) const;

  ChunkListEncoder in_order_;
  std::vector<ExtraSample> extras_;
  std::vector<IntHistogram> integers_;
  std::vector<FloatHistogram> floats_;
};

}  // namespace narthex::tsdb::promwal
