#pragma once
// A compressed set of 32-bit ids in the manner of roaring bitmaps: ids are split by their upper 16
// bits into containers, each the smallest of
//
//   runs    u16 start, u16 length-1 pairs   (series of one target are neighbours)
//   array   sorted u16
//   bitmap  65536 bits
//
// Lemire, Kaser et al., "Roaring Bitmaps: Implementation of an Optimized Software Library", 2018.
//
// Thread safety: const methods may run concurrently.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace narthex::tsdb {

class IdSet {
 public:
  IdSet() = default;
  // `ids` ascending and unique.
  static IdSet FromSorted(std::span<const uint32_t> ids);

  // False when it was in already. O(1) for an id above all others.
  bool Add(uint32_t id);
  bool Contains(uint32_t id) const;
  size_t size() const;
  bool empty() const { return containers_.empty(); }
  size_t bytes() const;
  std::vector<uint32_t> ToVector() const;

  template <typename Fn>
  void ForEach(Fn&& fn) const {
    for (const Container& c : containers_) c.ForEach(uint32_t{c.key} << 16, fn);
  }

  static IdSet And(const IdSet& a, const IdSet& b);
  static IdSet Or(const IdSet& a, const IdSet& b);
  static IdSet AndNot(const IdSet& a, const IdSet& b);

  friend bool operator==(const IdSet& a, const IdSet& b) { return a.ToVector() == b.ToVector(); }

 private:
  friend class IdSetBuilder;
  static constexpr size_t kWords = 1024;
  using Bitmap = uint64_t[kWords];
  enum class Kind : uint8_t { kRuns, kArray, kBitmap };

  struct Container {
    uint16_t key = 0;
    Kind kind = Kind::kRuns;
    uint32_t count = 0;
    std::vector<uint16_t> data;

    static Container FromBitmap(uint16_t key, const Bitmap& bits);
    bool Add(uint16_t v);
    bool Contains(uint16_t v) const;
    void Fill(Bitmap& bits) const;  // sets its bits
    void Convert();                 // to the smallest kind
    bool AddToRuns(uint16_t v);
    bool AddToArray(uint16_t v);

    template <typename Fn>
    void ForEach(uint32_t high, Fn&& fn) const {
      switch (kind) {
        case Kind::kRuns:
          for (size_t i = 0; i < data.size(); i += 2) {
            for (uint32_t k = 0; k <= data[i + 1]; ++k) fn(high | (data[i] + k));
          }
          return;
        case Kind::kArray:
          for (const uint16_t v : data) fn(high | v);
          return;
        case Kind::kBitmap:
          for (uint32_t w = 0; w < data.size(); ++w) {
            for (uint32_t word = data[w]; word != 0; word &= word - 1) {
              fn(high | (w * 16 + static_cast<uint32_t>(__builtin_ctz(word))));
            }
          }
          return;
      }
    }
  };

  static Container AndContainers(const Container& a, const Container& b);
  static Container AndNotContainers(const Container& a, const Container& b);
  Container& Locate(uint16_t key);

  std::vector<Container> containers_;  // ascending keys, none empty
};

// Collects ids in any order, from many sets.
class IdSetBuilder {
 public:
  void Add(uint32_t id) {
    Words(static_cast<uint16_t>(id >> 16))[(id >> 6) & 1023] |= uint64_t{1} << (id & 63);
  }
  void Add(const IdSet& set);
  IdSet Build() const;

 private:
  uint64_t* Words(uint16_t key);
  std::vector<std::unique_ptr<uint64_t[]>> bitmaps_;  // by key
};

}  // namespace narthex::tsdb
