#include "core/strings/numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "core/strings/any_base.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

// The shortest decimal digits that round-trip: value = 0.DIGITS × 10^point.
struct Decimal {
  char digits[24];
  int count = 0;
  int point = 0;
  bool negative = false;
};

// `v` must be finite. std::to_chars and Go's strconv agree on the digits (shortest, then closest).
Decimal ShortestDigits(double v) {
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific).ptr;
  Decimal d;
  const char* p = buffer;
  if (*p == '-') {
    d.negative = true;
    ++p;
  }
  for (; p != end && *p != 'e'; ++p) {
    if (*p != '.') d.digits[d.count++] = *p;
  }
  int exponent = 0;
  if (p != end) {
    ++p;
    if (*p == '+') ++p;
    std::from_chars(p, end, exponent);
  }
  d.point = exponent + 1;
  return d;
}

// strconv's %e: at least two exponent digits.
void AppendExponentForm(std::string* out, const Decimal& d) {
  if (d.negative) out->push_back('-');
  out->push_back(d.digits[0]);
  if (d.count > 1) {
    out->push_back('.');
    out->append(d.digits + 1, d.count - 1);
  }
  const bool zero = d.count == 1 && d.digits[0] == '0';
  int exponent = zero ? 0 : d.point - 1;
  out->push_back('e');
  out->push_back(exponent < 0 ? '-' : '+');
  exponent = std::abs(exponent);
  if (exponent < 10) out->push_back('0');
  out->append(std::to_string(exponent));
}

void AppendPlainForm(std::string* out, const Decimal& d) {
  if (d.negative) out->push_back('-');
  if (d.point <= 0) {
    const bool zero = d.count == 1 && d.digits[0] == '0';
    out->append(zero ? "0" : "0.");
    if (zero) return;
    out->append(static_cast<size_t>(-d.point), '0');
    out->append(d.digits, d.count);
  } else if (d.point >= d.count) {
    out->append(d.digits, d.count);
    out->append(static_cast<size_t>(d.point - d.count), '0');
  } else {
    out->append(d.digits, d.point);
    out->push_back('.');
    out->append(d.digits + d.point, d.count - d.point);
  }
}

bool AppendNonFinite(std::string* out, double v) {
  if (std::isnan(v)) return out->append("NaN"), true;
  if (std::isinf(v)) return out->append(v > 0 ? "+Inf" : "-Inf"), true;
  return false;
}

constexpr char kPairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445"
    "46474849505152535455565758596061626364656667686970717273747576777879808182838485868788899091"
    "9293949596979899";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::optional<double> ParseSpecial(std::string_view text, bool has_sign, bool negative) {
  if (EqualsIgnoreCase(text, "inf") || EqualsIgnoreCase(text, "infinity")) {
    return negative ? -INFINITY : INFINITY;
  }
  if (!has_sign && EqualsIgnoreCase(text, "nan")) return std::nan("");
  return std::nullopt;
}

// from_chars reports overflow and underflow alike; strtod tells them apart. Rare, so slow is fine.
double ParseOutOfRange(std::string_view text) {
  return std::strtod(std::string(text).c_str(), nullptr);
}

std::optional<double> ParseMagnitude(std::string_view text) {
  auto format = std::chars_format::general;
  std::string_view digits = text;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    // Go demands the binary exponent of a hexadecimal float.
    if (text.find_first_of("pP") == std::string_view::npos) return std::nullopt;
    format = std::chars_format::hex;
    digits = text.substr(2);
    if (digits[0] != '.' && !std::isxdigit(static_cast<unsigned char>(digits[0]))) {
      return std::nullopt;
    }
  } else if (!IsDigit(text[0]) && text[0] != '.') {
    return std::nullopt;
  }
  double value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, format);
  if (end != digits.data() + digits.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return ParseOutOfRange(text);
  if (error != std::errc()) return std::nullopt;
  return value;
}

template <typename T>
std::optional<T> ParseWhole(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string FormatFloat(double v) {
  std::string out;
  AppendExpositionFloat(&out, v);
  return out;
}

void AppendExpositionFloat(std::string* out, double v) {
  // Most values are small whole numbers; they need no search for the shortest digits.
  if (v >= 0 && v < 1e6 && v == std::floor(v) && !std::signbit(v)) {
    char buffer[8];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<int32_t>(v)).ptr;
    out->append(buffer, end);
    return;
  }
  if (AppendNonFinite(out, v)) return;
  const Decimal d = ShortestDigits(v);
  const int exponent = v == 0 ? 0 : d.point - 1;
  if (exponent < -4 || exponent >= 6) return AppendExponentForm(out, d);
  AppendPlainForm(out, d);
}

// Needs no search for the shortest digits: no other number of at most 15 digits is that close.
char* FormatShortDecimal(char* to, double v) {
  constexpr uint64_t kScale = 10'000;
  const double magnitude = std::fabs(v);
  if (!(magnitude < 1e11)) return nullptr;
  const auto scaled = static_cast<uint64_t>(static_cast<int64_t>(magnitude * kScale + 0.5));
  if (static_cast<double>(static_cast<int64_t>(scaled)) / kScale != magnitude) return nullptr;
  if (std::signbit(v)) *to++ = '-';
  const uint64_t whole = scaled / kScale;
  const auto decimals = static_cast<uint32_t>(scaled % kScale);
  if (whole < 10) {
    *to++ = static_cast<char>('0' + whole);
  } else if (whole < 100) {
    std::memcpy(to, kPairs + 2 * whole, 2);
    to += 2;
  } else if (whole < 10'000) {
    const char* const high = kPairs + 2 * (whole / 100);
    if (high[0] != '0') *to++ = high[0];
    *to++ = high[1];
    std::memcpy(to, kPairs + 2 * (whole % 100), 2);
    to += 2;
  } else {
    to = std::to_chars(to, to + 16, whole).ptr;
  }
  if (decimals == 0) return to;
  const size_t high = decimals / 100;
  const size_t low = decimals % 100;
  *to = '.';
  std::memcpy(to + 1, kPairs + 2 * high, 2);
  std::memcpy(to + 3, kPairs + 2 * low, 2);
  if (low != 0) return to + (low % 10 != 0 ? 5 : 4);
  return to + (high % 10 != 0 ? 3 : 2);
}

char* FormatApiFloat(char* to, double v) {
  if (char* end = FormatShortDecimal(to, v)) return end;
  const double magnitude = std::fabs(v);
  if (magnitude >= 1e-6 && magnitude < 1e15) {
    return std::to_chars(to, to + kApiFloatBytes, v, std::chars_format::fixed).ptr;
  }
  std::string text;
  if (!AppendNonFinite(&text, v)) {
    const Decimal d = ShortestDigits(v);
    if (magnitude < 1e-6 || magnitude >= 1e21) {
      AppendExponentForm(&text, d);
    } else {
      AppendPlainForm(&text, d);
    }
  }
  return std::copy(text.begin(), text.end(), to);
}

void AppendApiFloat(std::string* out, double v) {
  char buffer[kApiFloatBytes];
  out->append(buffer, FormatApiFloat(buffer, v));
}

std::string FormatFloatE(double v) {
  std::string out;
  if (!AppendNonFinite(&out, v)) AppendExponentForm(&out, ShortestDigits(v));
  return out;
}

std::string FormatFloatF(double v, int precision) {
  std::string out;
  if (AppendNonFinite(&out, v)) return out;
  if (precision < 0) {
    AppendPlainForm(&out, ShortestDigits(v));
    return out;
  }
  // 309 digits before the point at most, a sign and the point.
  out.resize(312 + static_cast<size_t>(precision));
  const auto end =
      std::to_chars(out.data(), out.data() + out.size(), v, std::chars_format::fixed, precision)
          .ptr;
  out.resize(static_cast<size_t>(end - out.data()));
  return out;
}

std::optional<double> ParseFloat(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  const bool has_sign = negative || (!text.empty() && text[0] == '+');
  if (has_sign) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  if (!IsDigit(text[0]) && text[0] != '.') return ParseSpecial(text, has_sign, negative);
  const bool separated = text.find('_') != std::string_view::npos;
  const auto plain = separated ? WithoutUnderscores(text) : std::nullopt;
  if (separated && !plain) return std::nullopt;
  const auto magnitude = ParseMagnitude(plain ? *plain : text);
  if (!magnitude) return std::nullopt;
  return negative ? -*magnitude : *magnitude;
}

std::optional<int64_t> ParseInt(std::string_view text) {
  // from_chars takes no '+', Go does; "+-1" must stay an error.
  if (text.size() > 1 && text[0] == '+' && IsDigit(text[1])) text.remove_prefix(1);
  return ParseWhole<int64_t>(text);
}

std::optional<uint64_t> ParseUint(std::string_view text) { return ParseWhole<uint64_t>(text); }

}  // namespace narthex
