#pragma once
// Prometheus' XOR chunk (encoding 1), bit for bit:
//
//   ┌ u16 BE samples ┬ varint ts0 ┬ 64 bit value0 ┬ uvarint Δ1 ┬ xor v1 ┬ ΔΔ ts2 ┬ xor v2 ┬ … ┐
//
//   ΔΔ: 0 | 10+14 | 110+17 | 1110+20 | 1111+64 bits, two's complement, range (-2^(n-1), 2^(n-1)]
//
// Thread safety: none; distinct objects are independent.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "server/storage/interface.h"
#include "server/storage/tsdb/chunkenc/bits.h"
#include "server/storage/tsdb/chunkenc/encoding.h"

namespace narthex::tsdb {

inline constexpr int kSamplesPerChunk = 120;

class XorChunk {
 public:
  void Append(int64_t t, uint64_t bits);
  // Asks for the memory that the next Append touches.
  void Prefetch() const {
    __builtin_prefetch(bytes_.data(), 1);
    __builtin_prefetch(bytes_.data() + bits_ / 8, 1);
  }
  uint16_t count() const { return count_; }
  int64_t first_time() const { return first_time_; }
  int64_t last_time() const { return last_time_; }
  uint64_t last_bits() const { return last_bits_; }
  const std::string& bytes() const { return bytes_; }
  ChunkView view() const { return {first_time_, last_time_, Encoding::kXor, bytes_}; }
  void Clear() { *this = XorChunk(); }

 private:
  void AppendCode(int64_t t, uint64_t delta, uint64_t bits);

  std::string bytes_;
  size_t bits_ = 0;
  int64_t first_time_ = 0;
  int64_t last_time_ = 0;
  uint64_t delta_ = 0;
  uint64_t last_bits_ = 0;
  XorWindow window_;
  uint16_t count_ = 0;
};

// Walks the samples of a chunk; safe on any bytes.
class XorIterator {
 public:
  explicit XorIterator(std::string_view chunk);
  // False at the end and on damage; status() tells which.
  bool Next();
  int64_t time() const { return time_; }
  uint64_t bits() const { return value_; }
  uint16_t total() const { return total_; }
  Status status() const;

 private:
  uint64_t ReadUvarint();

  BitReader in_;
  uint16_t total_ = 0;
  uint16_t read_ = 0;
  int64_t time_ = 0;
  uint64_t delta_ = 0;
  uint64_t value_ = 0;
  XorWindow window_;
  bool damaged_ = false;
};

// Appends the samples of [mint, maxt] to *out (xor_decode.cc).
Status DecodeXorChunk(std::string_view chunk, int64_t mint, int64_t maxt,
                      storage::SampleColumns* out);

}  // namespace narthex::tsdb
