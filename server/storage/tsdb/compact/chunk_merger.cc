#include "server/storage/tsdb/compact/chunk_merger.h"

#include <algorithm>
#include <memory>

namespace narthex::tsdb {
namespace {

// The third byte of a histogram chunk: its two upper bits are the counter reset header.
constexpr size_t kResetByte = 2;
constexpr uint8_t kResetMask = 0xc0;
constexpr uint8_t kGauge = 0xc0;

bool HasResetHeader(Encoding encoding) {
  return encoding == Encoding::kHistogram || encoding == Encoding::kFloatHistogram ||
         encoding == Encoding::kHistogramSt || encoding == Encoding::kFloatHistogramSt;
}

bool SaysReset(const ChunkView& chunk) {
  if (!HasResetHeader(chunk.encoding) || chunk.data.size() <= kResetByte) return false;
  const uint8_t header = static_cast<uint8_t>(chunk.data[kResetByte]) & kResetMask;
  return header != 0 && header != kGauge;
}

bool Same(const ChunkView& a, const ChunkView& b) {
  return a.mint == b.mint && a.maxt == b.maxt && a.encoding == b.encoding && a.data == b.data;
}

// The chunks of one source in a cluster, as one stream.
struct Stream {
  uint32_t source = 0;
  std::unique_ptr<ChunkIterator> it;
};

}  // namespace

void ChunkMerger::PassOn(const Input& input) {
  ChunkView chunk = input.chunk;
  if (last_source_ != kNoSource && !out_.empty() && last_source_ != input.source &&
      SaysReset(chunk)) {
    patched_.emplace_back(chunk.data);
    std::string& data = patched_.back();
    data[kResetByte] = static_cast<char>(static_cast<uint8_t>(data[kResetByte]) & ~kResetMask);
    chunk.data = data;
  }
  out_.push_back(chunk);
  last_source_ = input.source;
}

Status ChunkMerger::Recode(std::span<const Input> cluster) {
  std::vector<Stream> streams;
  for (const Input& input : cluster) {
    Stream stream{input.source, NewChunkIterator(input.chunk)};
    if (stream.it->Next() == SampleKind::kNone) {
      NX_RETURN_IF_ERROR(stream.it->status());
      continue;
    }
    streams.push_back(std::move(stream));
  }
  ChunkListEncoder encoder;
  while (!streams.empty()) {
    // Clusters are small; of equal times the first source wins.
    size_t first = 0;
    for (size_t i = 1; i < streams.size(); ++i) {
      const int64_t a = streams[i].it->time(), b = streams[first].it->time();
      if (a < b || (a == b && streams[i].source < streams[first].source)) first = i;
    }
    const int64_t t = streams[first].it->time();
    encoder.Add(*streams[first].it);
    for (size_t i = 0; i < streams.size();) {
      if (streams[i].it->time() != t || streams[i].it->Next() != SampleKind::kNone) {
        ++i;
        continue;
      }
      NX_RETURN_IF_ERROR(streams[i].it->status());
      streams.erase(streams.begin() + static_cast<ptrdiff_t>(i));
    }
  }
  encoded_.push_back(encoder.Take());
  for (const EncodedChunk& chunk : encoded_.back()) out_.push_back(chunk.view());
  recoded_ += encoded_.back().size();
  last_source_ = kNoSource - 1;  // what follows does not follow its own source
  return OkStatus();
}

StatusOr<std::span<const ChunkView>> ChunkMerger::Merge(std::vector<Input>* inputs) {
  out_.clear();
  patched_.clear();
  encoded_.clear();
  last_source_ = kNoSource;
  std::sort(inputs->begin(), inputs->end(), [](const Input& a, const Input& b) {
    if (a.chunk.mint != b.chunk.mint) return a.chunk.mint < b.chunk.mint;
    if (a.chunk.maxt != b.chunk.maxt) return a.chunk.maxt < b.chunk.maxt;
    return a.source < b.source;
  });
  for (size_t i = 0; i < inputs->size();) {
    int64_t end = (*inputs)[i].chunk.maxt;
    bool copies = true;
    size_t next = i + 1;
    for (; next < inputs->size() && (*inputs)[next].chunk.mint <= end; ++next) {
      end = std::max(end, (*inputs)[next].chunk.maxt);
      copies = copies && Same((*inputs)[i].chunk, (*inputs)[next].chunk);
    }
    if (copies) {
      PassOn((*inputs)[i]);
    } else {
      NX_RETURN_IF_ERROR(Recode(std::span(*inputs).subspan(i, next - i)));
    }
    i = next;
  }
  return std::span<const ChunkView>(out_);
}

}  // namespace narthex::tsdb
