#include "server/storage/tsdb/chunkenc/full_chunk.h"

#include <cstring>

#include "core/base/bytes.h"
#include "server/storage/tsdb/chunkenc/bits.h"

namespace narthex::tsdb {
namespace {

// Collects bits in a register and stores eight bytes at a time.
class BitSink {
 public:
  explicit BitSink(uint8_t* out) : out_(out) {}

  // The low `size` bits (1 … 64) of a value that has no others.
  void Put(uint64_t value, unsigned size) {
    const unsigned room = 64 - used_;
    if (size < room) {
      used_ += size;
      word_ |= value << (64 - used_);
      return;
    }
    const unsigned rest = size - room;
    Store(word_ | value >> rest);
    word_ = rest == 0 ? 0 : value << (64 - rest);
    used_ = rest;
  }
  // The end of what was written.
  uint8_t* Finish() {
    const unsigned bytes = (used_ + 7) / 8;
    Store(word_);
    return out_ - 8 + bytes;
  }

 private:
  void Store(uint64_t word) {
    word = __builtin_bswap64(word);
    std::memcpy(out_, &word, 8);
    out_ += 8;
  }
  uint8_t* out_;
  uint64_t word_ = 0;
  unsigned used_ = 0;
};

void PutUvarint(uint64_t v, BitSink* out) {
  for (; v >= 0x80; v >>= 7) out->Put((v & 0x7f) | 0x80, 8);
  out->Put(v, 8);
}

// Prometheus' buckets go from -2^(n-1)+1 to 2^(n-1).
bool PutBucket(int64_t dod, uint64_t prefix, unsigned prefix_size, unsigned n, BitSink* out) {
  const int64_t half = int64_t{1} << (n - 1);
  if (dod <= -half || dod > half) return false;
  const uint64_t mask = (uint64_t{1} << n) - 1;
  out->Put(prefix << n | (static_cast<uint64_t>(dod) & mask), prefix_size + n);
  return true;
}

void PutDeltaOfDelta(int64_t dod, BitSink* out) {
  if (dod == 0) return out->Put(0, 1);
  if (PutBucket(dod, 0b10, 2, 14, out) || PutBucket(dod, 0b110, 3, 17, out) ||
      PutBucket(dod, 0b1110, 4, 20, out)) {
    return;
  }
  out->Put(0b1111, 4);
  out->Put(static_cast<uint64_t>(dod), 64);
}

}  // namespace

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
  size_ = static_cast<size_t>(out.Finish() - bytes_);
}

}  // namespace narthex::tsdb
