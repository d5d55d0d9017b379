#include "server/storage/tsdb/chunkenc/xor_chunk.h"

#include "core/base/bytes.h"

namespace narthex::tsdb {
namespace {

// Whether d fits the n-bit bucket: Prometheus' range is -2^(n-1)+1 … 2^(n-1).
bool FitsBucket(int64_t d, unsigned n) {
  return -((int64_t{1} << (n - 1)) - 1) <= d && d <= int64_t{1} << (n - 1);
}

void PutDeltaOfDelta(int64_t dod, BitWriter* out) {
  const auto bits = static_cast<uint64_t>(dod);
  if (dod == 0) return out->Put(0, 1);
  if (FitsBucket(dod, 14)) {
    out->Put(0b10, 2);
    return out->Put(bits, 14);
  }
  if (FitsBucket(dod, 17)) {
    out->Put(0b110, 3);
    return out->Put(bits, 17);
  }
  if (FitsBucket(dod, 20)) {
    out->Put(0b1110, 4);
    return out->Put(bits, 20);
  }
  out->Put(0b1111, 4);
  out->Put(bits, 64);
}

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

void PutUvarint(uint64_t v, BitWriter* out) {
  for (; v >= 0x80; v >>= 7) out->Put(v | 0x80, 8);
  out->Put(v, 8);
}

}  // namespace

void XorChunk::Append(int64_t t, uint64_t bits) {
  if (count_ == 0) {
    bytes_.assign(2, '\0');
    bits_ = 16;
  }
  BitWriter out(&bytes_, bits_);
  const auto put = [&out](uint64_t v, unsigned n) { out.Put(v, n); };
  // Differences wrap like Go's so that any pair of timestamps survives.
  const uint64_t delta = static_cast<uint64_t>(t) - static_cast<uint64_t>(last_time_);
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
    EncodeXor(last_bits_, bits, &window_, put);
    delta_ = delta;
  }
  bits_ = out.bits();
  last_time_ = t;
  last_bits_ = bits;
  ++count_;
  bytes_[0] = static_cast<char>(count_ >> 8);
  bytes_[1] = static_cast<char>(count_ & 0xff);
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

Status DecodeXorChunk(std::string_view chunk, int64_t mint, int64_t maxt,
                      storage::SampleColumns* out) {
  XorIterator it(chunk);
  while (it.Next()) {
    if (it.time() < mint) continue;
    if (it.time() > maxt) break;
    out->timestamps.push_back(it.time());
    out->values.push_back(std::bit_cast<double>(it.bits()));
  }
  return it.status();
}

}  // namespace narthex::tsdb
