#include "core/exposition/label_text.h"

#include <algorithm>

#include "core/base/bytes.h"

namespace narthex {

StatusOr<Labels> SortedLabels(std::vector<Label>* labels) {
  auto by_name = [](const Label& a, const Label& b) { return a.name < b.name; };
  if (!std::is_sorted(labels->begin(), labels->end(), by_name)) {
    std::stable_sort(labels->begin(), labels->end(), by_name);
  }
  size_t bytes = 0;
  for (size_t i = 0; i < labels->size(); ++i) {
    const Label& label = (*labels)[i];
    if (i > 0 && (*labels)[i - 1].name == label.name) {
      return InvalidArgument("label name \"{}\" is not unique: invalid sample", label.name);
    }
    bytes += label.name.size() + label.value.size() + 4;
  }
  std::string flat;
  flat.reserve(bytes);
  ByteWriter writer(&flat);
  for (const Label& label : *labels) {
    if (label.value.empty()) continue;
    writer.UvarintString(label.name);
    writer.UvarintString(label.value);
  }
  return Labels::FromFlat(std::move(flat));
}

void UnescapeTo(std::string_view text, bool quotes, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == '\\' || next == 'n' || (quotes && next == '"')) {
      out->push_back(next == 'n' ? '\n' : next);
      ++i;
    } else {
      out->push_back(text[i]);
    }
  }
}

}  // namespace narthex
