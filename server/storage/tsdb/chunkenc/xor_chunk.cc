#include "server/storage/tsdb/chunkenc/xor_chunk.h"

#include <bit>
#include <cstring>

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

namespace {

Status DecodeSlowly(std::string_view chunk, int64_t mint, int64_t maxt,
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

// Reads a copy of a chunk with zeroes behind it, so that eight bytes can be loaded anywhere. Who
// uses it looks at overrun() when it is done with a sample.
class PaddedBits {
 public:
  static constexpr size_t kLargest = 4096;
  static constexpr unsigned kPeeked = 57;

  explicit PaddedBits(std::string_view data) : end_(data.size() * 8) {
    std::memcpy(bytes_, data.data(), data.size());
    std::memset(bytes_ + data.size(), 0, kPadding);
  }
  bool overrun() const { return pos_ > end_; }
  void Skip(unsigned count) { pos_ += count; }
  // At least the next kPeeked bits, from the highest bit down.
  uint64_t Peek() const {
    uint64_t word;
    std::memcpy(&word, bytes_ + pos_ / 8, sizeof word);
    return __builtin_bswap64(word) << (pos_ % 8);
  }
  uint64_t Get(unsigned count) {  // 1 to 64
    if (count > 56) {
      const uint64_t high = Get(count - 32);
      return high << 32 | Get(32);
    }
    const uint64_t v = Peek() >> (64 - count);
    pos_ += count;
    return v;
  }

 private:
  // A sample takes 19 bytes at most.
  static constexpr size_t kPadding = 32;
  size_t pos_ = 0;
  const size_t end_;
  uint8_t bytes_[kLargest + kPadding];
};

// The rest of a difference of differences that begins with `ones` ones, 1 to 3.
int64_t ToDeltaOfDelta(uint64_t word, unsigned ones, unsigned size) {
  uint64_t bits = word << (ones + 1) >> (64 - size);
  if (bits > uint64_t{1} << (size - 1)) bits -= uint64_t{1} << size;
  return static_cast<int64_t>(bits);
}

// One sample behind others: what it adds to the distance in time, and its value. Most samples are
// read with one look at the bits, as each look waits for where the one before ended. False when the
// code is malformed.
inline bool GetSample(uint64_t* delta, uint64_t* value, XorWindow* window, PaddedBits* in) {
  uint64_t word = in->Peek();
  unsigned used = 1;
  if (word >> 63 != 0) {
    const auto ones = static_cast<unsigned>(std::countl_one(word));
    if (ones >= 4) {
      in->Skip(4);
      *delta += in->Get(64);
      word = in->Peek();
      used = 0;
    } else {
      const unsigned size = ones == 1 ? 14 : ones == 2 ? 17 : 20;
      *delta += static_cast<uint64_t>(ToDeltaOfDelta(word, ones, size));
      used = ones + 1 + size;  // 24 at most
    }
  }
  word <<= used;
  if (word >> 63 == 0) {
    in->Skip(used + 1);
    return true;
  }
  unsigned control = 2;
  if (word >> 62 == 3) {
    window->leading = static_cast<uint8_t>(word >> 57 & 31);
    unsigned significant = static_cast<unsigned>(word >> 51 & 63);
    if (significant == 0) significant = 64;
    if (window->leading + significant > 64) return false;
    window->trailing = static_cast<uint8_t>(64 - window->leading - significant);
    control = 13;
  } else if (window->leading == 0xff) {
    return false;
  }
  const unsigned significant = 64u - window->leading - window->trailing;
  if (used + control + significant <= PaddedBits::kPeeked) {
    in->Skip(used + control + significant);
    *value ^= word << control >> (64 - significant) << window->trailing;
    return true;
  }
  in->Skip(used + control);
  *value ^= in->Get(significant) << window->trailing;
  return true;
}

}  // namespace

// What is unusual in any way is left to the iterator.
Status DecodeXorChunk(std::string_view chunk, int64_t mint, int64_t maxt,
                      storage::SampleColumns* out) {
  XorIterator it(chunk);
  const size_t total = it.total();
  if (chunk.size() > PaddedBits::kLargest || total < 3) return DecodeSlowly(chunk, mint, maxt, out);
  if (!it.Next()) return it.status();
  const int64_t first_time = it.time();
  const uint64_t first_bits = it.bits();
  if (!it.Next()) return DecodeSlowly(chunk, mint, maxt, out);
  PaddedBits in(chunk);
  in.Skip(static_cast<unsigned>(chunk.size() * 8 - it.remaining_bits()));
  const size_t before = out->timestamps.size();
  out->timestamps.resize(before + total);
  out->values.resize(before + total);
  int64_t* times = out->timestamps.data() + before;
  double* values = out->values.data() + before;
  size_t n = 0;
  const auto put = [&](int64_t t, uint64_t bits) {
    times[n] = t;
    values[n] = std::bit_cast<double>(bits);
    n += t >= mint && t <= maxt;
  };
  put(first_time, first_bits);
  int64_t time = it.time();
  uint64_t bits = it.bits();
  put(time, bits);
  uint64_t delta = static_cast<uint64_t>(time) - static_cast<uint64_t>(first_time);
  XorWindow window = it.window();
  bool good = first_time <= maxt && time <= maxt;
  for (size_t i = 2; good && i < total; ++i) {
    good = GetSample(&delta, &bits, &window, &in) && !in.overrun();
    time = static_cast<int64_t>(static_cast<uint64_t>(time) + delta);
    if (!good || time > maxt) break;
    put(time, bits);
  }
  out->timestamps.resize(before + n);
  out->values.resize(before + n);
  if (good) return OkStatus();
  out->timestamps.resize(before);
  out->values.resize(before);
  return DecodeSlowly(chunk, mint, maxt, out);
}

}  // namespace narthex::tsdb
