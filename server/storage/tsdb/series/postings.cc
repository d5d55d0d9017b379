#include "server/storage/tsdb/series/postings.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace narthex::tsdb {

void Postings::Release() {
  if (count_ > kMaxPacked) {
    delete Pointer<IdSet>();
  } else if (count_ > kMaxInline) {
    std::free(Pointer<Packed>());
  }
  count_ = 0;
}

// The caller has room for kMaxPacked ids left; grows the block by half.
void Postings::AppendPacked(uint32_t id) {
  auto* packed = Pointer<Packed>();
  if (packed->used + 5 > packed->capacity) {
    const size_t capacity = packed->used + packed->used / 2 + 8u;
    auto* grown = static_cast<Packed*>(std::realloc(packed, sizeof(Packed) + capacity));
    if (grown == nullptr) throw std::bad_alloc();
    packed = grown;
    packed->capacity = static_cast<uint16_t>(capacity);
    SetPointer(packed);
  }
  uint32_t delta = id - packed->last;
  for (; delta >= 0x80; delta >>= 7)
    packed->bytes[packed->used++] = static_cast<uint8_t>(delta | 0x80);
  packed->bytes[packed->used++] = static_cast<uint8_t>(delta);
  packed->last = id;
}

void Postings::Assign(std::span<const uint32_t> sorted) {
  Release();
  if (sorted.size() <= kMaxInline) {
    std::copy(sorted.begin(), sorted.end(), inline_);
  } else if (sorted.size() <= kMaxPacked) {
    constexpr size_t kStart = 16;
    auto* packed = static_cast<Packed*>(std::malloc(sizeof(Packed) + kStart));
    if (packed == nullptr) throw std::bad_alloc();
    *packed = Packed{.capacity = kStart};
    SetPointer(packed);
    for (const uint32_t id : sorted) AppendPacked(id);
  } else {
    SetPointer(new IdSet(IdSet::FromSorted(sorted)));
  }
  count_ = static_cast<uint32_t>(sorted.size());
}

void Postings::Add(uint32_t id) {
  if (count_ > kMaxPacked) {
    count_ += Pointer<IdSet>()->Add(id);
    return;
  }
  if (count_ > kMaxInline && count_ < kMaxPacked && id > Pointer<Packed>()->last) {
    AppendPacked(id);
    ++count_;
    return;
  }
  uint32_t ids[kMaxPacked + 1];
  size_t n = 0;
  ForEach([&](uint32_t v) { ids[n++] = v; });
  uint32_t* at = std::lower_bound(ids, ids + n, id);
  if (at != ids + n && *at == id) return;
  std::copy_backward(at, ids + n, ids + n + 1);
  *at = id;
  Assign({ids, n + 1});
}

void Postings::Remove(const IdSet& dead) {
  std::vector<uint32_t> kept;
  if (count_ > kMaxPacked) {
    IdSet rest = IdSet::AndNot(*Pointer<IdSet>(), dead);
    const size_t n = rest.size();
    if (n == count_) return;
    if (n > kMaxPacked) {
      *Pointer<IdSet>() = std::move(rest);
      count_ = static_cast<uint32_t>(n);
      return;
    }
    kept = rest.ToVector();
  } else {
    ForEach([&](uint32_t id) {
      if (!dead.Contains(id)) kept.push_back(id);
    });
    if (kept.size() == count_) return;
  }
  Assign(kept);
}

bool Postings::Contains(uint32_t id) const {
  if (const IdSet* large = set()) return large->Contains(id);
  bool found = false;
  ForEach([&](uint32_t v) { found |= v == id; });
  return found;
}

size_t Postings::heap_bytes() const {
  if (count_ > kMaxPacked) return Pointer<IdSet>()->bytes();
  return count_ > kMaxInline ? sizeof(Packed) + Pointer<Packed>()->capacity : 0;
}

IdSet Postings::ToSet() const {
  if (const IdSet* large = set()) return *large;
  std::vector<uint32_t> ids;
  ForEach([&](uint32_t id) { ids.push_back(id); });
  return IdSet::FromSorted(ids);
}

}  // namespace narthex::tsdb
