#pragma once
// The samples of one series on their way from a log into a block.
//
// Thread safety: none.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "server/storage/tsdb/chunkenc/chunk_list.h"

namespace narthex::tsdb::promwal {

class StagedSeries {
 public:
  // `floats`: most samples of a chunk of floats.
  explicit StagedSeries(int floats = kSamplesPerChunk) : floats_(floats), in_order_(floats) {}

  // In rising order of time.
  template <typename Sample>
  void Add(int64_t t, const Sample& sample) {
    in_order_.Add(t, sample);
  }
  void Prefetch() const { in_order_.Prefetch(); }
  // In any order; where there is a sample at `t` already, that one stays.
  void AddExtra(int64_t t, uint64_t bits) { Extra(t, SampleKind::kFloat, bits); }
  void AddExtra(int64_t t, const IntHistogram& h) {
    Extra(t, SampleKind::kHistogram, extras().integers.size());
    extras_->integers.push_back(h);
  }
  void AddExtra(int64_t t, const FloatHistogram& h) {
    Extra(t, SampleKind::kFloatHistogram, extras().floats.size());
    extras_->floats.push_back(h);
  }

  // The chunks of all, without what is deleted ([mint, maxt] pairs; may be nullptr). Once.
  StatusOr<std::vector<EncodedChunk>> Take(const std::vector<std::pair<int64_t, int64_t>>* deleted);

 private:
  struct ExtraSample {
    int64_t t;
    SampleKind kind;
    uint64_t value;  // bits, or the place of the histogram
  };
  struct Extras {
    std::vector<ExtraSample> samples;
    std::vector<IntHistogram> integers;
    std::vector<FloatHistogram> floats;
    void AddTo(ChunkListEncoder* out, const ExtraSample& extra) const;
  };
  Extras& extras() {
    if (extras_ == nullptr) extras_ = std::make_unique<Extras>();
    return *extras_;
  }
  void Extra(int64_t t, SampleKind kind, uint64_t value) {
    extras().samples.push_back({t, kind, value});
  }

  int floats_;
  ChunkListEncoder in_order_;
  std::unique_ptr<Extras> extras_;  // few series have any
};

}  // namespace narthex::tsdb::promwal
