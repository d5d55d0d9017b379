#include "server/promql/functions/lane_kernels.h"

#include <algorithm>
#include <cmath>

#include "core/base/vectorized.h"
#include "server/promql/functions/lanes.h"

namespace narthex::promql {
namespace {

constexpr size_t kGroups = kLanes / kLaneWidth;

// With a step of the interval between samples, windows that follow each other begin at samples that
// follow each other.
bool AreNeighbours(const double* const* windows) {
  bool all = true;
  for (size_t l = 1; l < kLanes; ++l) all = all && windows[l] == windows[0] + l;
  return all;
}

// The samples `k` of the windows of a group.
template <bool kNeighbours>
NX_LANE_INLINE void Load(const double* const* windows, size_t group, size_t k, Lanes* v) {
  const double* const* own = windows + group * kLaneWidth;
  if constexpr (kNeighbours) {
    LoadLanes(own[0] + k, v);
  } else {
    *v = Lanes{own[0][k], own[1][k], own[2][k], own[3][k]};
  }
}

// The same where some windows have ended: whatever in their lanes, which `has` leaves out.
NX_LANE_INLINE void LoadLeft(const double* const* windows, const uint32_t* sizes, size_t group,
                             size_t k, Lanes* v, LaneMask* has) {
  const double* const* own = windows + group * kLaneWidth;
  const uint32_t* size = sizes + group * kLaneWidth;
  *has = LaneMask{k < size[0] ? -1 : 0, k < size[1] ? -1 : 0, k < size[2] ? -1 : 0,
                  k < size[3] ? -1 : 0};
  const auto at = [&](size_t l) { return own[l][std::min<size_t>(k, size[l] - 1)]; };
  *v = Lanes{at(0), at(1), at(2), at(3)};
}

// What a window adds up to, of four windows.
struct Sums {
  Lanes sum = {}, c = {};

  NX_LANE_INLINE void Add(const Lanes& v, size_t) { AddFiniteLanes(v, &sum, &c); }
  NX_LANE_INLINE void Take(const LaneMask& which, const Sums& from) {
    sum = which ? from.sum : sum;
    c = which ? from.c : c;
  }
};

struct Moments {
  Lanes mean = {}, c_mean = {}, aux = {}, c_aux = {};

  NX_LANE_INLINE void Add(const Lanes& v, size_t k) {
    const Lanes delta = v - (mean + c_mean);
    AddFiniteLanes(delta / static_cast<double>(k + 1), &mean, &c_mean);
    AddFiniteLanes(delta * (v - (mean + c_mean)), &aux, &c_aux);
  }
  NX_LANE_INLINE void Take(const LaneMask& which, const Moments& from) {
    mean = which ? from.mean : mean;
    c_mean = which ? from.c_mean : c_mean;
    aux = which ? from.aux : aux;
    c_aux = which ? from.c_aux : c_aux;
  }
};

// Adds the samples [begin, end) of all windows, which all have so many.
template <bool kNeighbours, typename State>
NX_LANE_INLINE void AddAll(const double* const* windows, size_t begin, size_t end, State* states) {
  State now[kGroups];
  for (size_t g = 0; g < kGroups; ++g) now[g] = states[g];
  for (size_t k = begin; k < end; ++k) {
    for (size_t g = 0; g < kGroups; ++g) {
      Lanes v;
      Load<kNeighbours>(windows, g, k, &v);
      now[g].Add(v, k);
    }
  }
  for (size_t g = 0; g < kGroups; ++g) states[g] = now[g];
}

// Adds the samples from `begin` on: first those that all windows have, then those that some have.
template <typename State>
NX_LANE_INLINE void AddFrom(size_t begin, const double* const* windows, const uint32_t* sizes,
                            State* states) {
  const auto [shortest, longest] = std::minmax_element(sizes, sizes + kLanes);
  if (AreNeighbours(windows)) {
    AddAll<true>(windows, begin, *shortest, states);
  } else {
    AddAll<false>(windows, begin, *shortest, states);
  }
  for (size_t k = *shortest; k < *longest; ++k) {
    for (size_t g = 0; g < kGroups; ++g) {
      Lanes v;
      LaneMask has;
      LoadLeft(windows, sizes, g, k, &v, &has);
      State next = states[g];
      next.Add(v, k);
      states[g].Take(has, next);
    }
  }
}

NX_VECTORIZED void AddSums(size_t begin, const double* const* windows, const uint32_t* sizes,
                           Sums* sums) {
  AddFrom(begin, windows, sizes, sums);
}

NX_VECTORIZED void AddMoments(const double* const* windows, const uint32_t* sizes,
                              Moments* moments) {
  AddFrom(0, windows, sizes, moments);
}

}  // namespace

bool SumLanes(const double* const* windows, const uint32_t* sizes, double* out) {
  Sums sums[kGroups];
  AddSums(0, windows, sizes, sums);
  for (size_t l = 0; l < kLanes; ++l) {
    const Sums& s = sums[l / kLaneWidth];
    const double sum = s.sum[l % kLaneWidth];
    out[l] = std::isfinite(sum) ? sum + s.c[l % kLaneWidth] : sum;
  }
  return true;
}

// As long as no sum overflows, which a finite one tells: infinity never goes away again.
bool MeanLanes(const double* const* windows, const uint32_t* sizes, double* out) {
  Sums sums[kGroups];
  for (size_t l = 0; l < kLanes; ++l) sums[l / kLaneWidth].sum[l % kLaneWidth] = windows[l][0];
  AddSums(1, windows, sizes, sums);
  for (size_t l = 0; l < kLanes; ++l) {
    const Sums& s = sums[l / kLaneWidth];
    const double sum = s.sum[l % kLaneWidth];
    if (!std::isfinite(sum)) return false;
    const auto n = static_cast<double>(sizes[l]);
    out[l] = sum / n + s.c[l % kLaneWidth] / n;
  }
  return true;
}

// As MeanLanes.
bool VarianceLanes(const double* const* windows, const uint32_t* sizes, double* out) {
  Moments moments[kGroups];
  AddMoments(windows, sizes, moments);
  for (size_t l = 0; l < kLanes; ++l) {
    const Moments& m = moments[l / kLaneWidth];
    const size_t at = l % kLaneWidth;
    if (!std::isfinite(m.mean[at]) || !std::isfinite(m.aux[at])) return false;
    out[l] = (m.aux[at] + m.c_aux[at]) / static_cast<double>(sizes[l]);
  }
  return true;
}

}  // namespace narthex::promql
