#pragma once
// A place in a list of series that is sorted by labels, while several such lists are merged.
//
// Most series are in most lists, under other numbers in each. That a label of one list is a label
// of another is found out by their texts once and remembered, so that comparing equal label sets
// costs a few nanoseconds a label and none of them is put together.
//
// Not thread-safe.

#include <compare>
#include <cstdint>
#include <memory>
#include <vector>

#include "server/storage/interface.h"

namespace narthex::tsdb {

class MergeCursor {
 public:
  // The list must outlive the cursor.
  explicit MergeCursor(const storage::SeriesList* list);

  bool ended() const { return index_ >= list_->size(); }
  uint32_t index() const { return index_; }
  void Advance();
  // By labels; neither has ended.
  std::strong_ordering Compare(const MergeCursor& other);

 private:
  using LabelId = storage::SeriesList::LabelId;
  // That a label of this list is one of another.
  struct Known {
    const storage::SeriesList* other = nullptr;
    LabelId mine, theirs;
  };
  static constexpr int kKnownBits = 9;

  void Load();
  Label Text(size_t i) const { return numbered_ ? list_->LabelOf(ids_[i]) : texts_[i]; }
  Known& PlaceOf(const LabelId& mine) {
    const uint64_t key = uint64_t{mine.first} << 32 | mine.second;
    return known_[key * 0x9e3779b97f4a7c15 >> (64 - kKnownBits)];
  }

  const storage::SeriesList* list_;
  uint32_t index_ = 0;
  bool numbered_ = false;  // whether the list has numbers for its labels
  std::vector<LabelId> ids_;
  Labels labels_;             // where it has none
  std::vector<Label> texts_;  // of labels_
  std::unique_ptr<Known[]> known_;
};

}  // namespace narthex::tsdb
