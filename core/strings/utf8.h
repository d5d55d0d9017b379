#pragma once
// UTF-8, one rune at a time, with Go's treatment of what is not UTF-8.

#include <cstdint>
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

}  // namespace narthex
