#include "server/storage/tsdb/chunkenc/open_chunk.h"

#include <cmath>

namespace narthex::tsdb {
namespace {

int64_t RangeOf(int64_t t, int64_t range) { return t / range - (t % range < 0 ? 1 : 0); }
int64_t EndOfRange(int64_t t, int64_t range) { return (RangeOf(t, range) + 1) * range; }

IntHistogramChunk& ChunkOf(const IntHistogram&, IntHistogramChunk& chunk, FloatHistogramChunk&) {
  return chunk;
}
FloatHistogramChunk& ChunkOf(const FloatHistogram&, IntHistogramChunk&,
                             FloatHistogramChunk& chunk) {
  return chunk;
}
Encoding EncodingOf(const IntHistogram&) { return Encoding::kHistogram; }
Encoding EncodingOf(const FloatHistogram&) { return Encoding::kFloatHistogram; }

// Ends chunks so that those from `start` to `end` get equal lengths, when this one took until
// `now` to become full by one part in `to_full`.
int64_t ForeseeEnd(int64_t start, int64_t now, int64_t end, double to_full) {
  const auto rest = static_cast<double>(end - start);
  const double n = rest / (static_cast<double>(now - start + 1) * to_full);
  if (n <= 1) return end;
  return static_cast<int64_t>(static_cast<double>(start) + rest / std::floor(n));
}

}  // namespace

uint16_t OpenChunk::count() const {
  switch (encoding_) {
    case Encoding::kXor: return xor_.count();
    case Encoding::kHistogram: return histograms_->integers.count();
    case Encoding::kFloatHistogram: return histograms_->floats.count();
    default: return 0;
  }
}

int64_t OpenChunk::first_time() const {
  if (encoding_ == Encoding::kHistogram) return histograms_->integers.first_time();
  if (encoding_ == Encoding::kFloatHistogram) return histograms_->floats.first_time();
  return xor_.first_time();
}

int64_t OpenChunk::last_time() const {
  if (encoding_ == Encoding::kHistogram) return histograms_->integers.last_time();
  if (encoding_ == Encoding::kFloatHistogram) return histograms_->floats.last_time();
  return xor_.last_time();
}

const std::string& OpenChunk::bytes() const {
  if (encoding_ == Encoding::kHistogram) return histograms_->integers.bytes();
  if (encoding_ == Encoding::kFloatHistogram) return histograms_->floats.bytes();
  return xor_.bytes();
}

ResetHeader OpenChunk::reset_header() const {
  const bool any = encoding_ == Encoding::kHistogram || encoding_ == Encoding::kFloatHistogram;
  if (!any) return ResetHeader::kUnknown;
  return static_cast<ResetHeader>(static_cast<uint8_t>(bytes()[2]) & kResetHeaderMask);
}

void OpenChunk::Clear() {
  xor_.Clear();
  histograms_.reset();
  encoding_ = Encoding::kNone;
}

OpenChunk::Histograms& OpenChunk::histograms() {
  if (histograms_ == nullptr) histograms_ = std::make_unique<Histograms>();
  return *histograms_;
}

// ---- Floats ----

std::optional<OpenChunk::Next> OpenChunk::Add(int64_t t, uint64_t bits, const ChunkLimits& limits) {
  if (encoding_ != Encoding::kNone) {
    if (encoding_ != Encoding::kXor || xor_.count() >= limits.floats ||
        RangeOf(xor_.first_time(), limits.range) != RangeOf(t, limits.range)) {
      return Next{};
    }
  }
  Extend(t, bits);
  return std::nullopt;
}

void OpenChunk::Extend(int64_t t, uint64_t bits) {
  encoding_ = Encoding::kXor;
  xor_.Append(t, bits);
}

void OpenChunk::Begin(int64_t t, uint64_t bits, const ChunkLimits&, Next) { Extend(t, bits); }

// ---- Histograms ----

// Notes a foreseen end on the way.
bool OpenChunk::HistogramsEnd(int64_t t, int64_t range) {
  const size_t size = bytes().size();
  const int64_t range_end = EndOfRange(first_time(), range);
  if (!end_foreseen_ && size >= kHistogramChunkBytes / 4) {
    ends_ = ForeseeEnd(first_time(), last_time(), ends_,
                       static_cast<double>(kHistogramChunkBytes) / static_cast<double>(size));
    end_foreseen_ = true;
  }
  const bool full = t >= ends_ || size >= 2 * kHistogramChunkBytes;
  return full && (count() >= kMinHistogramsPerChunk || t >= range_end);
}

template <typename Histogram>
std::optional<OpenChunk::Next> OpenChunk::AddHistogram(int64_t t, const Histogram& h,
                                                       int64_t range) {
  Histograms& both = histograms();
  auto& chunk = ChunkOf(h, both.integers, both.floats);
  if (encoding_ == Encoding::kNone) {
    BeginHistogram(t, h, range, {chunk.HeaderFor(h), false});
    return std::nullopt;
  }
  if (encoding_ != EncodingOf(h)) return Next{chunk.HeaderFor(h), false};
  if (HistogramsEnd(t, range)) return Next{chunk.HeaderBehind(h), false};
  // Prometheus does not look ahead again behind a reset; only the limit of bytes ends that chunk.
  Next next{ResetHeader::kUnknown, end_foreseen_};
  if (!chunk.Append(t, h, &next.header)) return next;
  return std::nullopt;
}

template <typename Histogram>
void OpenChunk::BeginHistogram(int64_t t, const Histogram& h, int64_t range, Next next) {
  Histograms& both = histograms();
  ChunkOf(h, both.integers, both.floats).Begin(t, h, next.header);
  encoding_ = EncodingOf(h);
  ends_ = EndOfRange(t, range);
  end_foreseen_ = next.end_foreseen;
}

std::optional<OpenChunk::Next> OpenChunk::Add(int64_t t, const IntHistogram& h,
                                              const ChunkLimits& limits) {
  return AddHistogram(t, h, limits.range);
}

std::optional<OpenChunk::Next> OpenChunk::Add(int64_t t, const FloatHistogram& h,
                                              const ChunkLimits& limits) {
  return AddHistogram(t, h, limits.range);
}

void OpenChunk::Begin(int64_t t, const IntHistogram& h, const ChunkLimits& limits, Next next) {
  BeginHistogram(t, h, limits.range, next);
}

void OpenChunk::Begin(int64_t t, const FloatHistogram& h, const ChunkLimits& limits, Next next) {
  BeginHistogram(t, h, limits.range, next);
}

}  // namespace narthex::tsdb
