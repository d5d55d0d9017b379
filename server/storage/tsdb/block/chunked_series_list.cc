#include "server/storage/tsdb/block/chunked_series_list.h"

#include <algorithm>
#include <memory>

#include "server/storage/tsdb/chunkenc/chunk_iterator.h"
#include "server/storage/tsdb/chunkenc/chunk_list.h"

namespace narthex::tsdb {
namespace {

// The samples of [mint, maxt] that are not deleted, as chunks of their own.
Status Recode(const storage::Chunk& chunk, int64_t mint, int64_t maxt,
              const std::vector<Interval>& deleted, storage::ChunkList* out) {
  ChunkListEncoder encoder;
  const std::unique_ptr<ChunkIterator> it = NewChunkIterator(ToView(chunk));
  while (it->Next() != SampleKind::kNone) {
    const int64_t t = it->time();
    if (t > maxt) break;
    if (t >= mint && !IsCovered(deleted, t, t)) encoder.Add(*it);
  }
  NX_RETURN_IF_ERROR(it->status());
  for (EncodedChunk& part : encoder.Take()) {
    AppendOwned(part.mint, part.maxt, part.encoding, std::move(part.data), out);
  }
  return OkStatus();
}

}  // namespace

void AppendOwned(int64_t mint, int64_t maxt, Encoding encoding, std::string data,
                 storage::ChunkList* out) {
  const auto owned = std::make_shared<const std::string>(std::move(data));
  out->chunks.push_back({mint, maxt, static_cast<uint8_t>(encoding), *owned});
  out->owned.push_back(owned);
}

StatusOr<bool> VisitChunk(const storage::Chunk& chunk, int64_t mint, int64_t maxt,
                          const std::vector<Interval>& deleted, storage::SampleSink* sink) {
  const std::unique_ptr<ChunkIterator> it = NewChunkIterator(ToView(chunk));
  IntHistogram integers;
  FloatHistogram floats;
  for (SampleKind kind = it->Next(); kind != SampleKind::kNone; kind = it->Next()) {
    const int64_t t = it->time();
    if (t > maxt) return true;
    if (t < mint || IsCovered(deleted, t, t)) continue;
    bool more = false;
    if (kind == SampleKind::kFloat) {
      more = sink->OnFloat(t, it->value());
    } else if (kind == SampleKind::kHistogram) {
      it->Get(&integers);
      more = sink->OnHistogram(t, integers);
    } else {
      it->Get(&floats);
      more = sink->OnHistogram(t, floats);
    }
    if (!more) return false;
  }
  NX_RETURN_IF_ERROR(it->status());
  return true;
}

StatusOr<ChunkedSeriesList::Whole> ChunkedSeriesList::Take(size_t index, TimestampMs mint,
                                                           TimestampMs maxt) const {
  Whole whole;
  whole.mint = mint;
  whole.maxt = maxt;
  NX_RETURN_IF_ERROR(TakeWhole(index, &whole));
  return whole;
}

Status ChunkedSeriesList::ReadChunks(size_t index, TimestampMs mint, TimestampMs maxt,
                                     storage::ChunkList* out) const {
  NX_ASSIGN_OR_RETURN(Whole whole, Take(index, mint, maxt));
  for (const storage::Chunk& chunk : whole.list.chunks) {
    const int64_t first = std::max(chunk.mint, whole.mint);
    const int64_t last = std::min(chunk.maxt, whole.maxt);
    if (first > last || IsCovered(whole.deleted, first, last)) continue;
    const bool cut = first != chunk.mint || last != chunk.maxt;
    if (cut || Overlaps(whole.deleted, first, last)) {
      NX_RETURN_IF_ERROR(Recode(chunk, first, last, whole.deleted, out));
    } else {
      out->chunks.push_back(chunk);
    }
  }
  for (auto& owned : whole.list.owned) out->owned.push_back(std::move(owned));
  return OkStatus();
}

Status ChunkedSeriesList::Visit(size_t index, TimestampMs mint, TimestampMs maxt,
                                storage::SampleSink* sink) const {
  NX_ASSIGN_OR_RETURN(const Whole whole, Take(index, mint, maxt));
  for (const storage::Chunk& chunk : whole.list.chunks) {
    if (chunk.maxt < whole.mint || chunk.mint > whole.maxt) continue;
    NX_ASSIGN_OR_RETURN(const bool more,
                        VisitChunk(chunk, whole.mint, whole.maxt, whole.deleted, sink));
    if (!more) return OkStatus();
  }
  return OkStatus();
}

}  // namespace narthex::tsdb
