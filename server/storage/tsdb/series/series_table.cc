#include "server/storage/tsdb/series/series_table.h"

#include <algorithm>
#include <cstdlib>
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

Slab& ChunkList::Memory() {
  static Slab* const slab = new Slab;  // outlives every table
  return *slab;
}

ChunkList::Block* ChunkList::At(uintptr_t where) {
  return OnHeap(where)
             ? reinterpret_cast<Block*>(where)
             : reinterpret_cast<Block*>(Memory().Address(static_cast<uint32_t>(where >> 1)));
}

uintptr_t ChunkList::Allocate(size_t* capacity) {
  if (BytesFor(*capacity) <= Slab::kMaxSize) {
    const size_t bytes = Slab::Capacity(BytesFor(*capacity));
    *capacity = (bytes - sizeof(Block)) / sizeof(uint64_t);
    if (const uint32_t handle = Memory().Allocate(bytes)) return uintptr_t{handle} << 1 | 1;
  }
  void* memory = std::malloc(BytesFor(*capacity));
  if (memory == nullptr) throw std::bad_alloc();
  return reinterpret_cast<uintptr_t>(memory);
}

void ChunkList::Free(uintptr_t where) {
  Block* block = At(where);
  if (OnHeap(where)) {
    std::free(block);
  } else {
    Memory().Free(static_cast<uint32_t>(where >> 1), BytesFor(block->size + block->spare));
  }
}

void ChunkList::Resize(size_t capacity) {
  if (where_ != 0 && !OnHeap(where_)) {
    const size_t now = BytesFor(block()->size + block()->spare);
    if (Slab::Capacity(BytesFor(capacity)) == now) return;
  }
  const uintptr_t where = Allocate(&capacity);
  Block* to = At(where);
  *to = Block{};
  if (where_ != 0) {
    std::memcpy(static_cast<void*>(to), block(), BytesFor(size()));
    Free(where_);
  }
  to->spare = static_cast<uint8_t>(std::min(capacity - to->size, kMaxSpare));
  where_ = where;
}

void ChunkList::Rebase(uint32_t base) {
  Block* b = block();
  for (size_t i = 0; i < b->size; ++i) b->refs[i] = Pack(Unpack(b->refs[i], b->base), base);
  b->base = base;
}

void ChunkList::Insert(size_t at, const ChunkRef& ref) {
  NX_CHECK(ref.file < 1u << 16 && ref.offset < 1u << 27 && !full());
  const size_t n = size();
  // A head holds some six chunks of a series: room for more wastes memory.
  if (where_ == 0 || block()->spare == 0) Resize(n + std::min(n / 8 + 1, kMaxSpare));
  Block* b = block();
  const bool known = ref.min_second != 0 && ref.min_second != UINT32_MAX;
  if (known && (b->base == 0 || ref.min_second < b->base)) Rebase(ref.min_second);
  std::memmove(b->refs + at + 1, b->refs + at, (n - at) * sizeof(uint64_t));
  b->refs[at] = Pack(ref, b->base);
  ++b->size;
  --b->spare;
}

void ChunkList::EraseFront(size_t n) {
  if (n == 0) return;
  Block* b = block();
  const size_t kept = b->size - n;
  if (kept == 0) {
    Free(where_);
    where_ = 0;
    return;
  }
  std::memmove(b->refs, b->refs + n, kept * sizeof(uint64_t));
  b->size = static_cast<uint32_t>(kept) & kMax;
  b->spare = static_cast<uint8_t>(std::min(b->spare + n, kMaxSpare));
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
