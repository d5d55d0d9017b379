#pragma once
// What a scraped series is labelled with under type-and-unit-labels.

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/exposition/text_reader.h"
#include "core/labels/metadata_labels.h"

namespace narthex {

// Adds the type and unit that are known, in place of what the series says itself; *empty, the names
// of its labels without a value, no longer has theirs.
inline Labels WithTypeAndUnit(const Labels& labels, ScrapedType type, std::string_view unit,
                              std::vector<std::string_view>* empty) {
  LabelsBuilder builder(labels);
  const auto set = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    builder.Set(name, value);
    std::erase(*empty, name);
  };
  set(kTypeLabel, type == ScrapedType::kUnknown ? std::string_view() : ScrapedTypeName(type));
  set(kUnitLabel, unit);
  return builder.Build();
}

}  // namespace narthex
