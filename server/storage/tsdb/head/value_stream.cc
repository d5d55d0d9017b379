#include "server/storage/tsdb/head/value_stream.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/base/bytes.h"
#include "core/base/decimal.h"
#include "server/storage/interface.h"
#include "server/storage/tsdb/chunkenc/bits.h"

namespace narthex::tsdb {
namespace {

constexpr uint8_t kNoExponent = 0xff;
constexpr size_t kTwoBits = 72;

// A code of at most two pieces, collected before room is made for it. Values have no bits beyond
// their size.
struct Code {
  uint64_t value[2];
  unsigned size[2];
  int pieces = 0;
  void operator()(uint64_t v, unsigned n) {
    value[pieces] = v;
    size[pieces++] = n;
  }
  size_t bits() const { return pieces == 1 ? size[0] : size[0] + size[1]; }
};

struct Bucket {
  uint64_t prefix;
  unsigned size;  // prefix included
};

// The bucket of an integer code; size 0: written as a literal.
inline Bucket BucketOf(uint64_t z) {
  if (z == 0) return {0, 1};
  if (z < 16) return {0b10u << 4, 6};
  if (z < 4096) return {0b110u << 12, 15};
  if (z < uint64_t{1} << 21) return {0b1110u << 21, 25};
  return {0, 0};
}

constexpr uint64_t kLiteralPrefix = 0b1111;
constexpr unsigned kLiteralBits = 4 + 64;

// The step from one scaled value to the next under Δ or ΔΔ; false: a literal. *last_delta follows.
inline bool StepCode(int64_t from, int64_t to, bool second_order, int32_t* last_delta,
                     uint64_t* z) {
  const int64_t delta = to - from;
  int64_t code = delta;
  if (second_order) {
    if (delta != static_cast<int32_t>(delta)) return false;
    code -= *last_delta;
  }
  *z = ZigZagEncode(code);
  if (*z >= uint64_t{1} << 21) return false;
  *last_delta = static_cast<int32_t>(delta);
  return true;
}

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
      bits_ = UnscaleDecimal(scaled_, exponent_);
    }
    return bits_;
  }

 private:
  uint64_t Set(uint64_t bits) {
    bits_ = bits;
    if (!ScaleDecimal(bits, exponent_, &scaled_)) scaled_ = 0;
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
bool Grow(Slab& slab, ValueState* s, size_t need) {
  const uint32_t bigger = slab.Allocate(need);
  if (bigger == 0) return false;
  if (s->buffer != 0) {
    std::memcpy(slab.Address(bigger), slab.Address(s->buffer), StreamBytes(*s));
    slab.Free(s->buffer, StreamBytes(*s));
  }
  s->buffer = bigger;
  return true;
}

inline bool Reserve(Slab& slab, ValueState* s, size_t bits) {
  const size_t have = StreamBytes(*s);
  const size_t need = (s->bits + bits + 7) / 8;
  // Capacities are multiples of 16.
  if (have != 0 && (have + 15) / 16 == (need + 15) / 16) return true;
  if (have != 0 && need <= Slab::Capacity(have)) return true;
  return Grow(slab, s, need);
}

// Ors `size` bits (1 … 64) into zeroed memory, eight bytes at a time where these are ours.
inline void PutFast(uint8_t* buffer, size_t capacity, size_t pos, uint64_t value, unsigned size) {
  const size_t at = pos / 8;
  const unsigned shift = pos % 8;
  if (at + 9 > capacity) return PutBits(buffer, pos, value, size);
  uint64_t word;
  std::memcpy(&word, buffer + at, 8);
  const uint64_t left = value << (64 - size);
  word |= __builtin_bswap64(left >> shift);
  std::memcpy(buffer + at, &word, 8);
  if (size + shift > 64) buffer[at + 8] |= static_cast<uint8_t>(left << (8 - shift) & 0xff);
}

// Where a stream is written: its buffer in the slab, which grows, or memory that is large enough.
struct Room {
  Slab* slab;
  uint8_t* memory = nullptr;
};

bool PutCode(Room room, ValueState* s, const Code& code) {
  uint8_t* buffer = room.memory;
  if (buffer == nullptr) {
    if (!Reserve(*room.slab, s, code.bits())) return false;
    buffer = room.slab->Address(s->buffer);
  }
  const size_t capacity = ((s->bits + code.bits() + 7) / 8 + 15) / 16 * 16;
  size_t pos = s->bits;
  for (int i = 0; i < code.pieces; ++i) {
    PutFast(buffer, capacity, pos, code.value[i], code.size[i]);
    pos += code.size[i];
  }
  s->bits = static_cast<uint16_t>(pos);
  return true;
}

bool PutFirst(Room room, ValueState* s, uint64_t bits) {
  Code code;
  code(bits, 64);
  if (!PutCode(room, s, code)) return false;
  s->last_bits = bits;
  s->count = 1;
  return true;
}

bool PutXor(Room room, ValueState* s, uint64_t bits) {
  Code code;
  XorWindow window{s->aux, s->trail};
  EncodeXor(s->last_bits, bits, &window, code);
  if (!PutCode(room, s, code)) return false;
  s->aux = window.leading;
  s->trail = window.trailing;
  s->last_bits = bits;
  ++s->count;
  return true;
}

// Appends to an integer stream. kForeign: the value is not of its domain, nothing happened.
enum class IntPut { kDone, kForeign, kNoMemory };
IntPut PutInt(Room room, ValueState* s, uint64_t bits) {
  const uint8_t e = ExponentOf(*s);
  int64_t from, to;
  int32_t last_delta = s->last_delta;
  uint64_t z = 0;
  Code code;
  // Stale markers go as literals.
  const bool fits = ScaleDecimal(bits, e, &to);
  if (!fits && bits != storage::kStaleNaNBits) return IntPut::kForeign;
  if (fits && ScaleDecimal(s->last_bits, e, &from) &&
      StepCode(from, to, s->encoding == ValueEncoding::kInt2, &last_delta, &z)) {
    const Bucket bucket = BucketOf(z);
    code(bucket.prefix | z, bucket.size);
  } else {
    last_delta = 0;
    code(kLiteralPrefix, 4);
    code(bits, 64);
  }
  if (!PutCode(room, s, code)) return IntPut::kNoMemory;
  s->last_delta = last_delta;
  s->last_bits = bits;
  ++s->count;
  return IntPut::kDone;
}

// Appends to a stream of a plan that fits all its values.
bool PutPlanned(Room room, ValueState* s, uint64_t bits) {
  if (s->count == 0) return PutFirst(room, s, bits);
  if (s->encoding == ValueEncoding::kXor) return PutXor(room, s, bits);
  return PutInt(room, s, bits) == IntPut::kDone;
}

struct Plan {
  ValueEncoding encoding = ValueEncoding::kXor;
  uint8_t exponent = 0;
  size_t bits = SIZE_MAX;
};

size_t XorCost(std::span<const uint64_t> values) {
  XorWindow window;
  size_t bits = 64;
  for (size_t i = 1; i < values.size(); ++i) {
    EncodeXor(values[i - 1], values[i], &window, [&bits](uint64_t, unsigned n) { bits += n; });
  }
  return bits;
}

// Values of one chunk as integers.
struct Scaled {
  int64_t value[kMaxStreamValues];
  bool ok[kMaxStreamValues];
  uint8_t exponent = kNoExponent;
};

// Finds the smallest exponent under which every value but stale markers is an integer.
void Scale(std::span<const uint64_t> values, Scaled* out) {
  uint8_t e = 0;
  for (size_t i = 0; i < values.size();) {
    out->ok[i] = ScaleDecimal(values[i], e, &out->value[i]);
    if (out->ok[i] || values[i] == storage::kStaleNaNBits) {
      ++i;
    } else if (++e > kMaxDecimalExponent) {
      return;
    } else {
      i = 0;  // a value that fitted 10^e need not fit 10^(e+1)
    }
  }
  out->exponent = e;
}

size_t IntCost(const Scaled& scaled, size_t n, bool second_order) {
  int32_t last_delta = 0;
  uint64_t z = 0;
  size_t bits = 64;
  for (size_t i = 1; i < n; ++i) {
    if (scaled.ok[i - 1] && scaled.ok[i] &&
        StepCode(scaled.value[i - 1], scaled.value[i], second_order, &last_delta, &z)) {
      bits += BucketOf(z).size;
    } else {
      last_delta = 0;
      bits += kLiteralBits;
    }
  }
  return bits;
}

Plan BestPlan(std::span<const uint64_t> values) {
  Plan best{ValueEncoding::kXor, 0, XorCost(values)};
  Scaled scaled;
  Scale(values, &scaled);
  const uint8_t e = scaled.exponent;
  if (e == kNoExponent) return best;
  const auto consider = [&](ValueEncoding encoding, bool second_order) {
    const size_t bits = IntCost(scaled, values.size(), second_order);
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
  fresh.aux = plan.encoding == ValueEncoding::kDec   ? plan.exponent
              : plan.encoding == ValueEncoding::kXor ? XorWindow().leading
                                                     : uint8_t{0};
  uint8_t buffer[Slab::kMaxSize];
  const size_t bytes = (plan.bits + 7) / 8;
  std::memset(buffer, 0, std::min(sizeof buffer, bytes + 16));
  for (const uint64_t v : values) PutPlanned({nullptr, buffer}, &fresh, v);
  fresh.buffer = slab.Allocate(bytes);
  if (fresh.buffer == 0) return false;
  std::memcpy(slab.Address(fresh.buffer), buffer, bytes);
  ClearValues(slab, s);
  *s = fresh;
  return true;
}

// Appends a value under the plan that is best with it.
bool RewriteWith(Slab& slab, ValueState* s, uint64_t bits) {
  uint64_t values[kMaxStreamValues];
  DecodeValues(*s, s->buffer == 0 ? nullptr : slab.Address(s->buffer), values);
  values[s->count] = bits;
  const std::span<const uint64_t> all(values, s->count + 1u);
  const Plan plan = BestPlan(all);
  // Mostly a review finds that the encoding is right.
  const bool same = plan.encoding == s->encoding && plan.encoding != ValueEncoding::kXor &&
                    plan.exponent == ExponentOf(*s);
  return same ? PutInt({&slab}, s, bits) == IntPut::kDone : Rewrite(slab, s, all, plan);
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
      if (s->count != kReviewAt) {
        const IntPut put = PutInt({&slab}, s, bits);
        if (put != IntPut::kForeign) return put == IntPut::kDone;
      }
      return RewriteWith(slab, s, bits);
    case ValueEncoding::kXor: return PutXor({&slab}, s, bits);
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
