#pragma once
// Four doubles at once, and the compensated sum of kahan.h without branches, bit for bit the same.
// Compilers that may not use AVX split them; use them in NX_VECTORIZED functions, and pass them by
// reference only, so that no calling convention depends on it.

#include <cstdint>
#include <cstring>
#include <limits>

namespace narthex::promql {

typedef double Lanes __attribute__((vector_size(32)));
typedef int64_t LaneMask __attribute__((vector_size(32)));
inline constexpr size_t kLaneWidth = sizeof(Lanes) / sizeof(double);

#define NX_LANE_INLINE inline __attribute__((always_inline))

template <typename To, typename From>
NX_LANE_INLINE void LoadLanes(const From* from, To* to) {
  std::memcpy(to, from, sizeof *to);
}
template <typename From>
NX_LANE_INLINE void StoreLanes(const From& from, double* to) {
  std::memcpy(to, &from, sizeof from);
}

NX_LANE_INLINE void Magnitude(const Lanes& v, Lanes* out) {
  const LaneMask no_sign = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
  *out = reinterpret_cast<Lanes>(reinterpret_cast<LaneMask>(v) & no_sign);
}

// KahanAdd of four lanes as long as the sums are finite. One that is not is so for good, as it is
// with KahanAdd; what it lacks then is worth nothing.
NX_LANE_INLINE void AddFiniteLanes(const Lanes& v, Lanes* sum, Lanes* c) {
  const Lanes s = *sum;
  const Lanes t = s + v;
  Lanes magnitude_s, magnitude_v;
  Magnitude(s, &magnitude_s);
  Magnitude(v, &magnitude_v);
  const LaneMask sum_is_big = magnitude_s >= magnitude_v;
  const Lanes big = sum_is_big ? s : v;
  const Lanes small = sum_is_big ? v : s;
  *c = *c + ((big - t) + small);
  *sum = t;
}

// KahanAdd of four lanes.
NX_LANE_INLINE void AddLanes(const Lanes& v, Lanes* sum, Lanes* c) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  AddFiniteLanes(v, sum, c);
  Lanes magnitude;
  Magnitude(*sum, &magnitude);
  const LaneMask infinite = magnitude == Lanes{kInf, kInf, kInf, kInf};
  *c = infinite ? Lanes{} : *c;
}

// Exact below 2^51.
NX_LANE_INLINE void ToLanes(const LaneMask& integers, Lanes* out) {
  const LaneMask magic_bits = LaneMask{} + 0x4338000000000000;  // 1.5 · 2^52
  *out = reinterpret_cast<Lanes>(integers + magic_bits) - reinterpret_cast<Lanes>(magic_bits);
}

}  // namespace narthex::promql
