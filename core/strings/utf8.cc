#include "core/strings/utf8.h"

#include <algorithm>
#include <iterator>

namespace narthex {
namespace {

struct RuneRange {
  char32_t first, last;
};

constexpr RuneRange kPrintable[] = {
#include "core/strings/printable_ranges.inc"
};

// Length and smallest code point of a sequence by its first byte; length 0 for no first byte.
struct LeadByte {
  int length;
  char32_t bits;
  char32_t minimum;
};

LeadByte Classify(uint8_t byte) {
  if ((byte & 0xE0) == 0xC0) return {2, static_cast<char32_t>(byte & 0x1F), 0x80};
  if ((byte & 0xF0) == 0xE0) return {3, static_cast<char32_t>(byte & 0x0F), 0x800};
  if ((byte & 0xF8) == 0xF0) return {4, static_cast<char32_t>(byte & 0x07), 0x10000};
  return {0, 0, 0};
}

}  // namespace

DecodedRune DecodeRune(std::string_view text) {
  if (text.empty()) return {};
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return {first, 1, true};
  const LeadByte lead = Classify(first);
  const DecodedRune invalid{kRuneError, 1, false};
  if (lead.length == 0 || text.size() < static_cast<size_t>(lead.length)) return invalid;
  char32_t rune = lead.bits;
  for (int i = 1; i < lead.length; ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xC0) != 0x80) return invalid;
    rune = (rune << 6) | (byte & 0x3F);
  }
  const bool surrogate = rune >= 0xD800 && rune <= 0xDFFF;
  if (rune < lead.minimum || rune > 0x10FFFF || surrogate) return invalid;
  return {rune, static_cast<size_t>(lead.length), true};
}

void AppendRune(std::string* out, char32_t rune) {
  if (rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF)) rune = kRuneError;
  auto tail = [&](int shift) {
    out->push_back(static_cast<char>(0x80 | ((rune >> shift) & 0x3F)));
  };
  if (rune < 0x80) {
    out->push_back(static_cast<char>(rune));
  } else if (rune < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (rune >> 6)));
    tail(0);
  } else if (rune < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (rune >> 12)));
    tail(6);
    tail(0);
  } else {
    out->push_back(static_cast<char>(0xF0 | (rune >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

bool IsPrintableRune(char32_t rune) {
  if (rune < 0x7F) return rune >= 0x20;
  const auto* range = std::lower_bound(std::begin(kPrintable), std::end(kPrintable), rune,
                                       [](const RuneRange& r, char32_t v) { return r.last < v; });
  return range != std::end(kPrintable) && range->first <= rune;
}

bool IsSpaceRune(char32_t rune) {
  switch (rune) {
    case '\t':
    case '\n':
    case '\v':
    case '\f':
    case '\r':
    case ' ':
    case 0x85:
    case 0xA0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202F:
    case 0x205F:
    case 0x3000: return true;
    default: return rune >= 0x2000 && rune <= 0x200A;
  }
}

}  // namespace narthex
