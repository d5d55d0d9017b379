#pragma once
// UTF-8, one rune at a time, with Go's treatment of what is not UTF-8.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace narthex {

inline constexpr char32_t kRuneError = 0xFFFD;

struct DecodedRune {
  char32_t rune = kRuneError;
  size_t width = 0;    // bytes; 0 for empty input, 1 for an invalid byte
  bool valid = false;  // false: rune is kRuneError and width at most 1
};

// utf8.DecodeRune: surrogates, overlong forms and values over U+10FFFF are invalid.
DecodedRune DecodeRune(std::string_view text);
// Appends U+FFFD for what is no rune.
void AppendRune(std::string* out, char32_t rune);
// unicode.IsPrint: letters, marks, numbers, punctuation, symbols and the ASCII space.
bool IsPrintableRune(char32_t rune);
// unicode.IsSpace.
bool IsSpaceRune(char32_t rune);

// Whether all of the text is ASCII, eight bytes at a time.
inline bool IsAscii(std::string_view text) {
  uint64_t high = 0;
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    high |= word;
  }
  for (; i < text.size(); ++i) high |= static_cast<unsigned char>(text[i]);
  return (high & 0x8080808080808080ULL) == 0;
}

}  // namespace narthex
