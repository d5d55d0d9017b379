#include "server/storage/tsdb/wal/row_codec.h"

namespace narthex::tsdb {

std::string RowBuilder::Build(RowHead head) const {
  std::string payload;
  payload.reserve(values_.size() + bitmap_.size() + 32);
  ByteWriter out(&payload);
  out.Uvarint(head.group);
  out.Uvarint(head.layout_version);
  out.Uvarint(head.sequence);
  out.Varint(head.time);
  out.Uvarint(members_);
  if (!key_) {
    const size_t bitmap_bytes = (members_ + 7u) / 8;
    if (positions_ + 2 < bitmap_bytes) {
      out.U8(1);
      out.Uvarint(changed_);
      uint32_t next = 0;
      for (uint32_t m = 0; m < bitmap_.size() * 8; ++m) {
        if ((bitmap_[m / 8] >> (m % 8) & 1) == 0) continue;
        out.Uvarint(m - next);
        next = m + 1;
      }
    } else {
      out.U8(0);
      out.Bytes(bitmap_);
      payload.append(bitmap_bytes - bitmap_.size(), '\0');
    }
  }
  out.Bytes(values_);
  return payload;
}

RowReader::RowReader(bool key, std::string_view payload)
    : key_(key), in_(payload), positions_(std::string_view()) {
  head_.group = static_cast<uint32_t>(in_.Uvarint());
  head_.layout_version = static_cast<uint32_t>(in_.Uvarint());
  head_.sequence = static_cast<uint32_t>(in_.Uvarint());
  head_.time = in_.Varint();
  head_.members = static_cast<uint32_t>(in_.Uvarint());
  if (key_) return;
  const uint8_t kind = in_.U8();
  if (kind == 0) {
    bitmap_ = in_.Bytes((size_t{head_.members} + 7) / 8);
    return;
  }
  ok_ = kind == 1;
  sparse_ = true;
  const uint64_t count = in_.Uvarint();
  if (count > head_.members || count > in_.remaining()) {
    ok_ = false;
    return;
  }
  left_ = static_cast<uint32_t>(count);
  positions_ = ByteReader(in_.rest());
  for (uint64_t i = 0; i < count; ++i) in_.Uvarint();
  next_changed_ = 0;
  AdvancePosition();
}

void RowReader::AdvancePosition() {
  if (left_ == 0) {
    next_changed_ = UINT64_MAX;
    return;
  }
  --left_;
  next_changed_ += positions_.Uvarint();
}

uint64_t RowReader::Next(uint64_t previous) {
  const uint32_t member = member_++;
  if (key_) return DecodeWalValue(0, &in_);
  if (sparse_) {
    if (member != next_changed_) return previous;
    ++next_changed_;
    AdvancePosition();
    return DecodeWalValue(previous, &in_);
  }
  if (member / 8 >= bitmap_.size() || (bitmap_[member / 8] >> (member % 8) & 1) == 0) {
    return previous;
  }
  return DecodeWalValue(previous, &in_);
}

}  // namespace narthex::tsdb
