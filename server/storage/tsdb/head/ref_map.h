#pragma once
// References of series to slots, for replay: in pages of 32, since references are given out in a
// row and mostly asked for in a row.
//
// Thread safety: const methods may run concurrently, except Get, which remembers a page.

#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstdint>
#include <memory>

#include "server/storage/tsdb/series/series_index.h"

namespace narthex::tsdb {

class RefMap {
 public:
  // kNoSlot when absent.
  uint32_t Get(uint64_t ref) const {
    const Page* page = Find(ref / kPage);
    return page == nullptr ? kNoSlot : (*page)[ref % kPage];
  }
  void Set(uint64_t ref, uint32_t slot) {
    Page* page = Find(ref / kPage);
    if (page == nullptr) {
      if (slot == kNoSlot) return;
      auto& added = pages_[ref / kPage];
      added = std::make_unique<Page>();
      added->fill(kNoSlot);
      page = last_page_ = added.get();
      last_number_ = ref / kPage;
    }
    (*page)[ref % kPage] = slot;
  }
  // Forgets the references whose slot `gone` names.
  template <typename Fn>
  void EraseIf(Fn&& gone) {
    for (auto& [number, page] : pages_) {
      for (uint32_t& slot : *page) {
        if (slot != kNoSlot && gone(slot)) slot = kNoSlot;
      }
    }
  }

 private:
  static constexpr uint64_t kPage = 32;
  using Page = std::array<uint32_t, kPage>;
  Page* Find(uint64_t number) const {
    if (last_page_ != nullptr && number == last_number_) return last_page_;
    const auto it = pages_.find(number);
    if (it == pages_.end()) return nullptr;
    last_number_ = number;
    return last_page_ = it->second.get();
  }

  absl::flat_hash_map<uint64_t, std::unique_ptr<Page>> pages_;
  mutable uint64_t last_number_ = 0;
  mutable Page* last_page_ = nullptr;
};

}  // namespace narthex::tsdb
