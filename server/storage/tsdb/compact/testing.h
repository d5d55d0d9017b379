#pragma once
// Helpers of the tests of this folder: series sets made of maps.

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/storage/tsdb/chunk_series.h"
#include "server/storage/tsdb/chunkenc/chunk_list.h"
#include "tests/catch.h"

namespace narthex::tsdb {

using Samples = std::map<int64_t, uint64_t>;
using Contents = std::map<std::string, Samples>;

// Series given as samples, cut into chunks of a given length.
class FakeSet final : public ChunkSeriesSet {
 public:
  FakeSet(std::map<std::string, Samples> series, size_t per_chunk) {
    for (auto& [name, samples] : series) {
      Entry entry{Labels{{"__name__", "m"}, {"n", name}}, {}, {}};
      std::vector<std::pair<int64_t, uint64_t>> list(samples.begin(), samples.end());
      for (size_t i = 0; i < list.size(); i += per_chunk) {
        ChunkListEncoder encoder;
        for (size_t k = i; k < std::min(i + per_chunk, list.size()); ++k) {
          encoder.Add(list[k].first, list[k].second);
        }
        for (EncodedChunk& chunk : encoder.Take()) entry.data.push_back(std::move(chunk));
      }
      for (const EncodedChunk& chunk : entry.data) entry.chunks.push_back(chunk.view());
      symbols_.insert({"__name__", "m", "n", name});
      series_.push_back(std::move(entry));
    }
  }
  void FailAt(size_t n) { fail_at_ = n; }
  std::span<const ChunkView> chunks_of(size_t i) const { return series_[i].chunks; }

  StatusOr<std::vector<std::string>> Symbols() override {
    return std::vector<std::string>(symbols_.begin(), symbols_.end());
  }
  bool Next() override { return ++at_ < static_cast<int64_t>(std::min(series_.size(), fail_at_)); }
  const Labels& labels() const override { return series_[static_cast<size_t>(at_)].labels; }
  std::span<const ChunkView> chunks() const override {
    return series_[static_cast<size_t>(at_)].chunks;
  }
  Status status() const override {
    return fail_at_ != SIZE_MAX && at_ >= static_cast<int64_t>(fail_at_)
               ? DataLoss("broken on purpose")
               : OkStatus();
  }

 private:
  struct Entry {
    Labels labels;
    std::vector<EncodedChunk> data;
    std::vector<ChunkView> chunks;
  };
  std::vector<Entry> series_;
  std::set<std::string> symbols_;
  size_t fail_at_ = SIZE_MAX;
  int64_t at_ = -1;
};

// Checks order and bounds on the way.
inline Samples SamplesIn(const ChunkSeriesSet& set) {
  Samples out;
  int64_t end = INT64_MIN;
  for (const ChunkView& chunk : set.chunks()) {
    REQUIRE(chunk.mint > end);
    end = chunk.maxt;
    const auto it = NewChunkIterator(chunk);
    int64_t first = INT64_MAX, last = INT64_MIN;
    while (it->Next() == SampleKind::kFloat) {
      REQUIRE(it->time() > last);
      first = std::min(first, it->time());
      last = it->time();
      out[it->time()] = it->bits();
    }
    REQUIRE(it->status().ok());
    REQUIRE(first == chunk.mint);
    REQUIRE(last == chunk.maxt);
  }
  return out;
}

inline uint64_t Bits(double v) { return std::bit_cast<uint64_t>(v); }

inline Samples Regular(int64_t from, int64_t to, int64_t step, double value) {
  Samples out;
  for (int64_t t = from; t < to; t += step) out[t] = Bits(value + static_cast<double>(t % 7));
  return out;
}

}  // namespace narthex::tsdb
