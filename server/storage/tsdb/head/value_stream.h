#pragma once
// The values of an open chunk, without timestamps, in the encoding that fits them best.
//
//   kConst   all samples equal: nothing but the state
//   kTwo     one change so far:  ┌ u64 first value ┬ u8 how often ┐
//   kInt     integers |v| < 2^53: first 64 bit raw, then zigzag(Δ) in 0 | 10+4 | 110+12 | 1110+21 |
//            1111+64 raw bits of the double (stale markers, jumps)
//   kInt2    the same over ΔΔ (steady counters)
//   kDec     integers after multiplication by 10^aux, where that round-trips to the bit; as kInt
//   kXor     Prometheus' XOR code; aux, trail are its window
//
// Encodings only move towards kXor within a chunk, except for one review after 16 samples.
// Every bit pattern survives, NaN payloads and -0 included.
//
// Thread safety: none; the owner's lock guards state and buffer.

#include <cstdint>
#include <span>

#include "server/storage/tsdb/series/slab.h"

namespace narthex::tsdb {

enum class ValueEncoding : uint8_t { kConst, kTwo, kInt, kInt2, kDec, kXor };

// What one open chunk keeps in memory: 24 bytes and the buffer.
struct ValueState {
  uint64_t last_bits = 0;  // outlives the chunk: the newest value of the series
  uint32_t buffer = 0;     // Slab handle
  uint16_t bits = 0;       // written so far
  uint8_t count = 0;       // samples in the chunk
  ValueEncoding encoding = ValueEncoding::kConst;
  int32_t last_delta = 0;   // kInt2
  uint16_t start_tick = 0;  // of the first sample, low bits; the group's business
  uint8_t aux = 0;          // kDec: decimal exponent; kXor: leading zeros
  uint8_t trail = 0;        // kXor: trailing zeros
};
static_assert(sizeof(ValueState) == 24);

inline constexpr int kMaxStreamValues = 120;
inline constexpr int kReviewAt = 16;  // samples after which an integer encoding is chosen anew

// Appends last_bits once more where that takes no more than counting; false: use AppendValue.
// state->count must be below kMaxStreamValues.
inline bool RepeatValue(ValueState* state) {
  if (state->encoding > ValueEncoding::kTwo) {
    // The code is one zero bit, which is there already unless a byte has to be begun.
    const bool zero = state->encoding != ValueEncoding::kInt2 || state->last_delta == 0;
    if (state->bits % 8 == 0 || state->count == kReviewAt || !zero) return false;
    ++state->bits;
  }
  ++state->count;
  return true;
}

// Appends a value; state->count must be below kMaxStreamValues. False when memory ran out: the
// state is then as before.
bool AppendValue(Slab& slab, ValueState* state, uint64_t bits);
// Decodes all state.count values.
void DecodeValues(const ValueState& state, const uint8_t* buffer, uint64_t* out);
// Bytes of the buffer that hold the stream.
inline size_t StreamBytes(const ValueState& state) { return (state.bits + 7u) / 8; }
// Empties the chunk and gives its buffer back; last_bits stays.
void ClearValues(Slab& slab, ValueState* state);

}  // namespace narthex::tsdb
