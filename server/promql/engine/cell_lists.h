#pragma once
// A list for every group and step, made in blocks of 64 steps when first needed: many groups over
// many steps cost only where there are samples.

#include <algorithm>
#include <cstddef>
#include <vector>

#include "server/promql/engine/context.h"
#include "server/promql/engine/tile.h"

namespace narthex::promql {

template <typename T>
class CellLists {
 public:
  CellLists(QueryContext& context, size_t groups, size_t steps)
      : words_(PresenceWords(steps)),
        lanes_(std::min<size_t>(steps, 64)),
        hold_(context.NewHold()) {
    if (hold_.Grow(groups * words_ * sizeof(Block))) blocks_.resize(groups * words_);
  }

  std::vector<T>& at(size_t group, size_t step) {
    Block& block = blocks_[group * words_ + step / 64];
    if (block.empty()) {
      hold_.Grow(lanes_ * sizeof(std::vector<T>));
      block.resize(lanes_);
    }
    return block[step % 64];
  }

  bool Empty(size_t group) const {
    for (size_t w = 0; w < words_; ++w) {
      if (!blocks_[group * words_ + w].empty()) return false;
    }
    return true;
  }

  // Makes room for one more element. Call before a list grows.
  void MakeRoom(std::vector<T>* list) {
    if (list->size() < list->capacity()) return;
    const size_t capacity = std::max<size_t>(4, 2 * list->capacity());
    hold_.Grow((capacity - list->capacity()) * sizeof(T));
    list->reserve(capacity);
  }

  // Calls visit(step, list) for the lists of a group that are not empty, steps ascending.
  template <typename Visit>
  void ForEach(size_t group, Visit visit) {
    for (size_t w = 0; w < words_; ++w) {
      Block& block = blocks_[group * words_ + w];
      for (size_t i = 0; i < block.size(); ++i) {
        if (!block[i].empty()) visit(w * 64 + i, block[i]);
      }
    }
  }

 private:
  using Block = std::vector<std::vector<T>>;  // empty, or one list a lane
  size_t words_, lanes_;
  MemoryHold hold_;
  std::vector<Block> blocks_;
};

}  // namespace narthex::promql
