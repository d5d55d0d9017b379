#include "core/exposition/number.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "core/strings/quote.h"

namespace narthex {
namespace {

// inf, infinity and nan, as Go's strconv reads them.
bool ParseSpecial(std::string_view text, double* out) {
  bool sign = !text.empty() && (text[0] == '+' || text[0] == '-');
  std::string_view word = text.substr(sign ? 1 : 0);
  if (EqualsIgnoreCase(word, "inf") || EqualsIgnoreCase(word, "infinity")) {
    *out = text[0] == '-' ? -std::numeric_limits<double>::infinity()
                          : std::numeric_limits<double>::infinity();
    return true;
  }
  if (!sign && EqualsIgnoreCase(word, "nan")) {
    *out = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  return false;
}

// from_chars knows underflow and overflow as one error; only overflow is one for Go.
bool Underflows(std::string_view text) {
  size_t e = text.find_first_of("eE");
  if (e != std::string_view::npos && e + 1 < text.size()) {
    std::string_view mantissa = text.substr(0, e);
    // A long run of digits may outweigh the sign of the exponent, but from_chars' limit is far off.
    int64_t exponent = 0;
    std::string_view digits = text.substr(e + 1);
    if (digits[0] == '+') digits.remove_prefix(1);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (error != std::errc()) return digits[0] == '-';
    size_t point = mantissa.find('.');
    std::string_view whole = mantissa.substr(0, point);
    size_t first = whole.find_first_of("123456789");
    if (first != std::string_view::npos) {
      exponent += static_cast<int64_t>(whole.size() - first);
    } else if (point != std::string_view::npos) {
      size_t zeros = mantissa.substr(point + 1).find_first_of("123456789");
      exponent -= zeros == std::string_view::npos ? 0 : static_cast<int64_t>(zeros);
    }
    return exponent < 0;
  }
  // Without an exponent only a number starting with zeros can be tiny.
  return text.find_first_of("123456789") > text.find('.');
}

}  // namespace

FloatError ParseGoFloatSlow(std::string_view text, double* out) {
  if (text.find_first_of("pP_") != std::string_view::npos) return FloatError::kCharacter;
  if (ParseSpecial(text, out)) return FloatError::kNone;
  std::string_view number = text;
  bool negative = false;
  if (!number.empty() && (number[0] == '+' || number[0] == '-')) {
    negative = number[0] == '-';
    number.remove_prefix(1);
  }
  // What from_chars would take beyond Go: a second sign, "inf" and "nan" prefixes.
  bool starts_well =
      !number.empty() && (number[0] == '.' || (number[0] >= '0' && number[0] <= '9'));
  if (!starts_well) return FloatError::kSyntax;
  double value = 0;
  const char* end = number.data() + number.size();
  auto [stop, error] = std::from_chars(number.data(), end, value);
  if (error == std::errc::invalid_argument || stop != end) return FloatError::kSyntax;
  if (error == std::errc::result_out_of_range) {
    if (!Underflows(number)) return FloatError::kRange;
    value = 0;
  }
  *out = negative ? -value : value;
  return FloatError::kNone;
}

std::string GoFloatErrorText(FloatError error, std::string_view text) {
  switch (error) {
    case FloatError::kNone: break;
    case FloatError::kCharacter: return "unsupported character in float";
    case FloatError::kSyntax:
      return "strconv.ParseFloat: parsing " + GoQuote(text) + ": invalid syntax";
    case FloatError::kRange:
      return "strconv.ParseFloat: parsing " + GoQuote(text) + ": value out of range";
  }
  return "";
}

}  // namespace narthex
