#pragma once
// Quoting and UTF-8 as Go does them.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace narthex {

void AppendGoQuoted(std::string* out, std::string_view text);  // strconv.Quote
std::string GoQuote(std::string_view text);
// Undoes Go string syntax: text with its quotes, any of " ' `.
StatusOr<std::string> GoUnquote(std::string_view text);
// strings.ToValidUTF8: every run of invalid bytes becomes one U+FFFD.
std::string ToValidUtf8(std::string_view text);
// Number of runes (invalid bytes count one each).
size_t RuneCount(std::string_view text);
bool IsValidUtf8Text(std::string_view text);
std::string ToLowerAscii(std::string_view text);
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
std::string_view TrimSpace(std::string_view text);
std::vector<std::string_view> SplitString(std::string_view text, char separator);
std::string JoinStrings(const std::vector<std::string>& parts, std::string_view separator);

}  // namespace narthex
