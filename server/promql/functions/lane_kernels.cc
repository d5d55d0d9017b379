#include "server/promql/functions/lane_kernels.h"

#include <cmath>
#include <limits>

#include "server/promql/engine/vectorized.h"
#include "server/promql/functions/kahan.h"

namespace narthex::promql {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// KahanAdd of one lane, without branches.
inline __attribute__((always_inline)) void AddBlended(double v, double* sum, double* c) {
  const double s = *sum;
  const double t = s + v;
  const bool sum_is_big = __builtin_fabs(s) >= __builtin_fabs(v);
  const double big = sum_is_big ? s : v;
  const double small = sum_is_big ? v : s;
  const double next = *c + ((big - t) + small);
  *c = __builtin_fabs(t) == kInf ? 0.0 : next;
  *sum = t;
}

size_t Shortest(const uint32_t* sizes) { return *std::min_element(sizes, sizes + kLanes); }

// The first `n` samples of all lanes.
NX_VECTORIZED void AddDense(const double* const* windows, size_t n, double* __restrict sums,
                            double* __restrict comps) {
  double sum[kLanes], c[kLanes], v[kLanes];
  for (size_t l = 0; l < kLanes; ++l) sum[l] = sums[l];
  for (size_t l = 0; l < kLanes; ++l) c[l] = comps[l];
  for (size_t k = 0; k < n; ++k) {
    for (size_t l = 0; l < kLanes; ++l) v[l] = windows[l][k];
    for (size_t l = 0; l < kLanes; ++l) AddBlended(v[l], &sum[l], &c[l]);
  }
  for (size_t l = 0; l < kLanes; ++l) sums[l] = sum[l];
  for (size_t l = 0; l < kLanes; ++l) comps[l] = c[l];
}

struct Moments {
  double mean[kLanes], c_mean[kLanes], aux[kLanes], c_aux[kLanes];
};

NX_VECTORIZED void MomentsDense(const double* const* windows, size_t n, Moments* out) {
  double mean[kLanes] = {}, c_mean[kLanes] = {}, aux[kLanes] = {}, c_aux[kLanes] = {}, v[kLanes];
  for (size_t k = 0; k < n; ++k) {
    const auto count = static_cast<double>(k + 1);
    for (size_t l = 0; l < kLanes; ++l) v[l] = windows[l][k];
    for (size_t l = 0; l < kLanes; ++l) {
      const double delta = v[l] - (mean[l] + c_mean[l]);
      AddBlended(delta / count, &mean[l], &c_mean[l]);
      AddBlended(delta * (v[l] - (mean[l] + c_mean[l])), &aux[l], &c_aux[l]);
    }
  }
  for (size_t l = 0; l < kLanes; ++l) out->mean[l] = mean[l];
  for (size_t l = 0; l < kLanes; ++l) out->c_mean[l] = c_mean[l];
  for (size_t l = 0; l < kLanes; ++l) out->aux[l] = aux[l];
  for (size_t l = 0; l < kLanes; ++l) out->c_aux[l] = c_aux[l];
}

}  // namespace

bool SumLanes(const double* const* windows, const uint32_t* sizes, double* out) {
  double sum[kLanes] = {}, c[kLanes] = {};
  const size_t dense = Shortest(sizes);
  AddDense(windows, dense, sum, c);
  for (size_t l = 0; l < kLanes; ++l) {
    for (size_t k = dense; k < sizes[l]; ++k) KahanAdd(windows[l][k], &sum[l], &c[l]);
    out[l] = std::isinf(sum[l]) ? sum[l] : sum[l] + c[l];
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
    out[l] = (m.aux[l] + m.c_aux[l]) / static_cast<double>(sizes[l]);
  }
  return true;
}

}  // namespace narthex::promql
