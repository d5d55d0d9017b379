#include "server/promql/engine/operator.h"

#include "server/promql/engine/label_edit.h"

namespace narthex::promql {

size_t BytesOf(std::span<const Labels> labels) {
  size_t n = labels.size() * sizeof(Labels);
  for (const Labels& l : labels) n += l.flat().size() + 1;
  return n;
}

void Operator::AdoptLabels(std::vector<Labels> labels) {
  hold_.Grow(BytesOf(labels));
  labels_ = std::move(labels);
}

void Operator::CopyLabels(std::span<const Labels> labels) {
  if (hold_.Grow(BytesOf(labels))) labels_.assign(labels.begin(), labels.end());
}

void Operator::DropNames() {
  if (context_->options().delayed_name_removal) {
    drop_name_.assign(labels_.size(), 1);
    return;
  }
  for (Labels& labels : labels_) labels = DropMetricName(std::move(labels));
}

}  // namespace narthex::promql
