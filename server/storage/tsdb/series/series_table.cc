#include "server/storage/tsdb/series/series_table.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/base/check.h"

namespace narthex::tsdb {

uint64_t ChunkList::Pack(const ChunkRef& ref, uint32_t base) {
  const bool known = ref.min_second != 0 && ref.min_second != UINT32_MAX && base != 0;
  const uint32_t distance = known ? std::min(ref.min_second - base, kUnknown) : kUnknown;
  return uint64_t{distance} << 43 | uint64_t{ref.offset} << 16 | ref.file;
}

ChunkRef ChunkList::Unpack(uint64_t packed, uint32_t base) {
  const auto distance = static_cast<uint32_t>(packed >> 43);
  return {.min_second = distance == kUnknown ? 0 : base + distance,
          .file = static_cast<uint32_t>(packed & 0xffff),
          .offset = static_cast<uint32_t>(packed >> 16 & ((1u << 27) - 1))};
}

void ChunkList::Resize(size_t capacity) {
  auto* block = static_cast<Block*>(
      std::realloc(static_cast<void*>(block_), sizeof(Block) + capacity * sizeof(uint64_t)));
  if (block == nullptr) throw std::bad_alloc();
  if (block_ == nullptr) *block = Block{};
  block_ = block;
  block_->spare = static_cast<uint8_t>(capacity - block_->size);
}

void ChunkList::Rebase(uint32_t base) {
  for (size_t i = 0; i < size(); ++i) {
    block_->refs[i] = Pack(Unpack(block_->refs[i], block_->base), base);
  }
  block_->base = base;
}

void ChunkList::Insert(size_t at, const ChunkRef& ref) {
  NX_CHECK(ref.file < 1u << 16 && ref.offset < 1u << 27 && !full());
  const size_t n = size();
  // A head holds some six chunks of a series: room for two more wastes little.
  if (block_ == nullptr || block_->spare == 0) Resize(n + std::min<size_t>(n / 8 + 2, 255));
  const bool known = ref.min_second != 0 && ref.min_second != UINT32_MAX;
  if (known && (block_->base == 0 || ref.min_second < block_->base)) Rebase(ref.min_second);
  std::memmove(block_->refs + at + 1, block_->refs + at, (n - at) * sizeof(uint64_t));
  block_->refs[at] = Pack(ref, block_->base);
  ++block_->size;
  --block_->spare;
}

void ChunkList::EraseFront(size_t n) {
  if (n == 0) return;
  if (n == size()) {
    std::free(block_);
    block_ = nullptr;
    return;
  }
  const size_t kept = size() - n;
  std::memmove(block_->refs, block_->refs + n, kept * sizeof(uint64_t));
  block_->size = static_cast<uint32_t>(kept) & kMax;
  uint32_t earliest = 0;
  for (size_t i = 0; i < kept && earliest == 0; ++i) earliest = (*this)[i].min_second;
  if (earliest != 0) Rebase(earliest);
  Resize(kept);
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
