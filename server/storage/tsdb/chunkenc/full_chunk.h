#pragma once
// Writes a full chunk in one go: the bytes of XorChunk, without going through them sample by
// sample.
//
// Thread safety: a function.

#include <cstdint>
#include <span>
#include <string_view>

namespace narthex::tsdb {

inline constexpr size_t kMaxFullChunkSamples = 240;

class FullChunk {
 public:
  // 1 to kMaxFullChunkSamples samples, ascending in time.
  FullChunk(std::span<const int64_t> times, std::span<const uint64_t> values);
  std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_), size_}; }

 private:
  // Head, two varints, and per sample at most 68 bits of time and 77 of value.
  static constexpr size_t kMaxBytes = 2 + 20 + kMaxFullChunkSamples * 19 + 16;
  size_t size_ = 0;
  uint8_t bytes_[kMaxBytes];
};

}  // namespace narthex::tsdb
