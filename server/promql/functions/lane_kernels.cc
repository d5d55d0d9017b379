#include "server/promql/functions/lane_kernels.h"

#include <cmath>
#include <cstring>

#include "core/base/vectorized.h"
#include "server/promql/functions/kahan.h"
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

size_t Shortest(const uint32_t* sizes) { return *std::min_element(sizes, sizes + kLanes); }

template <bool kNeighbours>
NX_LANE_INLINE void Add(const double* const* windows, size_t n, double* sums, double* comps) {
  Lanes sum[kGroups], c[kGroups];
  std::memcpy(sum, sums, sizeof sum);
  std::memcpy(c, comps, sizeof c);
  for (size_t k = 0; k < n; ++k) {
    for (size_t g = 0; g < kGroups; ++g) {
      Lanes v;
      Load<kNeighbours>(windows, g, k, &v);
      AddFiniteLanes(v, &sum[g], &c[g]);
    }
  }
  std::memcpy(sums, sum, sizeof sum);
  std::memcpy(comps, c, sizeof c);
}

// The first `n` samples of all lanes.
NX_VECTORIZED void AddDense(const double* const* windows, size_t n, double* sums, double* comps) {
  if (AreNeighbours(windows)) {
    Add<true>(windows, n, sums, comps);
  } else {
    Add<false>(windows, n, sums, comps);
  }
}

struct Moments {
  double mean[kLanes], c_mean[kLanes], aux[kLanes], c_aux[kLanes];
};

template <bool kNeighbours>
NX_LANE_INLINE void AddMoments(const double* const* windows, size_t n, Moments* out) {
  Lanes mean[kGroups] = {}, c_mean[kGroups] = {}, aux[kGroups] = {}, c_aux[kGroups] = {};
  for (size_t k = 0; k < n; ++k) {
    const auto count = static_cast<double>(k + 1);
    for (size_t g = 0; g < kGroups; ++g) {
      Lanes v;
      Load<kNeighbours>(windows, g, k, &v);
      const Lanes delta = v - (mean[g] + c_mean[g]);
      AddFiniteLanes(delta / count, &mean[g], &c_mean[g]);
      AddFiniteLanes(delta * (v - (mean[g] + c_mean[g])), &aux[g], &c_aux[g]);
    }
  }
  std::memcpy(out->mean, mean, sizeof mean);
  std::memcpy(out->c_mean, c_mean, sizeof c_mean);
  std::memcpy(out->aux, aux, sizeof aux);
  std::memcpy(out->c_aux, c_aux, sizeof c_aux);
}

NX_VECTORIZED void MomentsDense(const double* const* windows, size_t n, Moments* out) {
  if (AreNeighbours(windows)) {
    AddMoments<true>(windows, n, out);
  } else {
    AddMoments<false>(windows, n, out);
  }
}

}  // namespace

bool SumLanes(const double* const* windows, const uint32_t* sizes, double* out) {
  double sum[kLanes] = {}, c[kLanes] = {};
  const size_t dense = Shortest(sizes);
  AddDense(windows, dense, sum, c);
  for (size_t l = 0; l < kLanes; ++l) {
    for (size_t k = dense; k < sizes[l]; ++k) KahanAdd(windows[l][k], &sum[l], &c[l]);
    out[l] = std::isfinite(sum[l]) ? sum[l] + c[l] : sum[l];
  }
  return true;
}

// As long as no sum overflows, which a finite one tells: infinity never goes away again.
bool MeanLanes(const double* const* windows, const uint32_t* sizes, double* out) {
  double sum[kLanes], c[kLanes] = {};
  const double* rest[kLanes];
  for (size_t l = 0; l < kLanes; ++l) {
    sum[l] = windows[l][0];
    rest[l] = windows[l] + 1;
  }
  const size_t dense = Shortest(sizes) - 1;
  AddDense(rest, dense, sum, c);
  for (size_t l = 0; l < kLanes; ++l) {
    for (size_t k = dense + 1; k < sizes[l]; ++k) KahanAdd(windows[l][k], &sum[l], &c[l]);
    if (!std::isfinite(sum[l])) return false;
    const auto n = static_cast<double>(sizes[l]);
    out[l] = sum[l] / n + c[l] / n;
  }
  return true;
}

// As MeanLanes.
bool VarianceLanes(const double* const* windows, const uint32_t* sizes, double* out) {
  Moments m;
  const size_t dense = Shortest(sizes);
  MomentsDense(windows, dense, &m);
  for (size_t l = 0; l < kLanes; ++l) {
    for (size_t k = dense; k < sizes[l]; ++k) {
      const double v = windows[l][k];
      const double delta = v - (m.mean[l] + m.c_mean[l]);
      KahanAdd(delta / static_cast<double>(k + 1), &m.mean[l], &m.c_mean[l]);
      KahanAdd(delta * (v - (m.mean[l] + m.c_mean[l])), &m.aux[l], &m.c_aux[l]);
    }
    if (!std::isfinite(m.mean[l]) || !std::isfinite(m.aux[l])) return false;
    out[l] = (m.aux[l] + m.c_aux[l]) / static_cast<double>(sizes[l]);
  }
  return true;
}

}  // namespace narthex::promql
