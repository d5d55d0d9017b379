#pragma once
// Label sets as numbers. A set is a list of (name id, value id) in the order of its names; names
// are interned as shapes, target labels that many series share as bases, and what is left is a row
// of some ten bytes:
//
//   ┌ uvarint base (0: none) ┬ uvarint shape of own names ┬ uvarint value id … ┐
//
// Thread safety: const methods may run concurrently.

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "server/storage/tsdb/series/string_table.h"

namespace narthex::tsdb {

struct LabelId {
  uint32_t name = 0;
  uint32_t value = 0;
  friend bool operator==(const LabelId&, const LabelId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const LabelId& id) {
    return H::combine(std::move(h), id.name, id.value);
  }
};
using LabelIds = std::vector<LabelId>;

// Values by id, counted by use; 0 is never an id. Freed ids are used again.
template <typename T>
class Interned {
 public:
  Interned() { entries_.push_back(nullptr); }
  // `hint`: where it is expected; any number will do.
  uint32_t Acquire(const T& value, uint32_t hint) {
    if (hint < entries_.size() && entries_[hint] != nullptr && entries_[hint]->value == value) {
      ++entries_[hint]->uses;
      return hint;
    }
    const auto [it, added] = ids_.try_emplace(value, 0);
    if (added) {
      if (free_.empty()) {
        it->second = static_cast<uint32_t>(entries_.size());
        entries_.emplace_back();
      } else {
        it->second = free_.back();
        free_.pop_back();
      }
      entries_[it->second] = std::make_unique<Entry>(Entry{value, 0});
    }
    ++entries_[it->second]->uses;
    return it->second;
  }
  void Release(uint32_t id) {
    if (--entries_[id]->uses > 0) return;
    ids_.erase(entries_[id]->value);
    entries_[id].reset();
    free_.push_back(id);
  }
  const T& operator[](uint32_t id) const { return entries_[id]->value; }
  size_t size() const { return ids_.size(); }

 private:
  struct Entry {
    T value;
    uint32_t uses;
  };
  absl::flat_hash_map<T, uint32_t> ids_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::vector<uint32_t> free_;
};

// What the series of one source seem to have in common; learnt while they are added.
struct BaseGuess {
  LabelIds labels;
  bool started = false;
  int misfits = 0;  // in a row
  // Of the last row.
  uint32_t base = 0;
  uint32_t shape = 0;
};

class LabelRows {
 public:
  // Stores a row and returns its handle. `guess` may be nullptr.
  uint32_t Add(const LabelIds& labels, uint32_t metric_name_id, BaseGuess* guess);
  void Remove(uint32_t row);
  // The labels of a row in the order of their names, which `names` decides.
  void Get(uint32_t row, const StringTable& names, LabelIds* out) const;
  // The value id under a name; kNoId when the row has none.
  uint32_t ValueOf(uint32_t row, uint32_t name) const;

  size_t bytes() const { return chunks_.size() * kChunk; }
  // Whether so much is dead that the owner should copy the live rows into a new object.
  bool wasteful() const { return dead_bytes_ > kChunk && dead_bytes_ > bytes() / 4; }
  // Moves everything that is not a row (bases, shapes) and copies one row.
  void MoveTablesTo(LabelRows* other);
  uint32_t CopyRow(uint32_t row, LabelRows* to) const;

 private:
  static constexpr size_t kChunk = 1 << 18;
  std::string_view Bytes(uint32_t row) const;
  size_t Length(uint32_t row) const;
  uint32_t Store(std::string_view bytes);
  // The base this set is stored under, 0 when none fits. What it does not cover goes to own_.
  uint32_t SplitBase(const LabelIds& labels, uint32_t metric_name_id, BaseGuess* guess);

  std::vector<std::unique_ptr<char[]>> chunks_;
  size_t tail_ = kChunk;  // used bytes of the last chunk
  size_t dead_bytes_ = 0;
  Interned<LabelIds> bases_;
  Interned<std::vector<uint32_t>> shapes_;
  // Of the row being added; kept for their memory.
  LabelIds own_, common_;
  std::vector<uint32_t> shape_;
  std::string bytes_;
};

}  // namespace narthex::tsdb
