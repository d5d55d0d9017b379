#include "server/remote/incoming_labels.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/labels/names.h"
#include "core/strings/quote.h"

namespace narthex::remote {

IncomingLabels::Verdict IncomingLabels::Finish() {
  const auto by_name = [](const Label& a, const Label& b) { return a.name < b.name; };
  if (!std::is_sorted(labels_.begin(), labels_.end(), by_name)) {
    std::stable_sort(labels_.begin(), labels_.end(), by_name);
  }
  bool named = false;
  bool valid = true;
  bool duplicate = false;
  for (size_t i = 0; i < labels_.size(); ++i) {
    const Label& label = labels_[i];
    if (label.name == kMetricNameLabel) {
      named = true;
      valid &= IsValidMetricName(label.value, NameValidation::kUtf8);
    }
    valid &= IsValidLabelName(label.name, NameValidation::kUtf8) && IsValidLabelValue(label.value);
    duplicate |= i > 0 && labels_[i - 1].name == label.name;
  }
  if (!named || !valid) return Verdict::kInvalid;
  return duplicate ? Verdict::kDuplicate : Verdict::kOk;
}

Labels IncomingLabels::Build() {
  size_t bytes = 0;
  for (const Label& label : labels_) bytes += label.name.size() + label.value.size() + 10;
  std::string flat;
  flat.reserve(bytes);
  ByteWriter out(&flat);
  for (const Label& label : labels_) {
    if (label.value.empty()) continue;
    out.UvarintString(label.name);
    out.UvarintString(label.value);
  }
  return Labels::FromFlat(std::move(flat));
}

std::string IncomingLabels::Describe() const {
  constexpr size_t kLongest = 1000;
  std::string out = "{";
  for (const Label& label : labels_) {
    if (out.size() > 1) out += ", ";
    out += GoQuote(label.name.substr(0, kLongest)) + "=" + GoQuote(label.value.substr(0, kLongest));
    if (out.size() > kLongest) return out + "…";
  }
  return out + "}";
}

}  // namespace narthex::remote
