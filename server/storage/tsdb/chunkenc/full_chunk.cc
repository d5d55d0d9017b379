#include "server/storage/tsdb/chunkenc/full_chunk.h"

#include "core/base/bytes.h"
#include "server/storage/tsdb/chunkenc/xor_code.h"

namespace narthex::tsdb {
FullChunk::FullChunk(std::span<const int64_t> times, std::span<const uint64_t> values) {
  bytes_[0] = static_cast<uint8_t>(times.size() >> 8);
  bytes_[1] = static_cast<uint8_t>(times.size());
  BitSink out(bytes_ + 2);
  PutUvarint(ZigZagEncode(times[0]), &out);
  out.Put(values[0], 64);
  XorWindow window;
  uint64_t delta = 0;
  for (size_t i = 1; i < times.size(); ++i) {
    // Differences wrap like Go's so that any pair of timestamps survives.
    const uint64_t step = static_cast<uint64_t>(times[i]) - static_cast<uint64_t>(times[i - 1]);
    if (i == 1) {
      PutUvarint(step, &out);
    } else {
      PutDeltaOfDelta(static_cast<int64_t>(step - delta), &out);
    }
    delta = step;
    EncodeXor(values[i - 1], values[i], &window, [&out](uint64_t v, unsigned n) { out.Put(v, n); });
  }
  size_ = 2 + (out.Finish() + 7) / 8;
}

}  // namespace narthex::tsdb
