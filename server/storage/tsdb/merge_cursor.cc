#include "server/storage/tsdb/merge_cursor.h"

#include <algorithm>

namespace narthex::tsdb {

MergeCursor::MergeCursor(const storage::SeriesList* list)
    : list_(list), known_(new Known[size_t{1} << kKnownBits]) {
  Load();
}

void MergeCursor::Advance() {
  ++index_;
  Load();
}

void MergeCursor::Load() {
  if (ended()) return;
  numbered_ = list_->LabelIds(index_, &ids_);
  if (numbered_) return;
  labels_ = list_->labels(index_);
  texts_.assign(labels_.begin(), labels_.end());
  ids_.resize(texts_.size());
}

std::strong_ordering MergeCursor::Compare(const MergeCursor& other) {
  const bool remember = numbered_ && other.numbered_;
  for (size_t i = 0; i < std::min(ids_.size(), other.ids_.size()); ++i) {
    Known& known = PlaceOf(ids_[i]);
    if (remember && known.other == other.list_ && known.mine == ids_[i] &&
        known.theirs == other.ids_[i]) {
      continue;
    }
    const std::strong_ordering order = Text(i) <=> other.Text(i);
    if (order != 0) return order;
    if (remember) known = {other.list_, ids_[i], other.ids_[i]};
  }
  return ids_.size() <=> other.ids_.size();
}

}  // namespace narthex::tsdb
