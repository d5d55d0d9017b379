#pragma once
// Bit streams, most significant bit first, as in Prometheus' chunks.

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::tsdb {

// Writes the low `count` bits (0..64) of `value` at bit position `pos` of zeroed memory.
inline void PutBits(uint8_t* bytes, size_t pos, uint64_t value, unsigned count) {
  if (count < 64) value &= (uint64_t{1} << count) - 1;
  uint8_t* p = bytes + pos / 8;
  unsigned room = 8 - pos % 8;
  while (count > room) {
    *p++ |= static_cast<uint8_t>(value >> (count - room));
    count -= room;
    room = 8;
  }
  *p |= static_cast<uint8_t>((value << (room - count)) & 0xff);
}

// Appends bits to a string.
class BitWriter {
 public:
  // Continues a stream that has `bits` bits in *out.
  BitWriter(std::string* out, size_t bits) : out_(out), bits_(bits) {}
  void Put(uint64_t value, unsigned count) {
    out_->resize((bits_ + count + 7) / 8);
    PutBits(reinterpret_cast<uint8_t*>(out_->data()), bits_, value, count);
    bits_ += count;
  }
  size_t bits() const { return bits_; }

 private:
  std::string* out_;
  size_t bits_;
};

// Reads bits; after reading past the end ok() is false and every read returns zero.
class BitReader {
 public:
  BitReader() = default;
  explicit BitReader(std::string_view data) : BitReader(data.data(), data.size() * 8) {}
  BitReader(const void* data, size_t bits) : data_(static_cast<const uint8_t*>(data)), end_(bits) {}

  bool ok() const { return ok_; }
  size_t remaining() const { return end_ - pos_; }
  bool Bit() { return Get(1) != 0; }
  uint64_t Get(unsigned count) {
    // No bits (which wraps) must not touch the byte behind the last one.
    if (size_t{count} - 1 >= end_ - pos_) return count == 0 ? 0 : Fail();
    uint64_t v = 0;
    const uint8_t* p = data_ + pos_ / 8;
    unsigned have = 8 - pos_ % 8;
    uint64_t byte = *p & (0xffu >> (8 - have));
    pos_ += count;
    while (count > have) {
      v = (v << have) | byte;
      count -= have;
      byte = *++p;
      have = 8;
    }
    return (v << count) | (byte >> (have - count));
  }

 private:
  uint64_t Fail() {
    ok_ = false;
    pos_ = end_;
    return 0;
  }
  const uint8_t* data_ = nullptr;
  size_t pos_ = 0;
  size_t end_ = 0;
  bool ok_ = true;
};

// The leading/trailing-zero window of an XOR value stream (Gorilla, as Prometheus writes it).
struct XorWindow {
  uint8_t leading = 0xff;  // 0xff: none yet
  uint8_t trailing = 0;
};

// Calls put(value, count) for the code of `bits` after `previous`.
template <typename Put>
void EncodeXor(uint64_t previous, uint64_t bits, XorWindow* window, Put&& put) {
  const uint64_t delta = previous ^ bits;
  if (delta == 0) return put(0, 1);
  unsigned leading = static_cast<unsigned>(std::countl_zero(delta));
  const unsigned trailing = static_cast<unsigned>(std::countr_zero(delta));
  if (leading >= 32) leading = 31;  // five bits on the wire
  if (window->leading != 0xff && leading >= window->leading && trailing >= window->trailing) {
    put(0b10, 2);
    return put(delta >> window->trailing, 64u - window->leading - window->trailing);
  }
  window->leading = static_cast<uint8_t>(leading);
  window->trailing = static_cast<uint8_t>(trailing);
  const unsigned significant = 64 - leading - trailing;
  // 64 does not fit six bits and is written as 0, which cannot occur otherwise.
  put(0b11u << 11 | leading << 6 | (significant & 63), 13);
  put(delta >> trailing, significant);
}

inline uint64_t DecodeXor(uint64_t previous, XorWindow* window, BitReader* in) {
  if (!in->Bit()) return previous;
  if (in->Bit()) {
    window->leading = static_cast<uint8_t>(in->Get(5));
    unsigned significant = static_cast<unsigned>(in->Get(6));
    if (significant == 0) significant = 64;
    // A damaged stream may claim more than 64 bits in all.
    if (window->leading + significant > 64) {
      in->Get(64), in->Get(64);
      window->leading = 0;
      significant = 64;
    }
    window->trailing = static_cast<uint8_t>(64 - window->leading - significant);
  } else if (window->leading == 0xff) {
    window->leading = 0;
  }
  const unsigned count = 64u - window->leading - window->trailing;
  return previous ^ (in->Get(count) << window->trailing);
}

}  // namespace narthex::tsdb
