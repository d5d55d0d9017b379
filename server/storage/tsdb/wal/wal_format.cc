#include "server/storage/tsdb/wal/wal_format.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "core/base/crc32c.h"

namespace narthex::tsdb {
namespace {

constexpr double kIntLimit = 9007199254740992.0;  // 2^53

// Whether the double is an integer that converts to int64 and back to the same bits.
bool IsInteger(uint64_t bits, int64_t* value) {
  const double v = std::bit_cast<double>(bits);
  if (!(std::fabs(v) < kIntLimit)) return false;
  *value = static_cast<int64_t>(v);
  return std::bit_cast<uint64_t>(static_cast<double>(*value)) == bits;
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
  int64_t from = 0, to = 0;
  if (IsInteger(bits, &to)) {
    // A previous value that is no integer counts as zero: both sides know it.
    if (!IsInteger(previous, &from)) from = 0;
    uint64_t v = ZigZagEncode(to - from) << 1;
    for (; v >= 0x80; v >>= 7) *out++ = static_cast<char>(v | 0x80);
    *out++ = static_cast<char>(v);
    return out;
  }
  const uint64_t delta = previous ^ bits;
  const unsigned trailing = delta == 0 ? 7 : static_cast<unsigned>(std::countr_zero(delta)) / 8;
  const uint64_t rest = delta >> (trailing * 8);
  const unsigned bytes = rest == 0 ? 1 : (71 - static_cast<unsigned>(std::countl_zero(rest))) / 8;
  *out++ = static_cast<char>((bytes - 1) << 4 | trailing << 1 | 1);
  std::memcpy(out, &rest, sizeof rest);
  return out + bytes;
}

void EncodeWalValue(uint64_t previous, uint64_t bits, std::string* out) {
  char buffer[kMaxWalValue];
  out->append(buffer, static_cast<size_t>(EncodeWalValue(previous, bits, buffer) - buffer));
}

uint64_t DecodeWalValue(uint64_t previous, ByteReader* in) {
  const std::string_view rest = in->rest();
  if (!rest.empty() && (rest[0] & 1) != 0) {
    const uint8_t head = in->U8();
    const unsigned trailing = head >> 1 & 7;
    uint64_t delta = 0;
    const unsigned bytes = (head >> 4 & 7) + 1u;
    for (unsigned i = 0; i < bytes; ++i) delta |= uint64_t{in->U8()} << (8 * i);
    return previous ^ (delta << (trailing * 8));
  }
  int64_t from = 0;
  if (!IsInteger(previous, &from)) from = 0;
  const int64_t delta = ZigZagDecode(in->Uvarint() >> 1);
  // Wraps on damaged input instead of overflowing.
  const auto to = static_cast<int64_t>(static_cast<uint64_t>(from) + static_cast<uint64_t>(delta));
  return std::bit_cast<uint64_t>(static_cast<double>(to));
}

}  // namespace narthex::tsdb
