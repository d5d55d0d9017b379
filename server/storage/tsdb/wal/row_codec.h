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

#include "server/storage/tsdb/wal/wal_format.h"

namespace narthex::tsdb {

struct RowHead {
  uint32_t group = 0;
  uint32_t layout_version = 0;
  uint32_t sequence = 0;
  int64_t time = 0;  // absolute in key rows, else against the previous row
  uint32_t members = 0;
};

class RowBuilder {
 public:
  explicit RowBuilder(bool key) : key_(key) {}
  void Add(uint64_t previous, uint64_t bits) {
    if (key_) {
      EncodeWalValue(0, bits, &values_);
    } else if (previous != bits) {
      EncodeWalValue(previous, bits, &values_);
      positions_ += members_ - next_ >= 0x80 ? 2 : 1;
      next_ = members_ + 1;
      ++changed_;
      if (bitmap_.size() <= members_ / 8) bitmap_.resize(members_ / 8 + 1);
      bitmap_[members_ / 8] = static_cast<char>(bitmap_[members_ / 8] | 1 << (members_ % 8));
    }
    ++members_;
  }
  uint32_t members() const { return members_; }
  bool key() const { return key_; }
  std::string Build(RowHead head) const;

 private:
  const bool key_;
  uint32_t members_ = 0;
  uint32_t changed_ = 0;
  uint32_t next_ = 0;
  size_t positions_ = 0;  // bytes of the list of positions, nearly
  std::string bitmap_;
  std::string values_;
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
