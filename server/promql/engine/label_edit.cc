#include "server/promql/engine/label_edit.h"

#include <algorithm>
#include <cstring>

#include "core/base/bytes.h"
#include "core/labels/metadata_labels.h"

namespace narthex::promql {
namespace {

void AppendFlat(std::string* out, const Label& label) {
  ByteWriter writer(out);
  writer.UvarintString(label.name);
  writer.UvarintString(label.value);
}

}  // namespace

// In place: it is done to all series of a query.
Labels DropMetricName(Labels labels) {
  std::string flat = std::move(labels).ReleaseFlat();
  const char* const end = flat.data() + flat.size();
  size_t kept = 0;
  for (Labels::Iterator it(flat.data(), end); it != Labels::Iterator(end, end);) {
    const std::string_view pair = it.flat();
    const bool dropped = IsMetadataLabel(it->name);
    ++it;
    if (dropped) continue;
    std::memmove(flat.data() + kept, pair.data(), pair.size());
    kept += pair.size();
  }
  flat.resize(kept);
  return Labels::FromFlat(std::move(flat));
}

void DropMetricName(LabelsBuilder* labels) {
  for (const std::string_view name : {kMetricNameLabel, kTypeLabel, kUnitLabel}) labels->Del(name);
}

bool AnyTypeOrUnit(std::span<const Labels> series) {
  return std::any_of(series.begin(), series.end(), [](const Labels& labels) {
    for (const Label& label : labels) {
      if (label.name > kUnitLabel) return false;
      if (IsMetadataLabel(label.name) && label.name != kMetricNameLabel) return true;
    }
    return false;
  });
}

LabelSelection::LabelSelection(std::vector<std::string> names, bool without)
    : names_(std::move(names)), without_(without) {
  if (without_) names_.emplace_back(kMetricNameLabel);
  std::sort(names_.begin(), names_.end());
  names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
}

void LabelSelection::SelectInto(const Labels& labels, std::string* out) const {
  out->clear();
  auto name = names_.begin();
  for (const Label& label : labels) {
    while (name != names_.end() && *name < label.name) ++name;
    const bool listed = name != names_.end() && *name == label.name;
    if (listed != without_) AppendFlat(out, label);
  }
}

Labels LabelSelection::Select(const Labels& labels) const {
  std::string flat;
  SelectInto(labels, &flat);
  return Labels::FromFlat(std::move(flat));
}

}  // namespace narthex::promql
