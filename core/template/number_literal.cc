#include "core/template/number_literal.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "core/strings/utf8.h"

namespace narthex::tmpl {
namespace {

enum class Integer { kNone, kFitsInt, kFitsUnsigned };

// Integers in every Go base, underscores between digits.
Integer ParseGoInt(std::string_view text, uint64_t* bits) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char kind = static_cast<char>(text[1] | 0x20);
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    text.remove_prefix(kind == 'x' || kind == 'o' || kind == 'b' ? 2 : 1);
  }
  std::string digits(text);
  std::erase(digits, '_');
  uint64_t magnitude = 0;
  auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return Integer::kNone;
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  *bits = negative ? ~magnitude + 1 : magnitude;
  if (magnitude <= kMax + (negative ? 1 : 0)) return Integer::kFitsInt;
  return negative ? Integer::kNone : Integer::kFitsUnsigned;
}

void SetInteger(int64_t value, Node* node) {
  node->is_int = node->is_float = true;
  node->integer = value;
  node->number = static_cast<double>(value);
}

Status ParseCharacter(const Token& token, Node* node) {
  StatusOr<std::string> rune = GoUnquote(token.value);
  const DecodedRune decoded = rune.ok() ? DecodeRune(*rune) : DecodedRune{};
  if (!rune.ok() || rune->empty() || decoded.width != rune->size()) {
    return InvalidArgument("malformed character constant: {}", token.value);
  }
  node->is_char = true;
  SetInteger(static_cast<int64_t>(decoded.rune), node);
  return OkStatus();
}

}  // namespace

Status ParseNumberLiteral(const Token& token, Node* node) {
  if (token.type == TokenType::kCharConstant) return ParseCharacter(token, node);
  if (token.value.ends_with('i')) return InvalidArgument("complex numbers are not implemented");
  uint64_t bits = 0;
  switch (ParseGoInt(token.value, &bits)) {
    case Integer::kFitsInt: SetInteger(static_cast<int64_t>(bits), node); return OkStatus();
    case Integer::kFitsUnsigned:  // a number still, but none that fits where an int must stand
      node->is_float = true;
      node->number = static_cast<double>(bits);
      return OkStatus();
    case Integer::kNone: break;
  }
  std::string digits = token.value;
  std::erase(digits, '_');
  const std::optional<double> number = ParseFloat(digits);
  if (!number.has_value() || std::isinf(*number)) {
    return InvalidArgument("illegal number syntax: {}", GoQuote(token.value));
  }
  if (token.value.find_first_of(".eEpP") == std::string::npos) {
    return InvalidArgument("integer overflow: {}", GoQuote(token.value));
  }
  node->is_float = true;
  node->number = *number;
  // 1e3 is as good an int as 1000.
  constexpr double kBound = 9e18;  // below it every double is in the range of int64_t
  const auto truncated = static_cast<int64_t>(std::clamp(*number, -kBound, kBound));
  if (*number == static_cast<double>(truncated)) {
    node->integer = truncated;
    node->is_int = true;
  }
  return OkStatus();
}

}  // namespace narthex::tmpl
