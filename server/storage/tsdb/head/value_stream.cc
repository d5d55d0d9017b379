#include "server/storage/tsdb/head/value_stream.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

#include "core/base/bytes.h"
#include "server/storage/interface.h"
#include "server/storage/tsdb/chunkenc/bits.h"

namespace narthex::tsdb {
namespace {

constexpr double kPow10[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
constexpr uint8_t kMaxExponent = 9;
constexpr int kReviewAt = 16;
constexpr size_t kTwoBits = 72;

// The integer m with double(m) / 10^e == v to the bit.
std::optional<int64_t> ToScaled(uint64_t bits, uint8_t e) {
  const double v = std::bit_cast<double>(bits);
  const double scaled = v * kPow10[e];
  if (!(std::fabs(scaled) < 9007199254740992.0)) return std::nullopt;  // 2^53; also NaN
  const int64_t m = std::llrint(scaled);
  if (std::bit_cast<uint64_t>(static_cast<double>(m) / kPow10[e]) != bits) return std::nullopt;
  return m;
}

uint64_t FromScaled(int64_t m, uint8_t e) {
  return std::bit_cast<uint64_t>(static_cast<double>(m) / kPow10[e]);
}

// The code of one value after another; put(bits, count) receives it.
struct IntCoder {
  uint8_t exponent;
  bool second_order;
  int32_t* last_delta;

  template <typename Put>
  void Encode(uint64_t previous, uint64_t bits, Put&& put) const {
    const auto from = ToScaled(previous, exponent);
    const auto to = ToScaled(bits, exponent);
    if (!from || !to) return Literal(bits, put);
    const int64_t delta = *to - *from;
    int64_t code = delta;
    if (second_order) {
      if (delta != static_cast<int32_t>(delta)) return Literal(bits, put);
      code = delta - *last_delta;
    }
    const uint64_t z = ZigZagEncode(code);
    if (z >= uint64_t{1} << 21) return Literal(bits, put);
    *last_delta = static_cast<int32_t>(delta);
    if (z == 0) return put(0, 1);
    if (z < 16) return put(0b10u << 4 | z, 6);
    if (z < 4096) return put(0b110u << 12 | z, 15);
    put(0b1110u << 21 | z, 25);
  }

  template <typename Put>
  void Literal(uint64_t bits, Put&& put) const {
    *last_delta = 0;
    put(0b1111, 4);
    put(bits, 64);
  }
};

// Walks an integer stream.
class IntDecoder {
 public:
  IntDecoder(uint8_t exponent, bool second_order, BitReader in)
      : exponent_(exponent), second_order_(second_order), in_(in) {}

  uint64_t First() { return Set(in_.Get(64)); }
  uint64_t Next() {
    unsigned size = 0;
    if (in_.Bit()) {
      size = !in_.Bit() ? 4 : !in_.Bit() ? 12 : !in_.Bit() ? 21 : 64;
    }
    if (size == 64) return Set(in_.Get(64));
    int64_t delta = size == 0 ? 0 : ZigZagDecode(in_.Get(size));
    if (second_order_) delta += last_delta_;
    last_delta_ = delta;
    if (delta != 0) {
      scaled_ += delta;
      bits_ = FromScaled(scaled_, exponent_);
    }
    return bits_;
  }

 private:
  uint64_t Set(uint64_t bits) {
    bits_ = bits;
    scaled_ = ToScaled(bits, exponent_).value_or(0);
    last_delta_ = 0;
    return bits;
  }
  uint8_t exponent_;
  bool second_order_;
  BitReader in_;
  uint64_t bits_ = 0;
  int64_t scaled_ = 0;
  int64_t last_delta_ = 0;
};

uint8_t ExponentOf(const ValueState& s) { return s.encoding == ValueEncoding::kDec ? s.aux : 0; }

// Makes room for `bits` more; false when memory ran out.
bool Reserve(Slab& slab, ValueState* s, size_t bits) {
  const size_t have = s->buffer == 0 ? 0 : Slab::Capacity(StreamBytes(*s));
  const size_t need = (s->bits + bits + 7) / 8;
  if (need <= have) return true;
  const uint32_t bigger = slab.Allocate(need);
  if (bigger == 0) return false;
  if (s->buffer != 0) {
    std::memcpy(slab.Address(bigger), slab.Address(s->buffer), StreamBytes(*s));
    slab.Free(s->buffer, StreamBytes(*s));
  }
  s->buffer = bigger;
  return true;
}

// A code of at most two pieces, collected before room is made for it.
struct Code {
  uint64_t value[2];
  unsigned size[2];
  int pieces = 0;
  void operator()(uint64_t v, unsigned n) {
    value[pieces] = v;
    size[pieces++] = n;
  }
  size_t bits() const { return pieces == 0 ? 0 : pieces == 1 ? size[0] : size[0] + size[1]; }
};

bool PutCode(Slab& slab, ValueState* s, const Code& code) {
  if (!Reserve(slab, s, code.bits())) return false;
  uint8_t* buffer = slab.Address(s->buffer);
  for (int i = 0; i < code.pieces; ++i) {
    PutBits(buffer, s->bits, code.value[i], code.size[i]);
    s->bits = static_cast<uint16_t>(s->bits + code.size[i]);
  }
  return true;
}

// Appends to a stream that is kInt, kInt2, kDec or kXor already.
bool PutValue(Slab& slab, ValueState* s, uint64_t bits) {
  Code code;
  ValueState next = *s;
  if (s->encoding == ValueEncoding::kXor) {
    if (s->count == 0) {
      code(bits, 64);
      next.aux = 0xff;
    } else {
      XorWindow window{s->aux, s->trail};
      EncodeXor(s->last_bits, bits, &window, code);
      next.aux = window.leading;
      next.trail = window.trailing;
    }
  } else if (s->count == 0) {
    code(bits, 64);
    next.last_delta = 0;
  } else {
    const IntCoder coder{ExponentOf(*s), s->encoding == ValueEncoding::kInt2, &next.last_delta};
    coder.Encode(s->last_bits, bits, code);
  }
  if (!PutCode(slab, &next, code)) return false;
  next.last_bits = bits;
  ++next.count;
  *s = next;
  return true;
}

struct Plan {
  ValueEncoding encoding = ValueEncoding::kXor;
  uint8_t exponent = 0;
  size_t bits = SIZE_MAX;
};

size_t IntCost(std::span<const uint64_t> values, uint8_t exponent, bool second_order) {
  int32_t last_delta = 0;
  size_t bits = 64;
  const IntCoder coder{exponent, second_order, &last_delta};
  for (size_t i = 1; i < values.size(); ++i) {
    coder.Encode(values[i - 1], values[i], [&bits](uint64_t, unsigned n) { bits += n; });
  }
  return bits;
}

size_t XorCost(std::span<const uint64_t> values) {
  XorWindow window;
  size_t bits = 64;
  for (size_t i = 1; i < values.size(); ++i) {
    EncodeXor(values[i - 1], values[i], &window, [&bits](uint64_t, unsigned n) { bits += n; });
  }
  return bits;
}

// The smallest exponent under which every value but stale markers is an integer; 0xff: none.
uint8_t CommonExponent(std::span<const uint64_t> values) {
  uint8_t e = 0;
  for (size_t i = 0; i < values.size();) {
    if (values[i] == storage::kStaleNaNBits || ToScaled(values[i], e)) {
      ++i;
    } else if (++e > kMaxExponent) {
      return 0xff;
    } else {
      i = 0;  // a value that fitted 10^e need not fit 10^(e+1)
    }
  }
  return e;
}

Plan BestPlan(std::span<const uint64_t> values) {
  Plan best{ValueEncoding::kXor, 0, XorCost(values)};
  const uint8_t e = CommonExponent(values);
  if (e == 0xff) return best;
  const auto consider = [&](ValueEncoding encoding, bool second_order) {
    const size_t bits = IntCost(values, e, second_order);
    if (bits < best.bits) best = {encoding, e, bits};
  };
  if (e == 0) {
    consider(ValueEncoding::kInt, false);
    consider(ValueEncoding::kInt2, true);
  } else {
    consider(ValueEncoding::kDec, false);
  }
  return best;
}

// Writes the chunk anew under a plan. `keep` holds the old state; on failure nothing changes.
bool Rewrite(Slab& slab, ValueState* s, std::span<const uint64_t> values, const Plan& plan) {
  ValueState fresh;
  fresh.start_tick = s->start_tick;
  fresh.encoding = plan.encoding;
  if (plan.encoding == ValueEncoding::kDec) fresh.aux = plan.exponent;
  for (const uint64_t v : values) {
    if (PutValue(slab, &fresh, v)) continue;
    ClearValues(slab, &fresh);
    return false;
  }
  ClearValues(slab, s);
  *s = fresh;
  return true;
}

bool RewriteWith(Slab& slab, ValueState* s, uint64_t bits) {
  uint64_t values[kMaxStreamValues];
  DecodeValues(*s, s->buffer == 0 ? nullptr : slab.Address(s->buffer), values);
  values[s->count] = bits;
  const std::span<const uint64_t> all(values, s->count + 1u);
  return Rewrite(slab, s, all, BestPlan(all));
}

bool BeginTwo(Slab& slab, ValueState* s, uint64_t bits) {
  ValueState next = *s;
  if (!Reserve(slab, &next, kTwoBits)) return false;
  uint8_t* buffer = slab.Address(next.buffer);
  std::memcpy(buffer, &s->last_bits, 8);
  buffer[8] = s->count;
  next.bits = kTwoBits;
  next.encoding = ValueEncoding::kTwo;
  next.last_bits = bits;
  ++next.count;
  *s = next;
  return true;
}

// Whether the value belongs to the domain of an integer encoding; stale markers go as literals.
bool FitsDomain(const ValueState& s, uint64_t bits) {
  return bits == storage::kStaleNaNBits || ToScaled(bits, ExponentOf(s)).has_value();
}

}  // namespace

bool AppendValue(Slab& slab, ValueState* s, uint64_t bits) {
  switch (s->encoding) {
    case ValueEncoding::kConst:
    case ValueEncoding::kTwo:
      if (s->count == 0 || bits == s->last_bits) {
        s->last_bits = bits;
        ++s->count;
        return true;
      }
      return s->encoding == ValueEncoding::kConst ? BeginTwo(slab, s, bits)
                                                  : RewriteWith(slab, s, bits);
    case ValueEncoding::kInt:
    case ValueEncoding::kInt2:
    case ValueEncoding::kDec:
      if (s->count == kReviewAt || !FitsDomain(*s, bits)) return RewriteWith(slab, s, bits);
      return PutValue(slab, s, bits);
    case ValueEncoding::kXor:
      return PutValue(slab, s, bits);
  }
  return false;
}

void DecodeValues(const ValueState& s, const uint8_t* buffer, uint64_t* out) {
  switch (s.encoding) {
    case ValueEncoding::kConst:
      for (int i = 0; i < s.count; ++i) out[i] = s.last_bits;
      return;
    case ValueEncoding::kTwo: {
      uint64_t first = 0;
      std::memcpy(&first, buffer, 8);
      for (int i = 0; i < s.count; ++i) out[i] = i < buffer[8] ? first : s.last_bits;
      return;
    }
    case ValueEncoding::kInt:
    case ValueEncoding::kInt2:
    case ValueEncoding::kDec: {
      if (s.count == 0) return;
      IntDecoder decoder(ExponentOf(s), s.encoding == ValueEncoding::kInt2,
                         BitReader(buffer, s.bits));
      out[0] = decoder.First();
      for (int i = 1; i < s.count; ++i) out[i] = decoder.Next();
      return;
    }
    case ValueEncoding::kXor: {
      if (s.count == 0) return;
      BitReader in(buffer, s.bits);
      XorWindow window;
      out[0] = in.Get(64);
      for (int i = 1; i < s.count; ++i) out[i] = DecodeXor(out[i - 1], &window, &in);
      return;
    }
  }
}

void ClearValues(Slab& slab, ValueState* s) {
  if (s->buffer != 0) slab.Free(s->buffer, StreamBytes(*s));
  const uint64_t last = s->last_bits;
  *s = ValueState{};
  s->last_bits = last;
}

}  // namespace narthex::tsdb
