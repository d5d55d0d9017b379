#include "server/storage/tsdb/chunkenc/chunk_iterator.h"

#include "server/storage/tsdb/chunkenc/histogram_reader.h"
#include "server/storage/tsdb/chunkenc/xor_chunk.h"

namespace narthex::tsdb {
namespace {

class XorSamples final : public ChunkIterator {
 public:
  explicit XorSamples(std::string_view data) : it_(data) {}
  SampleKind Next() override { return kind_ = it_.Next() ? SampleKind::kFloat : SampleKind::kNone; }
  Status status() const override { return it_.status(); }
  SampleKind kind() const override { return kind_; }
  int64_t time() const override { return it_.time(); }
  uint64_t bits() const override { return it_.bits(); }

 private:
  XorIterator it_;
  SampleKind kind_ = SampleKind::kNone;
};

class Unreadable final : public ChunkIterator {
 public:
  explicit Unreadable(Encoding encoding) : encoding_(encoding) {}
  SampleKind Next() override { return SampleKind::kNone; }
  Status status() const override {
    const int number = static_cast<int>(encoding_);
    if (encoding_ > Encoding::kFloatHistogram && encoding_ <= Encoding::kFloatHistogramSt) {
      constexpr std::string_view kNames[] = {"XOR2", "histograms with start timestamps",
                                             "float histograms with start timestamps"};
      return Unimplemented("chunks of encoding {} ({}) are not implemented here", number,
                           kNames[number - static_cast<int>(Encoding::kXor2)]);
    }
    return DataLoss("unknown chunk encoding {}", number);
  }
  SampleKind kind() const override { return SampleKind::kNone; }
  int64_t time() const override { return 0; }

 private:
  const Encoding encoding_;
};

// A column of histogram indexes is there from the first histogram on.
void FillHistogramIndex(storage::SampleColumns* out) {
  out->histogram_index.resize(out->timestamps.size(), storage::kNoHistogram);
}

Status DecodeHistograms(HistogramChunkReader* it, int64_t mint, int64_t maxt,
                        storage::SampleColumns* out) {
  while (it->Next() != SampleKind::kNone && it->time() <= maxt) {
    if (it->time() < mint) continue;
    FillHistogramIndex(out);
    out->timestamps.push_back(it->time());
    out->histogram_index.push_back(static_cast<uint32_t>(out->histograms.size()));
    FloatHistogram& h = out->histograms.emplace_back();
    it->Get(&h);
    out->values.push_back(std::bit_cast<double>(
        storage::IsStaleNaN(h.sum) ? storage::kStaleNaNBits : storage::kHistogramNaNBits));
  }
  return it->status();
}

}  // namespace

std::unique_ptr<ChunkIterator> NewChunkIterator(Encoding encoding, std::string_view data) {
  switch (encoding) {
    case Encoding::kXor: return std::make_unique<XorSamples>(data);
    case Encoding::kHistogram: return std::make_unique<IntHistogramReader>(data);
    case Encoding::kFloatHistogram: return std::make_unique<FloatHistogramReader>(data);
    default: return std::make_unique<Unreadable>(encoding);
  }
}

Status DecodeChunk(Encoding encoding, std::string_view data, int64_t mint, int64_t maxt,
                   storage::SampleColumns* out) {
  switch (encoding) {
    case Encoding::kXor: {
      const Status status = DecodeXorChunk(data, mint, maxt, out);
      if (!out->histogram_index.empty()) FillHistogramIndex(out);
      return status;
    }
    case Encoding::kHistogram: {
      IntHistogramReader it(data);
      return DecodeHistograms(&it, mint, maxt, out);
    }
    case Encoding::kFloatHistogram: {
      FloatHistogramReader it(data);
      return DecodeHistograms(&it, mint, maxt, out);
    }
    default: return NewChunkIterator(encoding, data)->status();
  }
}

uint16_t SamplesOf(std::string_view data) {
  if (data.size() < 2) return 0;
  return static_cast<uint16_t>(static_cast<uint8_t>(data[0]) << 8 | static_cast<uint8_t>(data[1]));
}

}  // namespace narthex::tsdb
