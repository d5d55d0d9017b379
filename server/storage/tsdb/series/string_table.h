#pragma once
// An append-mostly dictionary: strings ↔ dense ids, in one arena. Erased ids are used again.
//
// Thread safety: const methods may run concurrently; views are valid until the next change.

#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::tsdb {

inline constexpr uint32_t kNoId = UINT32_MAX;

class StringTable {
 public:
  StringTable() : ids_(0, Hash{this}, Equal{this}) {}
  StringTable(const StringTable&) = delete;

  uint32_t Find(std::string_view s) const;  // kNoId when absent
  uint32_t Insert(std::string_view s);      // finds or adds
  void Erase(uint32_t id);
  std::string_view Get(uint32_t id) const;
  bool Has(uint32_t id) const { return id < offsets_.size() && offsets_[id] != kErased; }
  size_t size() const { return ids_.size(); }                                // live strings
  uint32_t limit() const { return static_cast<uint32_t>(offsets_.size()); }  // ids are below
  size_t bytes() const { return arena_.capacity() + offsets_.capacity() * 4 + ids_.capacity() * 5; }

 private:
  static constexpr uint32_t kErased = UINT32_MAX;
  struct Hash {
    using is_transparent = void;
    const StringTable* table;
    size_t operator()(uint32_t id) const { return (*this)(table->Get(id)); }
    size_t operator()(std::string_view s) const { return absl::Hash<std::string_view>{}(s); }
  };
  struct Equal {
    using is_transparent = void;
    const StringTable* table;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t a, std::string_view b) const { return table->Get(a) == b; }
    bool operator()(std::string_view a, uint32_t b) const { return a == table->Get(b); }
  };
  uint32_t Store(std::string_view s);
  void Compact();

  std::string arena_;              // uvarint length, bytes
  std::vector<uint32_t> offsets_;  // by id
  std::vector<uint32_t> free_;
  size_t dead_bytes_ = 0;
  absl::flat_hash_set<uint32_t, Hash, Equal> ids_;
};

}  // namespace narthex::tsdb
