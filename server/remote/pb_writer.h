#pragma once
// Writing protobuf by hand, for answers that are made while they are sent. Fields that have their
// default are the caller's to leave out.
//
// Thread safety: functions only.

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

namespace narthex::remote {

inline void PutVarint(uint64_t v, std::string* out) { ByteWriter(out).Uvarint(v); }
inline size_t VarintSize(uint64_t v) {
  return (static_cast<size_t>(std::bit_width(v | 1)) + 6) / 7;
}

inline void PutIntField(uint32_t field, uint64_t v, std::string* out) {
  PutVarint(field << 3, out);
  PutVarint(v, out);
}
inline void PutDoubleField(uint32_t field, double v, std::string* out) {
  PutVarint(field << 3 | 1, out);
  ByteWriter(out).Le64(std::bit_cast<uint64_t>(v));
}
// The beginning of a string or message of so many bytes.
inline void PutLength(uint32_t field, size_t bytes, std::string* out) {
  PutVarint(field << 3 | 2, out);
  PutVarint(bytes, out);
}
inline void PutBytesField(uint32_t field, std::string_view v, std::string* out) {
  PutLength(field, v.size(), out);
  out->append(v);
}

}  // namespace narthex::remote
