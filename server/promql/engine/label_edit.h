#pragma once
// Cheap edits of label sets in their flat form, and keys made of some of their labels.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/labels/labels.h"

namespace narthex::promql {

// Without name, type and unit.
Labels DropMetricName(Labels labels);
void DropMetricName(LabelsBuilder* labels);
// Whether any of the series has a type or a unit, so that the name is not all it has to lose.
bool AnyTypeOrUnit(std::span<const Labels> series);

// Which labels take part in a grouping or a match: only these, or all but these and the name.
class LabelSelection {
 public:
  LabelSelection(std::vector<std::string> names, bool without);

  // Replaces *out by the flat form of the selected labels; equal for equal selections.
  void SelectInto(const Labels& labels, std::string* out) const;
  Labels Select(const Labels& labels) const;
  bool selects_nothing() const { return !without_ && names_.empty(); }

 private:
  std::vector<std::string> names_;  // sorted, unique
  bool without_;
};

}  // namespace narthex::promql
