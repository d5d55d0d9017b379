#pragma once
// The variable-length integers of histogram chunks: a prefix of ones says how many bits follow.
//
//   0 | 10+3 | 110+6 | 1110+9 | 11110+12 | 111110+18 | 1111110+25 | 11111110+56 | 11111111+64 bits
//
// Signed numbers are two's complement in the range (-2^(n-1), 2^(n-1)].

#include <bit>
#include <cstdint>

#include "server/storage/tsdb/chunkenc/bits.h"

namespace narthex::tsdb {

inline constexpr unsigned kVarbitSizes[] = {0, 3, 6, 9, 12, 18, 25, 56, 64};

namespace varbit_internal {

template <typename Writer>
void Put(uint64_t v, unsigned size_class, Writer* out) {
  const unsigned ones = size_class;
  if (ones < 8) {
    out->Put(((uint64_t{1} << ones) - 1) << 1, ones + 1);
  } else {
    out->Put(0xff, 8);
  }
  if (ones > 0) out->Put(v, kVarbitSizes[size_class]);
}

inline unsigned GetClass(BitReader* in) {
  unsigned ones = 0;
  while (ones < 8 && in->Bit()) ++ones;
  return ones;
}

}  // namespace varbit_internal

inline void PutVarbitUint(uint64_t v, BitWriter* out) {
  unsigned c = 0;
  const auto width = static_cast<unsigned>(std::bit_width(v));
  while (kVarbitSizes[c] < width) ++c;
  varbit_internal::Put(v, c, out);
}

inline void PutVarbitInt(int64_t v, BitWriter* out) {
  // -2^(n-1)+1 … 2^(n-1) moved to 0 … 2^n-1; wraps for what only 64 bits hold.
  const auto bits = static_cast<uint64_t>(v);
  unsigned c = v == 0 ? 0 : 1;
  while (c > 0 && c < 8) {
    const unsigned n = kVarbitSizes[c];
    if (bits + (uint64_t{1} << (n - 1)) - 1 < uint64_t{1} << n) break;
    ++c;
  }
  varbit_internal::Put(bits, c, out);
}

inline uint64_t GetVarbitUint(BitReader* in) {
  return in->Get(kVarbitSizes[varbit_internal::GetClass(in)]);
}

inline int64_t GetVarbitInt(BitReader* in) {
  const unsigned n = kVarbitSizes[varbit_internal::GetClass(in)];
  uint64_t bits = in->Get(n);
  if (n > 0 && n < 64 && bits > uint64_t{1} << (n - 1)) bits -= uint64_t{1} << n;
  return static_cast<int64_t>(bits);
}

}  // namespace narthex::tsdb
