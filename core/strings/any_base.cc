#include "core/strings/any_base.h"

#include <cctype>
#include <charconv>
#include <utility>

#include "core/strings/quote.h"

namespace narthex {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The base that a prefix of digits tells, and the prefix's length.
std::pair<int, size_t> BaseOf(std::string_view digits) {
  if (digits.size() < 2 || digits[0] != '0') return {10, 0};
  switch (digits[1]) {
    case 'x':
    case 'X': return {16, 2};
    case 'o':
    case 'O': return {8, 2};
    case 'b':
    case 'B': return {2, 2};
    default: return {8, 1};
  }
}

}  // namespace

std::optional<std::string> WithoutUnderscores(std::string_view number) {
  const bool hex = BaseOf(number).first == 16;
  const auto separable = [&](size_t i) {
    if (i < BaseOf(number).second) return true;
    return hex ? std::isxdigit(static_cast<unsigned char>(number[i])) != 0 : IsDigit(number[i]);
  };
  std::string plain;
  for (size_t i = 0; i < number.size(); ++i) {
    if (number[i] != '_') {
      plain.push_back(number[i]);
    } else if (i == 0 || i + 1 == number.size() || !separable(i - 1) || !separable(i + 1)) {
      return std::nullopt;
    }
  }
  return plain;
}

StatusOr<int64_t> ParseIntOfAnyBase(std::string_view text) {
  const auto failed = [text](std::string_view why) {
    return InvalidArgument("strconv.ParseInt: parsing {}: {}", GoQuote(text), why);
  };
  const bool negative = text.starts_with('-');
  const auto plain = WithoutUnderscores(text.substr(negative || text.starts_with('+')));
  if (!plain) return failed("invalid syntax");
  const auto [base, prefix] = BaseOf(*plain);
  const char* const end = plain->data() + plain->size();
  uint64_t magnitude = 0;
  const auto read = std::from_chars(plain->data() + prefix, end, magnitude, base);
  if (read.ptr != end || read.ec == std::errc::invalid_argument) return failed("invalid syntax");
  const uint64_t most = static_cast<uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  if (read.ec != std::errc() || magnitude > most) return failed("value out of range");
  return static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
}

}  // namespace narthex
