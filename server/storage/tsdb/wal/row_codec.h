#pragma once
// kRow and kKeyRow payloads (docs/formats/wal.md):
//
//   uvarint group ┬ uvarint layout version ┬ uvarint row sequence ┬ varint time or Δ ┬ uvarint n
//   ┬ kRow: u8 0, bitmap of n bits │ u8 1, uvarint count, uvarint Δ position … ┬ values
//
// n counts the members that live in the group; the order is that of their indexes. A key row has a
// value for each, against 0; a row has those that changed, against the previous sample.
//
// Thread safety: none.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/storage/tsdb/wal/wal_format.h"

namespace narthex::tsdb {

struct RowHead {
  uint32_t group = 0;
  uint32_t layout_version = 0;
  uint32_t sequence = 0;
  int64_t time = 0;  // absolute in key rows, else against the previous row
  uint32_t members = 0;
};

// Memory of a RowBuilder, to be used again.
struct RowScratch {
  std::vector<uint64_t> bitmap;
  std::vector<char> values;
};

class RowBuilder {
 public:
  // The scratch is this builder's while it lives.
  RowBuilder(bool key, RowScratch* scratch)
      : key_(key), bitmap_(scratch->bitmap), values_(scratch->values) {
    bitmap_.clear();
    if (values_.size() > kKeepBytes) std::vector<char>().swap(values_);
  }
  // To be called before `n` or fewer members are added.
  void Reserve(size_t n) {
    if (values_.size() - size_ < n * kMaxWalValue) values_.resize(size_ * 2 + n * kMaxWalValue);
    if (!key_) bitmap_.resize((members_ + n + 63) / 64);
  }
  void Add(uint64_t previous, uint64_t bits) {
    if (key_) {
      Put(0, bits);
    } else if (previous != bits) {
      Put(previous, bits);
      bitmap_[members_ / 64] |= uint64_t{1} << (members_ % 64);
      ++changed_;
    }
    ++members_;
  }
  uint32_t members() const { return members_; }
  bool key() const { return key_; }
  std::string Build(RowHead head) const;

 private:
  void Put(uint64_t previous, uint64_t bits) {
    char* const at = values_.data() + size_;
    size_ += static_cast<size_t>(EncodeWalValue(previous, bits, at) - at);
  }
  // Bytes of the list of changed positions.
  size_t ListBytes() const;
  static constexpr size_t kKeepBytes = 1 << 20;

  const bool key_;
  uint32_t members_ = 0;
  uint32_t changed_ = 0;
  size_t size_ = 0;  // of values_ in use
  std::vector<uint64_t>& bitmap_;
  std::vector<char>& values_;
};

class RowReader {
 public:
  RowReader(bool key, std::string_view payload);
  bool ok() const { return ok_ && in_.ok(); }
  bool key() const { return key_; }
  const RowHead& head() const { return head_; }
  // The next member's value, given its previous one.
  uint64_t Next(uint64_t previous);

 private:
  void AdvancePosition();
  const bool key_;
  bool ok_ = true;
  bool sparse_ = false;
  RowHead head_;
  ByteReader in_;         // values
  ByteReader positions_;  // sparse list
  std::string_view bitmap_;
  uint32_t left_ = 0;  // positions still to come
  uint64_t next_changed_ = UINT64_MAX;
  uint32_t member_ = 0;
};

}  // namespace narthex::tsdb
