#include "core/base/resident_pages.h"

#include <sys/mman.h>

namespace narthex {
namespace {

constexpr size_t kLimit = 4 << 20;

size_t Words(size_t blocks) { return (blocks + 63) / 64; }

}  // namespace

ResidentPages& ResidentPages::OfProcess() {
  static ResidentPages* const pages = new ResidentPages(kLimit);
  return *pages;
}

ResidentPages::Mapping::Mapping(ResidentPages* all, const char* data, size_t size)
    : all_(all),
      data_(data),
      size_(size),
      touched_(new std::atomic<uint64_t>[Words(size / kBlock + 1)]()) {
  MutexLock lock(all_->mutex_);
  all_->mappings_.push_back(this);
}

ResidentPages::Mapping::~Mapping() {
  MutexLock lock(all_->mutex_);
  std::erase(all_->mappings_, this);
}

void ResidentPages::Mapping::Touch(size_t offset) {
  const size_t block = offset / kBlock;
  const uint64_t bit = uint64_t{1} << (block % 64);
  std::atomic<uint64_t>& word = touched_[block / 64];
  if ((word.load(std::memory_order_relaxed) & bit) != 0) return;
  if ((word.fetch_or(bit, std::memory_order_relaxed) & bit) != 0) return;
  any_.store(true, std::memory_order_relaxed);
  all_->CountBlock();
}

// Who touches something meanwhile may find it gone, and brings it back.
void ResidentPages::Mapping::Drop() {
  if (!any_.exchange(false, std::memory_order_relaxed)) return;
  for (size_t i = 0; i < Words(size_ / kBlock + 1); ++i) {
    touched_[i].store(0, std::memory_order_relaxed);
  }
  ::madvise(const_cast<char*>(data_), size_, MADV_DONTNEED);
}

void ResidentPages::CountBlock() {
  if (blocks_.fetch_add(1, std::memory_order_relaxed) + 1 < limit_blocks_) return;
  MutexLock lock(mutex_);
  if (blocks_.load(std::memory_order_relaxed) >= limit_blocks_) DropLocked();
}

void ResidentPages::Drop() {
  MutexLock lock(mutex_);
  DropLocked();
}

void ResidentPages::DropLocked() {
  blocks_.store(0, std::memory_order_relaxed);
  for (Mapping* mapping : mappings_) mapping->Drop();
}

}  // namespace narthex
