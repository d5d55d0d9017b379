#include "server/storage/tsdb/wal/wal_format.h"

#include <bit>
#include <cstring>

#include "core/base/crc32c.h"
#include "core/base/decimal.h"

namespace narthex::tsdb {
namespace {

constexpr unsigned kMostExponent = 8;  // three bits
constexpr uint8_t kDecimalFlag = 0x80;

unsigned BytesOf(uint64_t v) {
  return v == 0 ? 1 : (71 - static_cast<unsigned>(std::countl_zero(v))) / 8;
}

// What a difference is taken to; what the scale does not have counts as zero: both sides know it.
int64_t Base(uint64_t previous, unsigned exponent) {
  int64_t from = 0;
  return ScaleDecimal(previous, exponent, &from) ? from : 0;
}

char* PutBytes(uint8_t head, uint64_t v, unsigned bytes, char* out) {
  *out++ = static_cast<char>(head | (bytes - 1) << 4);
  std::memcpy(out, &v, sizeof v);
  return out + bytes;
}

// Wraps on damaged input instead of overflowing.
int64_t Sum(int64_t from, int64_t delta) {
  return static_cast<int64_t>(static_cast<uint64_t>(from) + static_cast<uint64_t>(delta));
}

}  // namespace

void AppendFrame(RecordType type, std::string_view payload, std::string* out) {
  const char head[2] = {static_cast<char>(type), 0};
  const uint32_t crc = Crc32c(payload, Crc32c({head, 2}));
  ByteWriter writer(out);
  writer.Le32(static_cast<uint32_t>(payload.size()));
  writer.Le32(crc);
  writer.Bytes({head, 2});
  writer.Bytes(payload);
}

char* EncodeWalValue(uint64_t previous, uint64_t bits, char* out) {
  int64_t to = 0;
  if (ScaleDecimal(bits, 0, &to)) {
    uint64_t v = ZigZagEncode(to - Base(previous, 0)) << 1;
    for (; v >= 0x80; v >>= 7) *out++ = static_cast<char>(v | 0x80);
    *out++ = static_cast<char>(v);
    return out;
  }
  const uint64_t delta = previous ^ bits;
  const unsigned trailing = delta == 0 ? 7 : static_cast<unsigned>(std::countr_zero(delta)) / 8;
  const uint64_t rest = delta >> (trailing * 8);
  const unsigned bytes = BytesOf(rest);
  unsigned exponent = 0;
  if (bytes > 1 && FindDecimal(bits, kMostExponent, &exponent, &to)) {
    const uint64_t step = ZigZagEncode(to - Base(previous, exponent));
    const unsigned step_bytes = BytesOf(step);
    if (step_bytes < bytes) {
      const auto head = static_cast<uint8_t>(kDecimalFlag | (exponent - 1) << 1 | 1);
      return PutBytes(head, step, step_bytes, out);
    }
  }
  return PutBytes(static_cast<uint8_t>(trailing << 1 | 1), rest, bytes, out);
}

void EncodeWalValue(uint64_t previous, uint64_t bits, std::string* out) {
  char buffer[kMaxWalValue];
  out->append(buffer, static_cast<size_t>(EncodeWalValue(previous, bits, buffer) - buffer));
}

uint64_t DecodeWalValue(uint64_t previous, ByteReader* in) {
  const std::string_view rest = in->rest();
  if (rest.empty() || (rest[0] & 1) == 0) {
    const int64_t delta = ZigZagDecode(in->Uvarint() >> 1);
    return UnscaleDecimal(Sum(Base(previous, 0), delta), 0);
  }
  const uint8_t head = in->U8();
  const unsigned low = head >> 1 & 7;
  uint64_t value = 0;
  const unsigned bytes = (head >> 4 & 7) + 1u;
  for (unsigned i = 0; i < bytes; ++i) value |= uint64_t{in->U8()} << (8 * i);
  if ((head & kDecimalFlag) == 0) return previous ^ (value << (low * 8));
  const unsigned exponent = low + 1;
  return UnscaleDecimal(Sum(Base(previous, exponent), ZigZagDecode(value)), exponent);
}

}  // namespace narthex::tsdb
