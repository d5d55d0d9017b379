#pragma once
// The series that carry one label pair, in 16 bytes when there are few of them:
//
//   ≤ 3 ids    inline
//   ≤ 64 ids   a heap block of varint differences
//   more       an IdSet
//
// Thread safety: const methods may run concurrently.

#include <cstdint>
#include <cstring>
#include <utility>

#include "server/storage/tsdb/series/id_set.h"

namespace narthex::tsdb {

class Postings {
 public:
  Postings() = default;
  Postings(Postings&& other) noexcept { Swap(other); }
  Postings& operator=(Postings&& other) noexcept {
    Swap(other);
    return *this;
  }
  ~Postings() { Release(); }

  void Add(uint32_t id);
  // Takes the ids of `dead` out.
  void Remove(const IdSet& dead);
  uint32_t size() const { return count_; }
  bool Contains(uint32_t id) const;
  size_t heap_bytes() const;
  IdSet ToSet() const;
  // The set behind a large list, without a copy; nullptr for a small one.
  const IdSet* set() const { return count_ > kMaxPacked ? Pointer<IdSet>() : nullptr; }

  template <typename Fn>
  void ForEach(Fn&& fn) const {
    if (count_ <= kMaxInline) {
      for (uint32_t i = 0; i < count_; ++i) fn(inline_[i]);
    } else if (count_ <= kMaxPacked) {
      Packed::Reader reader(*Pointer<Packed>());
      for (uint32_t i = 0; i < count_; ++i) fn(reader.Next());
    } else {
      Pointer<IdSet>()->ForEach(fn);
    }
  }

 private:
  static constexpr uint32_t kMaxInline = 3;
  static constexpr uint32_t kMaxPacked = 64;

  struct Packed {
    uint16_t used = 0;
    uint16_t capacity = 0;
    uint32_t last = 0;
    uint8_t bytes[];

    class Reader {
     public:
      explicit Reader(const Packed& packed) : p_(packed.bytes) {}
      uint32_t Next() {
        uint32_t delta = 0;
        for (unsigned shift = 0;; shift += 7) {
          const uint8_t byte = *p_++;
          delta |= uint32_t{byte & 0x7fu} << shift;
          if (byte < 0x80) break;
        }
        return value_ += delta;
      }

     private:
      const uint8_t* p_;
      uint32_t value_ = 0;
    };
  };

  template <typename T>
  T* Pointer() const {
    T* p = nullptr;
    std::memcpy(&p, inline_ + 1, sizeof p);
    return p;
  }
  void SetPointer(const void* p) { std::memcpy(inline_ + 1, &p, sizeof p); }
  void Swap(Postings& other) noexcept {
    std::swap(count_, other.count_);
    std::swap(inline_, other.inline_);
  }
  void Release();
  void Assign(std::span<const uint32_t> sorted);
  void AppendPacked(uint32_t id);

  uint32_t count_ = 0;
  uint32_t inline_[3] = {};
};
static_assert(sizeof(Postings) == 16);

}  // namespace narthex::tsdb
