#pragma once
// What may be a name: the legacy rule and the UTF-8 rule, and the escaping schemes that carry
// UTF-8 names to those who only take legacy ones (Prometheus "UTF-8 in Prometheus" documents).

#include <optional>
#include <string>
#include <string_view>

namespace narthex {

enum class NameValidation { kUtf8, kLegacy };
enum class NameEscaping { kAllowUtf8, kUnderscores, kDots, kValues };

bool IsValidUtf8(std::string_view s);
bool IsLegacyMetricName(std::string_view name);  // [a-zA-Z_:][a-zA-Z0-9_:]*
bool IsLegacyLabelName(std::string_view name);   // [a-zA-Z_][a-zA-Z0-9_]*
bool IsValidMetricName(std::string_view name, NameValidation scheme);
bool IsValidLabelName(std::string_view name, NameValidation scheme);
inline bool IsValidLabelValue(std::string_view value) { return IsValidUtf8(value); }

// Names that are legal as they are come back unchanged, except under kDots, which doubles "_".
std::string EscapeName(std::string_view name, NameEscaping scheme);
// Undoes kDots and kValues ("U__…"); anything that is no valid escape comes back unchanged.
std::string UnescapeName(std::string_view name, NameEscaping scheme);
// "allow-utf-8", "underscores", "dots", "values".
std::string_view NameEscapingToString(NameEscaping scheme);
std::optional<NameEscaping> ParseNameEscaping(std::string_view text);

}  // namespace narthex
