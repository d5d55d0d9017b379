#include "server/storage/tsdb/head/chunk_bounds.h"

#include "core/base/bytes.h"

namespace narthex::tsdb {

HeadChunk DecodeBounds(std::string_view bytes) {
  ByteReader in(bytes);
  HeadChunk chunk;
  chunk.ref = in.Be64();
  chunk.mint = static_cast<int64_t>(in.Be64());
  chunk.maxt = static_cast<int64_t>(in.Be64());
  chunk.encoding = static_cast<Encoding>(in.U8());
  return chunk;
}

StatusOr<HeadChunk> ChunkFiles::Bounds(const ChunkRef& ref) const {
  char bytes[kChunkHeader];
  if (ReadSome(ref, bytes, sizeof bytes) < sizeof bytes) {
    return DataLoss("head chunk {} in file {} cannot be read", ref.offset, ref.file);
  }
  return DecodeBounds({bytes, sizeof bytes});
}

StatusOr<HeadChunk> ChunkBounds::Get(uint32_t slot, const ChunkRef& chunk) {
  Window& window = windows_[slot / kSlotsOfWindow % windows_.size()];
  MutexLock lock(window.mutex);
  const bool inside = chunk.file == window.file && chunk.offset >= window.begin &&
                      chunk.offset + kChunkHeader <= window.begin + window.bytes.size();
  if (!inside) {
    window.file = 0;
    window.bytes.resize(kWindowBytes);
    window.bytes.resize(files_.ReadSome(chunk, window.bytes.data(), window.bytes.size()));
    if (window.bytes.size() < kChunkHeader) return files_.Bounds(chunk);
    window.file = chunk.file;
    window.begin = chunk.offset;
  }
  return DecodeBounds(std::string_view(window.bytes).substr(chunk.offset - window.begin));
}

}  // namespace narthex::tsdb
