#include "server/storage/tsdb/chunkenc/xor_chunk.h"

#include "core/base/bytes.h"
#include "server/storage/tsdb/chunkenc/xor_code.h"

namespace narthex::tsdb {
namespace {

int64_t GetDeltaOfDelta(BitReader* in) {
  unsigned size = 0;
  if (!in->Bit()) return 0;
  if (!in->Bit()) {
    size = 14;
  } else if (!in->Bit()) {
    size = 17;
  } else if (!in->Bit()) {
    size = 20;
  } else {
    return static_cast<int64_t>(in->Get(64));
  }
  uint64_t bits = in->Get(size);
  if (bits > uint64_t{1} << (size - 1)) bits -= uint64_t{1} << size;
  return static_cast<int64_t>(bits);
}

}  // namespace

void XorChunk::Append(int64_t t, uint64_t bits) {
  if (count_ == 0) {
    bytes_.assign(2, '\0');
    bits_ = 16;
  }
  // Differences wrap like Go's so that any pair of timestamps survives.
  const uint64_t delta = static_cast<uint64_t>(t) - static_cast<uint64_t>(last_time_);
  if (count_ > 1 && delta == delta_ && bits == last_bits_) {
    bits_ += 2;  // zeroes, as most samples are
    if (bits_ > bytes_.size() * 8) bytes_.push_back('\0');
  } else {
    AppendCode(t, delta, bits);
  }
  last_time_ = t;
  last_bits_ = bits;
  ++count_;
  bytes_[0] = static_cast<char>(count_ >> 8);
  bytes_[1] = static_cast<char>(count_ & 0xff);
}

void XorChunk::AppendCode(int64_t t, uint64_t delta, uint64_t bits) {
  // What one sample takes at most: 80 bits of time, 77 of value, behind those of the byte before.
  uint8_t code[32];
  const unsigned used = bits_ % 8;
  BitSink out(code, used == 0 ? uint8_t{0} : static_cast<uint8_t>(bytes_.back()), used);
  if (count_ == 0) {
    PutUvarint(ZigZagEncode(t), &out);
    out.Put(bits, 64);
    first_time_ = t;
  } else {
    if (count_ == 1) {
      PutUvarint(delta, &out);
    } else {
      PutDeltaOfDelta(static_cast<int64_t>(delta - delta_), &out);
    }
    EncodeXor(last_bits_, bits, &window_, [&out](uint64_t v, unsigned n) { out.Put(v, n); });
    delta_ = delta;
  }
  const size_t size = out.Finish();
  bytes_.resize(bits_ / 8);
  bytes_.append(reinterpret_cast<const char*>(code), (size + 7) / 8);
  bits_ = bits_ - used + size;
}

XorIterator::XorIterator(std::string_view chunk) : in_(chunk) {
  total_ = static_cast<uint16_t>(in_.Get(16));
}

uint64_t XorIterator::ReadUvarint() {
  uint64_t v = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const uint64_t byte = in_.Get(8);
    v |= (byte & 0x7f) << shift;
    if (byte < 0x80) return v;
  }
  damaged_ = true;
  return 0;
}

bool XorIterator::Next() {
  if (read_ == total_ || damaged_ || !in_.ok()) return false;
  if (read_ == 0) {
    time_ = ZigZagDecode(ReadUvarint());
    value_ = in_.Get(64);
  } else {
    if (read_ == 1) {
      delta_ = ReadUvarint();
    } else {
      delta_ += static_cast<uint64_t>(GetDeltaOfDelta(&in_));
    }
    time_ = static_cast<int64_t>(static_cast<uint64_t>(time_) + delta_);
    value_ = DecodeXor(value_, &window_, &in_);
  }
  if (!in_.ok() || damaged_) return false;
  ++read_;
  return true;
}

Status XorIterator::status() const {
  if (damaged_ || !in_.ok()) return DataLoss("XOR chunk ends early or is malformed");
  return OkStatus();
}

}  // namespace narthex::tsdb
