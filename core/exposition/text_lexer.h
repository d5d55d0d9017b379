#pragma once
// Private to text_reader*.cc: tokens and character classes.

#include <array>
#include <cstdint>
#include <string_view>

#include "core/exposition/text_reader.h"

namespace narthex {

enum class TextReader::Token : uint8_t {
  kInvalid,
  kEnd,
  kLinebreak,
  kHelp,
  kType,
  kUnit,
  kEofWord,
  kText,
  kComment,
  kMetricName,
  kQuoted,
  kBraceOpen,
  kBraceClose,
  kLabelName,
  kLabelValue,
  kComma,
  kEqual,
  kTimestamp,
  kValue,
};

namespace text_lexer {

enum : uint8_t { kNameStart = 1, kNameByte = 2, kDigit = 4, kColon = 8 };

constexpr std::array<uint8_t, 256> MakeClasses() {
  std::array<uint8_t, 256> classes{};
  for (int c = 0; c < 256; ++c) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    bool digit = c >= '0' && c <= '9';
    classes[c] = (letter ? kNameStart | kNameByte : 0) | (digit ? kNameByte | kDigit : 0) |
                 (c == ':' ? kColon : 0);
  }
  return classes;
}
inline constexpr std::array<uint8_t, 256> kClasses = MakeClasses();

inline bool Is(int c, uint8_t classes) { return c >= 0 && (kClasses[c & 0xff] & classes) != 0; }

}  // namespace text_lexer

inline int TextReader::At(size_t i) const {
  if (i < body_.size()) return static_cast<unsigned char>(body_[i]);
  // The text dialect behaves as if one more LF stood at the end.
  return dialect_ == TextDialect::kText && i == body_.size() ? '\n' : -1;
}

inline TextReader::Token TextReader::Take(Token token, size_t start, size_t end) {
  start_ = start;
  i_ = end;
  return token;
}

inline void TextReader::SkipBlanks() {
  if (dialect_ == TextDialect::kOpenMetrics) return;
  while (i_ < body_.size() && (body_[i_] == ' ' || body_[i_] == '\t')) ++i_;
}

}  // namespace narthex
