#pragma once
// Small helpers of the scrape parsers.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/exposition/text_reader.h"
#include "core/labels/labels.h"

namespace narthex {

// Sorts by name, leaves out empty values, and builds; a name that occurs twice is an error in the
// words of the storage: label name "a" is not unique: invalid sample.
StatusOr<Labels> SortedLabels(std::vector<Label>* labels);

// Undoes \\ and \n, and \" when `quotes`. Any other backslash stays.
void UnescapeTo(std::string_view text, bool quotes, std::string* out);

// Whether the label's value is a number that is stored in one form: le of a histogram, quantile of
// a summary.
inline bool IsBoundLabel(std::string_view name, ScrapedType type) {
  return (type == ScrapedType::kHistogram && name == kBucketLabel) ||
         (type == ScrapedType::kSummary && name == kQuantileLabel);
}
// That form ("1" becomes "1.0"); what is no number stays. The result is `value` or *scratch, which
// it overwrites; at most 32 bytes longer than `value`.
std::string_view NormalisedBound(std::string_view value, std::string* scratch);

// std::memcpy for texts that are mostly shorter than 16 bytes, without the call.
inline void CopyLabelText(char* to, std::string_view text) {
  const char* from = text.data();
  const size_t n = text.size();
  auto word = [to, from](auto w, size_t at) {
    std::memcpy(&w, from + at, sizeof(w));
    std::memcpy(to + at, &w, sizeof(w));
  };
  if (n > 16) {
    std::memcpy(to, from, n);
  } else if (n >= 8) {
    word(uint64_t{}, 0);
    word(uint64_t{}, n - 8);
  } else if (n >= 4) {
    word(uint32_t{}, 0);
    word(uint32_t{}, n - 4);
  } else {
    for (size_t i = 0; i < n; ++i) to[i] = from[i];
  }
}

// Writes length and text in the format of Labels; gives the byte behind.
inline char* PutLabelText(char* p, std::string_view text) {
  size_t n = text.size();
  for (; n >= 0x80; n >>= 7) *p++ = static_cast<char>(n | 0x80);
  *p++ = static_cast<char>(n);
  CopyLabelText(p, text);
  return p + text.size();
}

}  // namespace narthex
