#pragma once
// Iterators over chunks of native histograms (encodings 2 and 3).
//
// Thread safety: none; distinct objects are independent.

#include <string_view>
#include <vector>

#include "server/storage/tsdb/chunkenc/bits.h"
#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/chunkenc/histogram_layout.h"

namespace narthex::tsdb {

// What both encodings share: header, layout, times.
class HistogramChunkReader : public ChunkIterator {
 public:
  SampleKind Next() final;
  Status status() const final;
  SampleKind kind() const final { return kind_; }
  int64_t time() const final { return time_; }
  uint64_t bits() const final { return sum_; }

  ResetHeader header() const { return header_; }
  const HistogramLayout& layout() const { return layout_; }

 protected:
  HistogramChunkReader(std::string_view chunk, SampleKind kind);
  // The values of the first sample, and of a later one.
  virtual void ReadFirst() = 0;
  virtual void ReadNext() = 0;
  bool stale() const { return storage::IsStaleNaN(std::bit_cast<double>(sum_)); }
  template <typename Histogram>
  void GetShared(Histogram* out) const;

  BitReader in_;
  HistogramLayout layout_;
  uint64_t sum_ = 0;
  XorWindow sum_window_;

 private:
  const SampleKind chunk_kind_;
  ResetHeader header_ = ResetHeader::kUnknown;
  SampleKind kind_ = SampleKind::kNone;
  unsigned total_ = 0;
  unsigned read_ = 0;
  int64_t time_ = 0;
  uint64_t time_delta_ = 0;
  bool damaged_ = false;
};

class IntHistogramReader final : public HistogramChunkReader {
 public:
  explicit IntHistogramReader(std::string_view chunk)
      : HistogramChunkReader(chunk, SampleKind::kHistogram) {}
  void Get(IntHistogram* out) const override;
  void Get(FloatHistogram* out) const override;

 private:
  // A number with the difference that is expected to repeat.
  struct Counter {
    uint64_t value = 0, delta = 0;
    void Step(BitReader* in);
  };
  void ReadFirst() override;
  void ReadNext() override;

  Counter count_, zero_;
  std::vector<Counter> positive_, negative_;
};

class FloatHistogramReader final : public HistogramChunkReader {
 public:
  explicit FloatHistogramReader(std::string_view chunk)
      : HistogramChunkReader(chunk, SampleKind::kFloatHistogram) {}
  void Get(FloatHistogram* out) const override;

 private:
  struct Value {
    uint64_t bits = 0;
    XorWindow window;
  };
  void ReadFirst() override;
  void ReadNext() override;

  Value count_, zero_;
  std::vector<Value> positive_, negative_;
};

}  // namespace narthex::tsdb
