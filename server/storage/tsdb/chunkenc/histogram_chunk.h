#pragma once
// Encoders of histogram chunks (encodings 2 and 3), bit for bit as Prometheus writes them. Format:
// histogram_layout.h; then per sample the time (varbit, later a varbit delta of delta) and the
// values (histogram_values.h).
//
// Invariants: a chunk holds counters without a reset or gauges; its samples share schema, zero
// threshold, custom bounds and, once recoded, spans; behind a stale marker come only stale markers.
//
// Thread safety: none; distinct objects are independent.

#include <cstdint>
#include <string>

#include "core/histogram/histogram.h"
#include "server/storage/tsdb/chunkenc/encoding.h"
#include "server/storage/tsdb/chunkenc/histogram_layout.h"
#include "server/storage/tsdb/chunkenc/histogram_values.h"

namespace narthex::tsdb {

template <typename Values>
class HistogramChunk {
 public:
  using Histogram = typename Values::Histogram;

  // Starts a chunk; a gauge has the header of gauges whatever is given.
  void Begin(int64_t t, const Histogram& h, ResetHeader header);
  // Adds a valid sample if the chunk, which is not empty, can hold it; all samples of the chunk
  // are written anew when the sample has buckets that they lack. False when a new chunk must begin,
  // with *header for it.
  bool Append(int64_t t, const Histogram& h, ResetHeader* header);
  // The header of a chunk that begins with h and follows none.
  static ResetHeader HeaderFor(const Histogram& h);
  // The header of a chunk that begins with h right behind this one, which is full.
  ResetHeader HeaderBehind(const Histogram& h) const;

  uint16_t count() const { return count_; }
  int64_t first_time() const { return first_time_; }
  int64_t last_time() const { return last_time_; }
  const std::string& bytes() const { return bytes_; }
  void Clear() { *this = HistogramChunk(); }

 private:
  // How a sample fits.
  struct Fit {
    bool fits = false;
    ResetHeader header = ResetHeader::kNotReset;  // when it does not
    bool same_spans = true;                       // else the merges are set
    SpanMerge positive, negative;
  };
  Fit Try(const Histogram& h) const;
  bool FitsCounter(const Histogram& h, Fit* fit) const;
  bool SameFrame(const Histogram& h) const;
  void Merge(const Histogram& h, Fit* fit) const;
  void Recode(const Fit& fit, const Histogram& h);
  void AppendFitting(int64_t t, const Histogram& h);
  ResetHeader header() const;

  std::string bytes_;
  size_t bits_ = 0;
  HistogramLayout layout_;
  Values values_;
  int64_t first_time_ = 0;
  int64_t last_time_ = 0;
  uint64_t time_delta_ = 0;
  uint16_t count_ = 0;
};

using IntHistogramChunk = HistogramChunk<IntValues>;
using FloatHistogramChunk = HistogramChunk<FloatValues>;

extern template class HistogramChunk<IntValues>;
extern template class HistogramChunk<FloatValues>;

}  // namespace narthex::tsdb
