#include "core/strings/quote.h"

#include <fmt/format.h>

#include <iterator>

#include "core/strings/utf8.h"

namespace narthex {
namespace {

// The character behind the backslash of a control character with an escape of its own, or 0.
char ShortEscape(char32_t rune) {
  switch (rune) {
    case '\a': return 'a';
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case '\v': return 'v';
    default: return 0;
  }
}

void AppendQuotedRune(std::string* out, const DecodedRune& decoded, uint8_t byte) {
  auto to = std::back_inserter(*out);
  const char32_t rune = decoded.rune;
  if (!decoded.valid) {
    fmt::format_to(to, "\\x{:02x}", byte);
  } else if (rune == '"' || rune == '\\') {
    out->push_back('\\');
    out->push_back(static_cast<char>(rune));
  } else if (IsPrintableRune(rune)) {
    AppendRune(out, rune);
  } else if (const char escape = ShortEscape(rune)) {
    out->push_back('\\');
    out->push_back(escape);
  } else if (rune < 0x20 || rune == 0x7F) {
    fmt::format_to(to, "\\x{:02x}", static_cast<uint32_t>(rune));
  } else if (rune < 0x10000) {
    fmt::format_to(to, "\\u{:04x}", static_cast<uint32_t>(rune));
  } else {
    fmt::format_to(to, "\\U{:08x}", static_cast<uint32_t>(rune));
  }
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Reads `count` digits of `base` from *text; false when there are fewer.
bool TakeDigits(std::string_view* text, size_t count, int base, char32_t* value) {
  if (text->size() < count) return false;
  *value = 0;
  for (size_t i = 0; i < count; ++i) {
    const int digit = HexDigit((*text)[i]);
    if (digit < 0 || digit >= base) return false;
    *value = *value * static_cast<char32_t>(base) + static_cast<char32_t>(digit);
  }
  text->remove_prefix(count);
  return true;
}

bool TakeByte(std::string_view* text, size_t digits, int base, std::string* out) {
  char32_t value = 0;
  if (!TakeDigits(text, digits, base, &value) || value > 0xFF) return false;
  out->push_back(static_cast<char>(value));
  return true;
}

bool TakeRune(std::string_view* text, size_t digits, std::string* out) {
  char32_t value = 0;
  if (!TakeDigits(text, digits, 16, &value)) return false;
  if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return false;
  AppendRune(out, value);
  return true;
}

// *text stands behind a backslash.
bool TakeEscape(std::string_view* text, char quote, std::string* out) {
  if (text->empty()) return false;
  const char c = text->front();
  if (c >= '0' && c <= '7') return TakeByte(text, 3, 8, out);
  text->remove_prefix(1);
  switch (c) {
    case 'a': out->push_back('\a'); return true;
    case 'b': out->push_back('\b'); return true;
    case 'f': out->push_back('\f'); return true;
    case 'n': out->push_back('\n'); return true;
    case 'r': out->push_back('\r'); return true;
    case 't': out->push_back('\t'); return true;
    case 'v': out->push_back('\v'); return true;
    case '\\': out->push_back('\\'); return true;
    case 'x': return TakeByte(text, 2, 16, out);
    case 'u': return TakeRune(text, 4, out);
    case 'U': return TakeRune(text, 8, out);
    case '\'':
    case '"':
      if (c != quote) return false;
      out->push_back(c);
      return true;
    default: return false;
  }
}

}  // namespace

void AppendGoQuoted(std::string* out, std::string_view text) {
  out->push_back('"');
  while (!text.empty()) {
    const DecodedRune decoded = DecodeRune(text);
    AppendQuotedRune(out, decoded, static_cast<uint8_t>(text[0]));
    text.remove_prefix(decoded.width);
  }
  out->push_back('"');
}

std::string GoQuote(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  AppendGoQuoted(&out, text);
  return out;
}

StatusOr<std::string> GoUnquote(std::string_view text) {
  const Status syntax = InvalidArgument("invalid syntax");
  if (text.size() < 2 || text.front() != text.back()) return syntax;
  const char quote = text.front();
  std::string_view body = text.substr(1, text.size() - 2);
  if (quote == '`') {
    if (body.find('`') != std::string_view::npos) return syntax;
    return std::string(body);
  }
  if (quote != '"' && quote != '\'') return syntax;
  std::string out;
  out.reserve(body.size());
  while (!body.empty()) {
    const char c = body.front();
    if (c == quote || c == '\n') return syntax;
    body.remove_prefix(1);
    if (c != '\\') {
      out.push_back(c);
    } else if (!TakeEscape(&body, quote, &out)) {
      return syntax;
    }
  }
  return out;
}

std::string ToValidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_invalid_run = false;
  while (!text.empty()) {
    const DecodedRune decoded = DecodeRune(text);
    if (decoded.valid) {
      out.append(text.substr(0, decoded.width));
    } else if (!in_invalid_run) {
      AppendRune(&out, kRuneError);
    }
    in_invalid_run = !decoded.valid;
    text.remove_prefix(decoded.width);
  }
  return out;
}

size_t RuneCount(std::string_view text) {
  size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(DecodeRune(text).width);
  return count;
}

bool IsValidUtf8Text(std::string_view text) {
  while (!text.empty()) {
    const DecodedRune decoded = DecodeRune(text);
    if (!decoded.valid) return false;
    text.remove_prefix(decoded.width);
  }
  return true;
}

std::string ToLowerAscii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  for (size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::string_view TrimSpace(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string_view> SplitString(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t start = 0;;) {
    const size_t at = text.find(separator, start);
    parts.push_back(text.substr(start, at - start));
    if (at == std::string_view::npos) return parts;
    start = at + 1;
  }
}

std::string JoinStrings(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out.append(separator);
    out.append(parts[i]);
  }
  return out;
}

}  // namespace narthex
