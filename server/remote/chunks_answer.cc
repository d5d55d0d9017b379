#include "server/remote/chunks_answer.h"

#include "core/base/crc32c.h"
#include "server/remote/pb_writer.h"

namespace narthex::remote {
namespace {

// Frames of short series go out together, as each write costs a system call here and there.
constexpr size_t kWriteBytes = 64 << 10;
constexpr size_t kSeriesBetweenChecks = 64;

size_t IntFieldSize(int64_t v) { return v == 0 ? 0 : 1 + VarintSize(static_cast<uint64_t>(v)); }

size_t SizeOf(const storage::Chunk& chunk) {
  const size_t data =
      chunk.data.empty() ? 0 : 1 + VarintSize(chunk.data.size()) + chunk.data.size();
  return IntFieldSize(chunk.mint) + IntFieldSize(chunk.maxt) + IntFieldSize(chunk.encoding) + data;
}

void PutInt(uint32_t field, int64_t v, std::string* out) {
  if (v != 0) PutIntField(field, static_cast<uint64_t>(v), out);
}

void PutChunk(const storage::Chunk& chunk, size_t size, std::string* out) {
  PutLength(2, size, out);
  PutInt(1, chunk.mint, out);
  PutInt(2, chunk.maxt, out);
  PutInt(3, chunk.encoding, out);
  if (!chunk.data.empty()) PutBytesField(4, chunk.data, out);
}

}  // namespace

Status ChunksAnswer::Flush() {
  if (out_.empty()) return OkStatus();
  started_ = true;
  if (!write_(out_)) return Cancelled("the client is gone");
  out_.clear();
  return OkStatus();
}

Status ChunksAnswer::EndFrame(int64_t query_index) {
  std::string head;
  PutLength(1, series_.size(), &head);
  std::string tail;
  PutInt(2, query_index, &tail);
  const uint32_t crc = Crc32c(tail, Crc32c(series_, Crc32c(head)));
  PutVarint(head.size() + series_.size() + tail.size(), &out_);
  ByteWriter(&out_).Be32(crc);
  out_.append(head).append(series_).append(tail);
  return out_.size() >= kWriteBytes ? Flush() : OkStatus();
}

Status ChunksAnswer::AddSeries(const ReadSelection& selection, size_t i, int64_t query_index,
                               const Labels& external) {
  chunks_.Clear();
  NX_RETURN_IF_ERROR(selection.list().ReadChunks(i, selection.mint(), selection.maxt(), &chunks_));
  if (chunks_.chunks.empty()) return OkStatus();
  const Labels labels = selection.list().labels(i);
  series_.clear();
  PutLabels(labels, external, &series_);
  const size_t labels_end = series_.size();
  const int64_t room = max_frame_bytes_ - static_cast<int64_t>(LabelBytes(labels, external));
  int64_t left = room;
  for (size_t k = 0; k < chunks_.chunks.size(); ++k) {
    const size_t size = SizeOf(chunks_.chunks[k]);
    PutChunk(chunks_.chunks[k], size, &series_);
    left -= static_cast<int64_t>(size);
    if (left > 0 && k + 1 < chunks_.chunks.size()) continue;
    NX_RETURN_IF_ERROR(EndFrame(query_index));
    series_.resize(labels_end);
    left = room;
  }
  return OkStatus();
}

Status ChunksAnswer::Add(const ReadSelection& selection, int64_t query_index,
                         const Labels& external) {
  for (size_t i = 0; i < selection.size(); ++i) {
    if (i % kSeriesBetweenChecks == 0 && stopped_()) return Cancelled("the client is gone");
    NX_RETURN_IF_ERROR(AddSeries(selection, i, query_index, external));
  }
  return OkStatus();
}

}  // namespace narthex::remote
