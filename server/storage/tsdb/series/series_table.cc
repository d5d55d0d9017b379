#include "server/storage/tsdb/series/series_table.h"

#include <cstring>
#include <new>

namespace narthex::tsdb {

void ChunkList::Insert(size_t at, const ChunkRef& ref) {
  const size_t n = size();
  if (block_ == nullptr || n == block_->capacity) {
    const size_t capacity = n + n / 2 + 2;
    auto* bigger = static_cast<Block*>(
        std::realloc(static_cast<void*>(block_), sizeof(Block) + capacity * sizeof(ChunkRef)));
    if (bigger == nullptr) throw std::bad_alloc();
    block_ = bigger;
    block_->size = static_cast<uint32_t>(n);
    block_->capacity = static_cast<uint32_t>(capacity);
  }
  std::memmove(block_->refs + at + 1, block_->refs + at, (n - at) * sizeof(ChunkRef));
  block_->refs[at] = ref;
  ++block_->size;
}

void ChunkList::EraseFront(size_t n) {
  if (n == 0) return;
  if (n == size()) {
    std::free(block_);
    block_ = nullptr;
    return;
  }
  std::memmove(block_->refs, block_->refs + n, (block_->size - n) * sizeof(ChunkRef));
  block_->size -= static_cast<uint32_t>(n);
}

SeriesTable::~SeriesTable() {
  for (uint32_t i = 0; i < kSegments; ++i) delete[] segments_[i].load();
}

uint32_t SeriesTable::Allocate() {
  if (!free_.empty()) {
    const uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  if (limit_ == kPerSegment * kSegments) return UINT32_MAX;
  if (limit_ % kPerSegment == 0) {
    segments_[limit_ / kPerSegment].store(new SeriesRecord[kPerSegment], std::memory_order_release);
  }
  return limit_++;
}

void SeriesTable::Free(uint32_t slot) {
  SeriesRecord& record = (*this)[slot];
  record.ref = 0;
  record.chunks.Clear();
  record.home.store(0, std::memory_order_release);
  free_.push_back(slot);
}

}  // namespace narthex::tsdb
