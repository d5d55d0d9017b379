#pragma once
// Finds the end of a quoted string: 16 bytes at a time where SSE2 is (every x86-64), else one by
// one.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace narthex {

// The first byte of [p, end) that is a quote, a backslash, LF or NUL, or end. Sets *non_ascii when
// a byte before it has its high bit set.
inline const char* ScanQuotedScalar(const char* p, const char* end, bool* non_ascii) {
  for (; p != end; ++p) {
    if (*p == '"' || *p == '\\' || *p == '\n' || *p == '\0') break;
    if (static_cast<unsigned char>(*p) >= 0x80) *non_ascii = true;
  }
  return p;
}

inline const char* ScanQuoted(const char* p, const char* end, bool* non_ascii) {
#ifdef __SSE2__
  const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
  const __m128i newline = _mm_set1_epi8('\n'), zero = _mm_setzero_si128();
  for (; end - p >= 16; p += 16) {
    __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
                               _mm_or_si128(_mm_cmpeq_epi8(v, newline), _mm_cmpeq_epi8(v, zero)));
    auto hits = static_cast<uint32_t>(_mm_movemask_epi8(hit));
    auto high = static_cast<uint32_t>(_mm_movemask_epi8(v));
    if (hits != 0) {
      // Bytes below the lowest hit only.
      if ((high & (hits ^ (hits - 1))) != 0) *non_ascii = true;
      return p + std::countr_zero(hits);
    }
    if (high != 0) *non_ascii = true;
  }
#endif
  return ScanQuotedScalar(p, end, non_ascii);
}

inline bool IsNameByte(char c, bool colons) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         (colons && c == ':');
}

// The first byte of [p, end) that cannot be part of a name, or end.
inline const char* ScanNameScalar(const char* p, const char* end, bool colons) {
  while (p != end && IsNameByte(*p, colons)) ++p;
  return p;
}

inline const char* ScanNameBytes(const char* p, const char* end, bool colons) {
#ifdef __SSE2__
  // x <= k for unsigned bytes.
  auto at_most = [](__m128i x, char k) {
    return _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(k)), x);
  };
  // The colon follows the nine.
  const char last_digit = colons ? 10 : 9;
  for (; end - p >= 16; p += 16) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i lower = _mm_or_si128(v, _mm_set1_epi8(0x20));
    const __m128i letter = at_most(_mm_sub_epi8(lower, _mm_set1_epi8('a')), 25);
    const __m128i digit = at_most(_mm_sub_epi8(v, _mm_set1_epi8('0')), last_digit);
    const __m128i underscore = _mm_cmpeq_epi8(v, _mm_set1_epi8('_'));
    const __m128i name = _mm_or_si128(_mm_or_si128(letter, digit), underscore);
    const auto names = static_cast<uint32_t>(_mm_movemask_epi8(name));
    if (names != 0xffff) return p + std::countr_one(names);
  }
#endif
  return ScanNameScalar(p, end, colons);
}

}  // namespace narthex
