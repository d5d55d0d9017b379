#pragma once
// Doubles that are decimals with few digits as integers: v = m / 10^e, where that quotient gives
// back v to the bit. -0, NaN and infinities never are.

#include <bit>
#include <cmath>
#include <cstdint>

namespace narthex {

inline constexpr double kDecimalPowers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
inline constexpr unsigned kMaxDecimalExponent = 9;

// The integer below 2^53 in magnitude with double(m) / 10^e == v to the bit; false: there is none.
inline bool ScaleDecimal(uint64_t bits, unsigned e, int64_t* m) {
  constexpr double kLimit = 9007199254740992.0;  // 2^53
  const double v = std::bit_cast<double>(bits);
  if (e == 0) {
    if (!(std::fabs(v) < kLimit)) return false;
    *m = static_cast<int64_t>(v);
    return std::bit_cast<uint64_t>(static_cast<double>(*m)) == bits;
  }
  const double scaled = v * kDecimalPowers[e];
  if (!(std::fabs(scaled) < kLimit)) return false;
  *m = static_cast<int64_t>(scaled + (scaled < 0 ? -0.5 : 0.5));
  return std::bit_cast<uint64_t>(static_cast<double>(*m) / kDecimalPowers[e]) == bits;
}

inline uint64_t UnscaleDecimal(int64_t m, unsigned e) {
  return std::bit_cast<uint64_t>(static_cast<double>(m) / kDecimalPowers[e]);
}

// The smallest exponent from 1 to `most` under which v is an integer, and that integer. May miss
// integers of 2^50 and more.
//
// What is a decimal with e digits is one with more, as long as the integer stays small enough for
// its errors of rounding to stay below one half: both quotients are the correctly rounded value of
// the same fraction. So one look at the largest exponent decides.
inline bool FindDecimal(uint64_t bits, unsigned most, unsigned* exponent, int64_t* m) {
  constexpr double kLimit = 1125899906842624.0;  // 2^50
  const double magnitude = std::fabs(std::bit_cast<double>(bits));
  unsigned e = most;
  while (e > 0 && !(magnitude * kDecimalPowers[e] < kLimit)) --e;
  if (e == 0 || !ScaleDecimal(bits, e, m)) return false;
  while (e > 1 && *m % 10 == 0) {
    *m /= 10;
    --e;
  }
  *exponent = e;
  return true;
}

}  // namespace narthex
