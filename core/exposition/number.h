#pragma once
// Floats as the exposition formats write them. The rules are Go's strconv.ParseFloat without
// what would need 'p' or '_': optional sign, decimal digits, exponent; inf, infinity and (unsigned)
// nan in any case. Overflow is an error.
//
// The fast path takes up to 18 digits and a small power of ten: both are exact doubles, so a single
// correctly rounded division or multiplication gives the nearest double (Clinger 1990). Everything
// else goes to std::from_chars.

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex {

enum class FloatError : uint8_t {
  kNone,
  kCharacter,  // unsupported character in float
  kSyntax,     // invalid syntax
  kRange,      // value out of range
};

// The whole text must be the number.
FloatError ParseGoFloatSlow(std::string_view text, double* out);

// strconv.ParseFloat: parsing "abc": invalid syntax
std::string GoFloatErrorText(FloatError error, std::string_view text);

namespace number_internal {

inline constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                          1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                          1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
inline constexpr int kMaxFastPower = 22;
inline constexpr int kMaxFastDigits = 18;
inline constexpr uint64_t kMaxExactInteger = uint64_t{1} << 53;

// Digits from p on are added to *mantissa; returns the first byte that is none.
inline const char* Digits(const char* p, const char* end, uint64_t* mantissa) {
  for (; p != end; ++p) {
    auto digit = static_cast<unsigned>(static_cast<unsigned char>(*p) - '0');
    if (digit > 9) break;
    *mantissa = *mantissa * 10 + digit;
  }
  return p;
}

}  // namespace number_internal

// Parses a number at the start of [p, end) when it is of the plain kind; returns the first byte
// behind it, or nullptr when the slow path must decide (also when there is no number at all).
inline const char* ParsePlainFloat(const char* p, const char* end, double* out) {
  using namespace number_internal;
  bool negative = false;
  if (p != end && *p == '-') {
    negative = true;
    ++p;
  }
  uint64_t mantissa = 0;
  const char* begin = p;
  p = Digits(p, end, &mantissa);
  int64_t digits = p - begin;
  int64_t power = 0;
  if (p != end && *p == '.') {
    const char* fraction = ++p;
    p = Digits(p, end, &mantissa);
    power = fraction - p;
    digits -= power;
  }
  if (digits == 0 || digits > kMaxFastDigits) return nullptr;
  if (p != end && (*p == 'e' || *p == 'E')) {
    ++p;
    bool minus = false;
    if (p != end && (*p == '+' || *p == '-')) minus = *p++ == '-';
    uint64_t exponent = 0;
    const char* first = p;
    p = Digits(p, end, &exponent);
    if (p == first || p - first > 3) return nullptr;
    power += minus ? -static_cast<int64_t>(exponent) : static_cast<int64_t>(exponent);
  }
  auto value = static_cast<double>(static_cast<int64_t>(mantissa));
  if (power != 0) {
    if (mantissa > kMaxExactInteger || power > kMaxFastPower || power < -kMaxFastPower) {
      return nullptr;
    }
    value = power < 0 ? value / kPowersOfTen[-power] : value * kPowersOfTen[power];
  }
  *out = negative ? -value : value;
  return p;
}

// Milliseconds without a sign and few enough to fit. Returns the first byte behind, or nullptr.
inline const char* ParsePlainMilliseconds(const char* p, const char* end, int64_t* ms) {
  uint64_t v = 0;
  const char* begin = p;
  p = number_internal::Digits(p, end, &v);
  if (p == begin || p - begin > number_internal::kMaxFastDigits) return nullptr;
  *ms = static_cast<int64_t>(v);
  return p;
}

inline FloatError ParseGoFloat(std::string_view text, double* out) {
  const char* end = text.data() + text.size();
  if (ParsePlainFloat(text.data(), end, out) == end && !text.empty()) return FloatError::kNone;
  return ParseGoFloatSlow(text, out);
}

}  // namespace narthex
