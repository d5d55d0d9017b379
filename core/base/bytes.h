#pragma once
// Reading and writing of binary formats: fixed-width integers in either byte order, Go/protobuf
// varints, length-prefixed strings. The reader never reads past its end: after the first failed
// read ok() is false and every further read returns zero or empty.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace narthex {

inline uint64_t ZigZagEncode(int64_t v) {
  return (static_cast<uint64_t>(v) << 1) ^ static_cast<uint64_t>(v >> 63);
}
inline int64_t ZigZagDecode(uint64_t v) { return static_cast<int64_t>((v >> 1) ^ (~(v & 1) + 1)); }

inline constexpr size_t kMaxUvarint = 10;
// Writes at most kMaxUvarint bytes and returns the end.
inline char* PutUvarint(uint64_t v, char* out) {
  for (; v >= 0x80; v >>= 7) *out++ = static_cast<char>(v | 0x80);
  *out++ = static_cast<char>(v);
  return out;
}

class ByteReader {
 public:
  explicit ByteReader(std::string_view data) : p_(data.data()), end_(p_ + data.size()) {}

  bool ok() const { return ok_; }
  bool empty() const { return p_ == end_; }
  size_t remaining() const { return static_cast<size_t>(end_ - p_); }
  std::string_view rest() const { return {p_, remaining()}; }

  uint8_t U8() { return Fixed<uint8_t>(); }
  uint16_t Be16() { return BigEndian(Fixed<uint16_t>()); }
  uint32_t Be32() { return BigEndian(Fixed<uint32_t>()); }
  uint64_t Be64() { return BigEndian(Fixed<uint64_t>()); }
  uint16_t Le16() { return Fixed<uint16_t>(); }
  uint32_t Le32() { return Fixed<uint32_t>(); }
  uint64_t Le64() { return Fixed<uint64_t>(); }
  double LeDouble() { return std::bit_cast<double>(Le64()); }

  uint64_t Uvarint() {
    if (p_ != end_ && static_cast<uint8_t>(*p_) < 0x80) return static_cast<uint8_t>(*p_++);
    return LongUvarint();
  }
  // Passes over n of them, however long they are.
  void SkipUvarints(size_t n);
  // Go's binary.Varint: zigzag over Uvarint.
  int64_t Varint() { return ZigZagDecode(Uvarint()); }
  std::string_view Bytes(size_t n) {
    if (remaining() < n) return Fail(), std::string_view();
    const std::string_view bytes(p_, n);
    p_ += n;
    return bytes;
  }
  // Uvarint length, then that many bytes.
  std::string_view UvarintString() { return Bytes(Uvarint()); }
  void Skip(size_t n) { Bytes(n); }

 private:
  static_assert(std::endian::native == std::endian::little);
  template <typename T>
  T Fixed() {
    T v = 0;
    if (remaining() < sizeof(T)) return Fail(), v;
    std::memcpy(&v, p_, sizeof(T));
    p_ += sizeof(T);
    return v;
  }
  static uint16_t BigEndian(uint16_t v) { return __builtin_bswap16(v); }
  static uint32_t BigEndian(uint32_t v) { return __builtin_bswap32(v); }
  static uint64_t BigEndian(uint64_t v) { return __builtin_bswap64(v); }
  uint64_t LongUvarint();
  void Fail() {
    ok_ = false;
    p_ = end_;
  }

  const char* p_;
  const char* end_;
  bool ok_ = true;
};

// Appends to a std::string it does not own.
class ByteWriter {
 public:
  explicit ByteWriter(std::string* out) : out_(out) {}

  void U8(uint8_t v) { out_->push_back(static_cast<char>(v)); }
  void Be16(uint16_t v) { Raw(__builtin_bswap16(v)); }
  void Be32(uint32_t v) { Raw(__builtin_bswap32(v)); }
  void Be64(uint64_t v) { Raw(__builtin_bswap64(v)); }
  void Le16(uint16_t v) { Raw(v); }
  void Le32(uint32_t v) { Raw(v); }
  void Le64(uint64_t v) { Raw(v); }
  void LeDouble(double v) { Raw(std::bit_cast<uint64_t>(v)); }
  void Uvarint(uint64_t v) {
    if (v < 0x80) return U8(static_cast<uint8_t>(v));
    char bytes[kMaxUvarint];
    out_->append(bytes, static_cast<size_t>(PutUvarint(v, bytes) - bytes));
  }
  void Varint(int64_t v) { Uvarint(ZigZagEncode(v)); }
  void Bytes(std::string_view s) { out_->append(s); }
  void UvarintString(std::string_view s) {
    Uvarint(s.size());
    Bytes(s);
  }
  size_t size() const { return out_->size(); }

 private:
  template <typename T>
  void Raw(T v) {
    out_->append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  std::string* out_;
};

}  // namespace narthex
