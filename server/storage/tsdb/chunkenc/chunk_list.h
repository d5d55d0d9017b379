#pragma once
// Encodes a stream of samples of any kinds as a list of chunks: merges of blocks, rewrites after
// deletes, backfilling.
//
// A chunk ends after 120 samples or what is asked for, when the kind of the samples changes, and
// where a histogram does not fit the chunk (counter reset, other schema or zero threshold, behind a
// stale marker). New buckets recode the chunk that is open. Counter reset headers are those
// Prometheus' compaction gives: known where a histogram did not fit, gauge for gauges, else
// unknown.
//
// Thread safety: none; distinct objects are independent.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/histogram/histogram.h"
#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/chunkenc/encoding.h"
#include "server/storage/tsdb/chunkenc/histogram_chunk.h"
#include "server/storage/tsdb/chunkenc/xor_chunk.h"

namespace narthex::tsdb {

struct EncodedChunk {
  int64_t mint = 0;
  int64_t maxt = 0;
  Encoding encoding = Encoding::kNone;
  std::string data;

  ChunkView view() const { return {mint, maxt, encoding, data}; }
  uint16_t samples() const { return SamplesOf(data); }
};

class ChunkListEncoder {
 public:
  // `floats`: most samples of a chunk of floats.
  explicit ChunkListEncoder(int floats = kSamplesPerChunk) : most_floats_(floats) {}

  // Samples in ascending order of time.
  void Add(int64_t t, uint64_t bits);
  void Add(int64_t t, const IntHistogram& histogram);
  void Add(int64_t t, const FloatHistogram& histogram);
  // The current sample of `it`.
  void Add(const ChunkIterator& it);
  // Asks for the memory that the next Add of a float touches.
  void Prefetch() const { floats_.Prefetch(); }
  // The chunks of all that was added; the encoder is as new.
  std::vector<EncodedChunk> Take();

 private:
  // Makes room for a sample of this kind.
  void Prepare(SampleKind kind);
  void Seal();
  template <typename Chunk, typename Histogram>
  void AddTo(std::unique_ptr<Chunk>* of_kind, SampleKind kind, int64_t t, const Histogram& h);
  int OpenSamples() const;

  int most_floats_;
  std::vector<EncodedChunk> done_;
  SampleKind kind_ = SampleKind::kNone;  // of the chunk that is open
  XorChunk floats_;
  std::unique_ptr<IntHistogramChunk> histograms_;  // few series have any
  std::unique_ptr<FloatHistogramChunk> float_histograms_;
};

}  // namespace narthex::tsdb
