#pragma once
// The labels that say what a series is: its name, its type ("counter") and its unit ("seconds").
// The latter two come from scrapes under --enable-feature=type-and-unit-labels, or from whoever
// writes them. Operations that make something else of a series drop all three.

#include <string_view>

#include "core/labels/labels.h"

namespace narthex {

inline constexpr std::string_view kTypeLabel = "__type__";
inline constexpr std::string_view kUnitLabel = "__unit__";

constexpr bool IsMetadataLabel(std::string_view name) {
  return name.size() == kMetricNameLabel.size() &&
         (name == kMetricNameLabel || name == kTypeLabel || name == kUnitLabel);
}

}  // namespace narthex
