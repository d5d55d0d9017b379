#include "core/base/bytes.h"

namespace narthex {

uint64_t ByteReader::LongUvarint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (p_ == end_) break;
    const auto byte = static_cast<uint8_t>(*p_++);
    if (shift == 63 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  Fail();
  return 0;
}

// The last byte of each has its highest bit clear: those are counted, eight bytes at once.
void ByteReader::SkipUvarints(size_t n) {
  constexpr uint64_t kHighest = 0x8080808080808080;
  while (n >= 8 && remaining() >= 8) {
    uint64_t word;
    std::memcpy(&word, p_, sizeof word);
    n -= ((~word & kHighest) >> 7) * 0x0101010101010101 >> 56;
    p_ += sizeof word;
  }
  for (; n > 0; ++p_) {
    if (p_ == end_) return Fail();
    if (static_cast<uint8_t>(*p_) < 0x80) --n;
  }
}

}  // namespace narthex
