#pragma once
// The chunk that a series of the head fills: of floats or of histograms, and the rules when it is
// full. Histograms follow Prometheus: about 1 KiB, foreseen at a quarter of it so that the chunks
// of a range have equal lengths; at least 10 samples; never across the end of a range.
//
// Thread safety: none.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/chunkenc/encoding.h"
#include "server/storage/tsdb/chunkenc/histogram_chunk.h"
#include "server/storage/tsdb/chunkenc/xor_chunk.h"

namespace narthex::tsdb {

inline constexpr size_t kHistogramChunkBytes = 1024;  // aim
inline constexpr uint16_t kMinHistogramsPerChunk = 10;

// Where chunks end. Ranges are [k·range, (k+1)·range).
struct ChunkLimits {
  int64_t range = 0;
  int floats = kSamplesPerChunk;
};

class OpenChunk {
 public:
  OpenChunk() = default;
  OpenChunk(OpenChunk&&) = default;
  OpenChunk& operator=(OpenChunk&&) = default;

  uint16_t count() const;
  Encoding encoding() const { return encoding_; }  // kNone when empty
  int64_t first_time() const;
  int64_t last_time() const;
  const std::string& bytes() const;
  // Of histograms.
  ResetHeader reset_header() const;
  ChunkView view() const { return {first_time(), last_time(), encoding_, bytes()}; }
  void Clear();

  // How the next chunk begins.
  struct Next {
    ResetHeader header = ResetHeader::kUnknown;
    bool end_foreseen = false;
  };
  // Adds a sample that is newer than the others. When the chunk must be sealed first, nothing
  // changes and Begin takes the result, behind Clear.
  std::optional<Next> Add(int64_t t, uint64_t bits, const ChunkLimits& limits);
  std::optional<Next> Add(int64_t t, const IntHistogram& h, const ChunkLimits& limits);
  std::optional<Next> Add(int64_t t, const FloatHistogram& h, const ChunkLimits& limits);
  // Adds a float to an empty chunk or one of floats, whatever the rules.
  void Extend(int64_t t, uint64_t bits);
  void Begin(int64_t t, uint64_t bits, const ChunkLimits& limits, Next next);
  void Begin(int64_t t, const IntHistogram& h, const ChunkLimits& limits, Next next);
  void Begin(int64_t t, const FloatHistogram& h, const ChunkLimits& limits, Next next);

 private:
  // Empty for what is not of this encoding.
  struct Histograms {
    IntHistogramChunk integers;
    FloatHistogramChunk floats;
  };
  template <typename Histogram>
  std::optional<Next> AddHistogram(int64_t t, const Histogram& h, int64_t range);
  template <typename Histogram>
  void BeginHistogram(int64_t t, const Histogram& h, int64_t range, Next next);
  bool HistogramsEnd(int64_t t, int64_t range);
  Histograms& histograms();

  Encoding encoding_ = Encoding::kNone;
  bool end_foreseen_ = false;
  int64_t ends_ = 0;  // of histograms: where the chunk shall end
  XorChunk xor_;
  std::unique_ptr<Histograms> histograms_;  // few series have any
};

}  // namespace narthex::tsdb
