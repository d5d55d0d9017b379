#pragma once
// A protobuf wire reader without exceptions or allocation:
//
//   for (PbReader r(bytes); r.Next();) switch (r.field()) { case 1: name = r.Bytes(); break; }
//   … then ask ok().
//
// A field that is not read by the fitting accessor is skipped by the next Next(). A wrong wire type
// or a truncated field makes the reader fail: Next() is false, ok() is false, values are zero, and
// failure() says why, in the distinctions of the generated readers of Go.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/base/bytes.h"

namespace narthex {

class PbReader {
 public:
  enum class Failure : uint8_t {
    kNone,
    kTruncated,
    kOverflow,         // a varint of more than ten bytes
    kNegativeLength,   // a length that does not fit a signed integer
    kWireType,         // of field(): wire_type()
    kIllegalTag,       // field number 0 or negative
    kIllegalWireType,  // 6 or 7
    kEndGroup,         // without a beginning
  };

  explicit PbReader(std::string_view data) : p_(data.data()), end_(data.data() + data.size()) {}

  bool Next() {
    if (pending_) Skip();
    if (!ok_ || p_ == end_) return false;
    uint64_t key = RawVarint();
    field_ = static_cast<uint32_t>(key >> 3);
    wire_ = static_cast<uint32_t>(key & 7);
    if (!ok_) return false;
    if (wire_ == kEndGroup) {
      Fail(Failure::kEndGroup);
    } else if (static_cast<int32_t>(field_) <= 0 || key > UINT32_MAX) {
      Fail(Failure::kIllegalTag);
    }
    pending_ = ok_;
    return ok_;
  }

  uint32_t field() const { return field_; }
  uint32_t wire_type() const { return wire_; }
  bool ok() const { return ok_; }
  Failure failure() const { return failure_; }

  uint64_t Uint64() { return Expect(kVarint) ? RawVarint() : 0; }
  int64_t Int64() { return static_cast<int64_t>(Uint64()); }
  int64_t Sint64() { return ZigZagDecode(Uint64()); }
  double Double() { return Expect(kFixed64) ? RawDouble() : 0; }
  std::string_view Bytes() { return Expect(kLength) ? RawBytes() : std::string_view(); }

  // One element or a packed run of them, each given to f.
  template <typename F>
  void EachSint64(F f) {
    if (wire_ != kLength) return f(Sint64());
    PbReader packed(Bytes());
    while (packed.ok_ && packed.p_ != packed.end_) f(ZigZagDecode(packed.RawVarint()));
    if (!packed.ok_) Fail(packed.failure_);
  }
  template <typename F>
  void EachUint64(F f) {
    if (wire_ != kLength) return f(Uint64());
    PbReader packed(Bytes());
    while (packed.ok_ && packed.p_ != packed.end_) f(packed.RawVarint());
    if (!packed.ok_) Fail(packed.failure_);
  }
  template <typename F>
  void EachDouble(F f) {
    if (wire_ != kLength) return f(Double());
    PbReader packed(Bytes());
    while (packed.ok_ && packed.p_ != packed.end_) f(packed.RawDouble());
    if (!packed.ok_) Fail(packed.failure_);
  }

 private:
  enum Wire : uint32_t {
    kVarint = 0,
    kFixed64 = 1,
    kLength = 2,
    kStartGroup = 3,
    kEndGroup = 4,
    kFixed32 = 5
  };

  bool Expect(uint32_t wire) {
    if (!pending_ || wire_ != wire) Fail(Failure::kWireType);
    pending_ = false;
    return ok_;
  }
  void Fail(Failure why) {
    if (ok_) failure_ = why;
    ok_ = false;
    pending_ = false;
    p_ = end_;
  }
  // A field that is not known, groups (which none of our messages has) with all they contain.
  void Skip() {
    pending_ = false;
    const uint32_t field = field_;
    uint64_t depth = 0;
    for (;;) {
      if (wire_ == kStartGroup) ++depth;
      if (wire_ == kEndGroup) --depth;
      SkipValue();
      if (!ok_ || depth == 0) break;
      if (p_ == end_) return Fail(Failure::kTruncated);
      wire_ = static_cast<uint32_t>(RawVarint() & 7);
    }
    field_ = field;
  }
  void SkipValue() {
    switch (wire_) {
      case kStartGroup:
      case kEndGroup: break;
      case kVarint: RawVarint(); break;
      case kFixed64: RawDouble(); break;
      case kLength: RawBytes(); break;
      case kFixed32: Advance(4); break;
      default: Fail(Failure::kIllegalWireType);
    }
  }
  void Advance(size_t n) {
    if (static_cast<size_t>(end_ - p_) < n) {
      return Fail(n > INT64_MAX ? Failure::kNegativeLength : Failure::kTruncated);
    }
    p_ += n;
  }
  uint64_t RawVarint() {
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (p_ == end_) return Fail(Failure::kTruncated), 0;
      auto byte = static_cast<uint8_t>(*p_++);
      v |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return v;
    }
    Fail(Failure::kOverflow);
    return 0;
  }
  double RawDouble() {
    const char* at = p_;
    Advance(8);
    if (!ok_) return 0;
    uint64_t bits;
    std::memcpy(&bits, at, 8);
    return std::bit_cast<double>(bits);
  }
  std::string_view RawBytes() {
    uint64_t n = RawVarint();
    const char* at = p_;
    Advance(n);
    return ok_ ? std::string_view(at, n) : std::string_view();
  }

  const char* p_;
  const char* end_;
  uint32_t field_ = 0;
  uint32_t wire_ = 0;
  bool pending_ = false;
  bool ok_ = true;
  Failure failure_ = Failure::kNone;
};

}  // namespace narthex
