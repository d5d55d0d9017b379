#pragma once
// Small helpers of the scrape parsers.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/labels/labels.h"

namespace narthex {

// Sorts by name, leaves out empty values, and builds; a name that occurs twice is an error in the
// words of the storage: label name "a" is not unique: invalid sample.
StatusOr<Labels> SortedLabels(std::vector<Label>* labels);

// Undoes \\ and \n, and \" when `quotes`. Any other backslash stays.
void UnescapeTo(std::string_view text, bool quotes, std::string* out);

}  // namespace narthex
