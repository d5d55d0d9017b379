#pragma once
// What XOR chunks are written with: a sink of bits and the code of timestamps. That of values is
// EncodeXor.

#include <cstdint>
#include <cstring>

#include "server/storage/tsdb/chunkenc/bits.h"

namespace narthex::tsdb {

// Collects bits in a register and stores eight bytes at a time: up to eight more than are needed.
class BitSink {
 public:
  explicit BitSink(uint8_t* out) : begin_(out), out_(out) {}
  // Goes on in a byte that has `used` bits, up to 7, already.
  BitSink(uint8_t* out, uint8_t first, unsigned used)
      : begin_(out), out_(out), word_(uint64_t{first} << 56), used_(used) {}

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
  // How many bits there are in all. Once.
  size_t Finish() {
    const size_t bits = static_cast<size_t>(out_ - begin_) * 8 + used_;
    Store(word_);
    return bits;
  }

 private:
  void Store(uint64_t word) {
    word = __builtin_bswap64(word);
    std::memcpy(out_, &word, 8);
    out_ += 8;
  }
  const uint8_t* const begin_;
  uint8_t* out_;
  uint64_t word_ = 0;
  unsigned used_ = 0;
};

inline void PutUvarint(uint64_t v, BitSink* out) {
  for (; v >= 0x80; v >>= 7) out->Put((v & 0x7f) | 0x80, 8);
  out->Put(v, 8);
}

// False when it does not fit n bits: Prometheus' buckets go from -2^(n-1)+1 to 2^(n-1).
inline bool PutBucket(int64_t dod, uint64_t prefix, unsigned prefix_size, unsigned n,
                      BitSink* out) {
  const int64_t half = int64_t{1} << (n - 1);
  if (dod <= -half || dod > half) return false;
  const uint64_t mask = (uint64_t{1} << n) - 1;
  out->Put(prefix << n | (static_cast<uint64_t>(dod) & mask), prefix_size + n);
  return true;
}

inline void PutDeltaOfDelta(int64_t dod, BitSink* out) {
  if (dod == 0) return out->Put(0, 1);
  if (PutBucket(dod, 0b10, 2, 14, out) || PutBucket(dod, 0b110, 3, 17, out) ||
      PutBucket(dod, 0b1110, 4, 20, out)) {
    return;
  }
  out->Put(0b1111, 4);
  out->Put(static_cast<uint64_t>(dod), 64);
}

}  // namespace narthex::tsdb
