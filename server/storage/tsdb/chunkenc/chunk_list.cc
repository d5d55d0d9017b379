#include "server/storage/tsdb/chunkenc/chunk_list.h"

namespace narthex::tsdb {
namespace {

template <typename Chunk>
void SealChunk(Encoding encoding, Chunk* chunk, std::vector<EncodedChunk>* done) {
  done->push_back({chunk->first_time(), chunk->last_time(), encoding, chunk->bytes()});
  chunk->Clear();
}

}  // namespace

void ChunkListEncoder::Seal() {
  switch (kind_) {
    case SampleKind::kFloat: SealChunk(Encoding::kXor, &floats_, &done_); break;
    case SampleKind::kHistogram: SealChunk(Encoding::kHistogram, histograms_.get(), &done_); break;
    case SampleKind::kFloatHistogram:
      SealChunk(Encoding::kFloatHistogram, float_histograms_.get(), &done_);
      break;
    case SampleKind::kNone: break;
  }
  kind_ = SampleKind::kNone;
}

int ChunkListEncoder::OpenSamples() const {
  switch (kind_) {
    case SampleKind::kFloat: return floats_.count();
    case SampleKind::kHistogram: return histograms_->count();
    case SampleKind::kFloatHistogram: return float_histograms_->count();
    case SampleKind::kNone: break;
  }
  return 0;
}

void ChunkListEncoder::Prepare(SampleKind kind) {
  const int most = kind_ == SampleKind::kFloat ? most_floats_ : kSamplesPerChunk;
  if (kind != kind_ || OpenSamples() >= most) Seal();
}

template <typename Chunk, typename Histogram>
void ChunkListEncoder::AddTo(std::unique_ptr<Chunk>* of_kind, SampleKind kind, int64_t t,
                             const Histogram& h) {
  Prepare(kind);
  if (*of_kind == nullptr) *of_kind = std::make_unique<Chunk>();
  Chunk* const chunk = of_kind->get();
  ResetHeader header = Chunk::HeaderFor(h);
  if (kind_ != SampleKind::kNone) {
    if (chunk->Append(t, h, &header)) return;
    Seal();
  }
  chunk->Begin(t, h, header);
  kind_ = kind;
}

void ChunkListEncoder::Add(int64_t t, uint64_t bits) {
  Prepare(SampleKind::kFloat);
  floats_.Append(t, bits);
  kind_ = SampleKind::kFloat;
}

void ChunkListEncoder::Add(int64_t t, const IntHistogram& histogram) {
  AddTo(&histograms_, SampleKind::kHistogram, t, histogram);
}

void ChunkListEncoder::Add(int64_t t, const FloatHistogram& histogram) {
  AddTo(&float_histograms_, SampleKind::kFloatHistogram, t, histogram);
}

void ChunkListEncoder::Add(const ChunkIterator& it) {
  switch (it.kind()) {
    case SampleKind::kFloat: return Add(it.time(), it.bits());
    case SampleKind::kHistogram: {
      IntHistogram h;
      it.Get(&h);
      return Add(it.time(), h);
    }
    case SampleKind::kFloatHistogram: {
      FloatHistogram h;
      it.Get(&h);
      return Add(it.time(), h);
    }
    case SampleKind::kNone: return;
  }
}

std::vector<EncodedChunk> ChunkListEncoder::Take() {
  Seal();
  return std::exchange(done_, {});
}

}  // namespace narthex::tsdb
