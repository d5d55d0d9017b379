#include "core/labels/names.h"

#include <fmt/format.h>

#include <cstdint>

#include "core/strings/utf8.h"

namespace narthex {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLegacyByte(char c, size_t position) {
  return IsLetter(c) || c == ':' || (IsDigit(c) && position > 0);
}

constexpr uint32_t kInvalidRune = 0xffffffff;

// Decodes one rune and advances; kInvalidRune on malformed input (advances one byte). Rejects
// overlong forms, surrogates and values above U+10FFFF (RFC 3629).
uint32_t NextRune(std::string_view& s) {
  const auto lead = static_cast<uint8_t>(s[0]);
  if (lead < 0x80) {
    s.remove_prefix(1);
    return lead;
  }
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  uint32_t rune = lead & (0xff >> (length + 1));
  const bool bad_lead = lead < 0xc2 || lead > 0xf4;
  if (bad_lead || s.size() < length) {
    s.remove_prefix(1);
    return kInvalidRune;
  }
  for (size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<uint8_t>(s[i]);
    if ((byte & 0xc0) != 0x80) {
      s.remove_prefix(1);
      return kInvalidRune;
    }
    rune = (rune << 6) | (byte & 0x3f);
  }
  const bool overlong = (length == 3 && rune < 0x800) || (length == 4 && rune < 0x10000);
  const bool surrogate = rune >= 0xd800 && rune <= 0xdfff;
  if (overlong || surrogate || rune > 0x10ffff) {
    s.remove_prefix(1);
    return kInvalidRune;
  }
  s.remove_prefix(length);
  return rune;
}

void AppendUtf8(std::string* out, uint32_t rune) {
  if (rune < 0x80) {
    out->push_back(static_cast<char>(rune));
  } else if (rune < 0x800) {
    out->push_back(static_cast<char>(0xc0 | (rune >> 6)));
    out->push_back(static_cast<char>(0x80 | (rune & 0x3f)));
  } else if (rune < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | (rune >> 12)));
    out->push_back(static_cast<char>(0x80 | ((rune >> 6) & 0x3f)));
    out->push_back(static_cast<char>(0x80 | (rune & 0x3f)));
  } else {
    out->push_back(static_cast<char>(0xf0 | (rune >> 18)));
    out->push_back(static_cast<char>(0x80 | ((rune >> 12) & 0x3f)));
    out->push_back(static_cast<char>(0x80 | ((rune >> 6) & 0x3f)));
    out->push_back(static_cast<char>(0x80 | (rune & 0x3f)));
  }
}

std::string EscapeUnderscores(std::string_view name) {
  std::string out;
  for (size_t position = 0; !name.empty(); ++position) {
    const char c = name[0];
    NextRune(name);
    out += IsLegacyByte(c, position) ? c : '_';
  }
  return out;
}

std::string EscapeDots(std::string_view name) {
  std::string out;
  for (size_t position = 0; !name.empty(); ++position) {
    const char c = name[0];
    NextRune(name);
    if (c == '.') {
      out += "_dot_";
    } else if (c != '_' && IsLegacyByte(c, position)) {
      out += c;
    } else {
      out += "__";
    }
  }
  return out;
}

std::string EscapeValues(std::string_view name) {
  std::string out = "U__";
  for (size_t position = 0; !name.empty(); ++position) {
    const char c = name[0];
    const uint32_t rune = NextRune(name);
    if (c == '_') {
      out += "__";
    } else if (IsLegacyByte(c, position)) {
      out += c;
    } else if (rune == kInvalidRune) {
      out += "_FFFD_";
    } else {
      out += fmt::format("_{:x}_", rune);
    }
  }
  return out;
}

// The code point of "_1F600_" behind its first underscore, or nullopt; advances past it.
std::optional<uint32_t> TakeCodePoint(std::string_view& s) {
  uint32_t rune = 0;
  for (size_t i = 0; i < s.size() && i <= 6; ++i) {
    const char c = s[i];
    if (c == '_' && i > 0) {
      s.remove_prefix(i + 1);
      const bool surrogate = rune >= 0xd800 && rune <= 0xdfff;
      return rune > 0x10ffff || surrogate ? std::nullopt : std::optional(rune);
    }
    const int digit = IsDigit(c)             ? c - '0'
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    rune = rune * 16 + static_cast<uint32_t>(digit);
  }
  return std::nullopt;
}

std::string UnescapeValues(std::string_view name) {
  std::string_view rest = name.substr(3);
  std::string out;
  while (!rest.empty()) {
    if (rest[0] != '_') {
      if (!IsLegacyByte(rest[0], 1)) return std::string(name);
      out += rest[0];
      rest.remove_prefix(1);
    } else if (rest.size() > 1 && rest[1] == '_') {
      out += '_';
      rest.remove_prefix(2);
    } else {
      rest.remove_prefix(1);
      const auto rune = TakeCodePoint(rest);
      if (!rune) return std::string(name);
      AppendUtf8(&out, *rune);
    }
  }
  return out;
}

std::string UnescapeDots(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    if (name.starts_with("_dot_")) {
      out += '.';
      name.remove_prefix(5);
    } else if (name.starts_with("__")) {
      out += '_';
      name.remove_prefix(2);
    } else {
      out += name[0];
      name.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace

bool IsValidUtf8(std::string_view s) {
  if (IsAscii(s)) return true;
  while (!s.empty()) {
    if (NextRune(s) == kInvalidRune) return false;
  }
  return true;
}

bool IsLegacyMetricName(std::string_view name) {
  for (size_t i = 0; i < name.size(); ++i) {
    if (!IsLegacyByte(name[i], i)) return false;
  }
  return !name.empty();
}

bool IsLegacyLabelName(std::string_view name) {
  return IsLegacyMetricName(name) && name.find(':') == std::string_view::npos;
}

bool IsValidMetricName(std::string_view name, NameValidation scheme) {
  if (scheme == NameValidation::kLegacy) return IsLegacyMetricName(name);
  return !name.empty() && IsValidUtf8(name);
}

bool IsValidLabelName(std::string_view name, NameValidation scheme) {
  if (scheme == NameValidation::kLegacy) return IsLegacyLabelName(name);
  return !name.empty() && IsValidUtf8(name);
}

std::string EscapeName(std::string_view name, NameEscaping scheme) {
  if (name.empty() || scheme == NameEscaping::kAllowUtf8) return std::string(name);
  if (scheme == NameEscaping::kDots) return EscapeDots(name);
  if (IsLegacyMetricName(name)) return std::string(name);
  return scheme == NameEscaping::kValues ? EscapeValues(name) : EscapeUnderscores(name);
}

std::string UnescapeName(std::string_view name, NameEscaping scheme) {
  if (scheme == NameEscaping::kDots) return UnescapeDots(name);
  if (scheme == NameEscaping::kValues && name.starts_with("U__")) return UnescapeValues(name);
  return std::string(name);
}

std::string_view NameEscapingToString(NameEscaping scheme) {
  switch (scheme) {
    case NameEscaping::kAllowUtf8: return "allow-utf-8";
    case NameEscaping::kUnderscores: return "underscores";
    case NameEscaping::kDots: return "dots";
    case NameEscaping::kValues: return "values";
  }
  return "";
}

std::optional<NameEscaping> ParseNameEscaping(std::string_view text) {
  for (auto scheme : {NameEscaping::kAllowUtf8, NameEscaping::kUnderscores, NameEscaping::kDots,
                      NameEscaping::kValues}) {
    if (text == NameEscapingToString(scheme)) return scheme;
  }
  return std::nullopt;
}

}  // namespace narthex
