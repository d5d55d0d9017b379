#pragma once
// Names as a writer prints them: escaped by scheme, quoted where they are no legacy names.

#include <string>
#include <string_view>

#include "core/labels/names.h"

namespace narthex {

// The name under the scheme; `scratch` holds it when it had to change.
inline std::string_view EscapedName(std::string_view name, NameEscaping scheme,
                                    std::string* scratch) {
  if (scheme == NameEscaping::kAllowUtf8) return name;
  if (scheme != NameEscaping::kDots && IsLegacyMetricName(name)) return name;
  *scratch = EscapeName(name, scheme);
  return *scratch;
}

// A label's value under the scheme: only that of __name__ is a name.
inline std::string_view EscapedLabelValue(std::string_view name, std::string_view value,
                                          NameEscaping scheme, std::string* scratch) {
  return name == "__name__" ? EscapedName(value, scheme, scratch) : value;
}

}  // namespace narthex
