#include "server/storage/tsdb/wal/row_codec.h"

#include <bit>

namespace narthex::tsdb {

namespace {

// Calls fn(distance from the position after the one before) for each set bit.
template <typename Fn>
void ForEachPosition(const std::vector<uint64_t>& bitmap, Fn&& fn) {
  uint32_t next = 0;
  for (size_t word = 0; word < bitmap.size(); ++word) {
    for (uint64_t mask = bitmap[word]; mask != 0; mask &= mask - 1) {
      const auto at =
          static_cast<uint32_t>(word * 64) + static_cast<uint32_t>(std::countr_zero(mask));
      fn(at - next);
      next = at + 1;
    }
  }
}

}  // namespace

size_t RowBuilder::ListBytes() const {
  size_t bytes = 0;
  ForEachPosition(bitmap_, [&](uint32_t d) { bytes += d < 0x80 ? 1 : d < 0x4000 ? 2 : 4; });
  return bytes;
}

std::string RowBuilder::Build(RowHead head) const {
  const size_t bitmap_bytes = (members_ + 7u) / 8;
  std::string payload;
  payload.reserve(size_ + bitmap_bytes + 40);
  ByteWriter out(&payload);
  out.Uvarint(head.group);
  out.Uvarint(head.layout_version);
  out.Uvarint(head.sequence);
  out.Varint(head.time);
  out.Uvarint(members_);
  if (!key_) {
    if (changed_ + 2 < bitmap_bytes && ListBytes() + 2 < bitmap_bytes) {
      out.U8(1);
      out.Uvarint(changed_);
      ForEachPosition(bitmap_, [&](uint32_t distance) { out.Uvarint(distance); });
    } else {
      out.U8(0);
      static_assert(std::endian::native == std::endian::little);
      payload.append(reinterpret_cast<const char*>(bitmap_.data()), bitmap_bytes);
    }
  }
  payload.append(values_.data(), size_);
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
