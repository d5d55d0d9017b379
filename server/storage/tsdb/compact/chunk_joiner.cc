#include "server/storage/tsdb/compact/chunk_joiner.h"

#include <algorithm>
#include <bit>

#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/chunkenc/full_chunk.h"

namespace narthex::tsdb {
namespace {

constexpr size_t kMaxRun = 128;  // chunks decoded at once
// Prometheus ends a chunk of floats behind so many bytes: 1 KiB less the longest sample.
constexpr size_t kFullBytes = 1024 - 19;

// What Prometheus foresees for a chunk when it has a quarter of its samples, 30 of 120: four times
// the 29 intervals so far.
size_t Foreseen(size_t samples) {
  return samples < 8 ? std::max<size_t>(samples, 1) : 4 * (samples / 4 - 1);
}

}  // namespace

ChunkJoiner::ChunkJoiner(int samples_per_chunk)
    : foreseen_(Foreseen(static_cast<size_t>(std::max(samples_per_chunk, 1)))) {}

bool ChunkJoiner::Join(std::span<const ChunkView> run, size_t said, size_t wanted) {
  samples_.Clear();
  for (const ChunkView& chunk : run) {
    if (!DecodeChunk(chunk.encoding, chunk.data, INT64_MIN, INT64_MAX, &samples_).ok())
      return false;
  }
  if (said == 0 || samples_.size() != said) return false;
  values_.clear();
  for (const double v : samples_.values) values_.push_back(std::bit_cast<uint64_t>(v));
  const std::span<const int64_t> times(samples_.timestamps);
  const std::span<const uint64_t> values(values_);
  for (size_t i = 0, begin = 0; i < wanted; ++i) {
    const size_t end = (i + 1) * said / wanted;
    const FullChunk chunk(times.subspan(begin, end - begin), values.subspan(begin, end - begin));
    joined_.emplace_back(chunk.bytes());
    out_.push_back({times[begin], times[end - 1], Encoding::kXor, joined_.back()});
    begin = end;
  }
  return true;
}

std::span<const ChunkView> ChunkJoiner::Join(std::span<const ChunkView> chunks) {
  out_.clear();
  joined_.clear();
  const auto is_float = [](const ChunkView& c) { return c.encoding == Encoding::kXor; };
  for (size_t i = 0; i < chunks.size();) {
    size_t end = i, samples = 0, bytes = 0;
    for (; end < chunks.size() && end - i < kMaxRun && is_float(chunks[end]); ++end) {
      samples += SamplesOf(chunks[end].data);
      bytes += chunks[end].data.size();
    }
    end = std::max(end, i + 1);
    const auto run = chunks.subspan(i, end - i);
    const size_t full = (bytes + kFullBytes - 1) / kFullBytes;
    const size_t wanted = std::max({samples / foreseen_, full, size_t{1}});
    if (run.size() <= wanted || !Join(run, samples, wanted)) {
      out_.insert(out_.end(), run.begin(), run.end());
    }
    i = end;
  }
  return out_;
}

}  // namespace narthex::tsdb
