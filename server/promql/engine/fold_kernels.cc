#include "server/promql/engine/fold_kernels.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/check.h"
#include "core/base/vectorized.h"
#include "server/promql/engine/tile.h"
#include "server/promql/functions/kahan.h"
#include "server/promql/functions/lanes.h"

namespace narthex::promql {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <typename F>
inline void ForLanes(uint64_t mask, F f) {
  for (; mask != 0; mask &= mask - 1) f(static_cast<size_t>(std::countr_zero(mask)));
}

NX_VECTORIZED void AddSumDense(double* __restrict sum, double* __restrict comp,
                               const double* __restrict values, size_t lanes) {
  size_t i = 0;
  for (; i + kLaneWidth <= lanes; i += kLaneWidth) {
    Lanes s, c, v;
    std::memcpy(&s, sum + i, sizeof s);
    std::memcpy(&c, comp + i, sizeof c);
    std::memcpy(&v, values + i, sizeof v);
    AddLanes(v, &s, &c);
    std::memcpy(sum + i, &s, sizeof s);
    std::memcpy(comp + i, &c, sizeof c);
  }
  for (; i < lanes; ++i) KahanAdd(values[i], &sum[i], &comp[i]);
}

// The sum starts at -0, which adding a first sample turns into exactly that sample.
void AddSum(double* state, size_t stride, const double* values, uint64_t mask, size_t lanes) {
  double* sum = state;
  double* comp = state + stride;
  if (mask == FullWord(lanes, 0)) return AddSumDense(sum, comp, values, lanes);
  ForLanes(mask, [&](size_t i) { KahanAdd(values[i], &sum[i], &comp[i]); });
}

void FinishSum(const double* state, size_t stride, double* out, size_t lanes) {
  for (size_t i = 0; i < lanes; ++i) out[i] = state[i] + state[stride + i];
}

// Arrays: sum, compensation, count, mean, and 1 in the last once the sum has overflowed and the
// incremental mean is what counts.
void AddAvg(double* state, size_t stride, const double* values, uint64_t mask, size_t) {
  double* sum = state;
  double* comp = state + stride;
  double* count = state + 2 * stride;
  double* mean = state + 3 * stride;
  double* incremental = state + 4 * stride;
  ForLanes(mask, [&](size_t i) {
    const double v = values[i];
    const double n = count[i] += 1;
    if (incremental[i] == 0) {
      double new_sum = sum[i];
      double new_comp = comp[i];
      KahanAdd(v, &new_sum, &new_comp);
      if (n == 1 || !std::isinf(new_sum)) {
        sum[i] = new_sum;
        comp[i] = new_comp;
        return;
      }
      incremental[i] = 1;
      mean[i] = sum[i] / (n - 1);
      comp[i] /= n - 1;
    }
    const double q = (n - 1) / n;
    mean[i] *= q;
    comp[i] *= q;
    KahanAdd(v / n, &mean[i], &comp[i]);
  });
}

void FinishAvg(const double* state, size_t stride, double* out, size_t lanes) {
  for (size_t i = 0; i < lanes; ++i) {
    const double comp = state[stride + i];
    const double n = state[2 * stride + i];
    out[i] = state[4 * stride + i] != 0 ? state[3 * stride + i] + comp : state[i] / n + comp / n;
  }
}

void AddCount(double* state, size_t, const double*, uint64_t mask, size_t) {
  ForLanes(mask, [&](size_t i) { state[i] += 1; });
}

// The first number replaces NaN.
void AddMin(double* state, size_t, const double* values, uint64_t mask, size_t) {
  ForLanes(mask, [&](size_t i) {
    if (state[i] > values[i] || std::isnan(state[i])) state[i] = values[i];
  });
}

void AddMax(double* state, size_t, const double* values, uint64_t mask, size_t) {
  ForLanes(mask, [&](size_t i) {
    if (state[i] < values[i] || std::isnan(state[i])) state[i] = values[i];
  });
}

void AddGroup(double*, size_t, const double*, uint64_t, size_t) {}

void FinishFirst(const double* state, size_t, double* out, size_t lanes) {
  for (size_t i = 0; i < lanes; ++i) out[i] = state[i];
}

// Welford. Arrays: count, mean, sum of squared distances.
void AddVariance(double* state, size_t stride, const double* values, uint64_t mask, size_t) {
  double* count = state;
  double* mean = state + stride;
  double* squares = state + 2 * stride;
  ForLanes(mask, [&](size_t i) {
    count[i] += 1;
    const double delta = values[i] - mean[i];
    mean[i] += delta / count[i];
    squares[i] += delta * (values[i] - mean[i]);
  });
}

void FinishStdvar(const double* state, size_t stride, double* out, size_t lanes) {
  for (size_t i = 0; i < lanes; ++i) out[i] = state[2 * stride + i] / state[i];
}

void FinishStddev(const double* state, size_t stride, double* out, size_t lanes) {
  for (size_t i = 0; i < lanes; ++i) out[i] = std::sqrt(state[2 * stride + i] / state[i]);
}

constexpr FoldKernel kSum{2, {-0.0, 0}, AddSum, FinishSum};
constexpr FoldKernel kAvg{5, {-0.0, 0, 0, 0, 0}, AddAvg, FinishAvg};
constexpr FoldKernel kCount{1, {0}, AddCount, FinishFirst};
constexpr FoldKernel kMin{1, {kNaN}, AddMin, FinishFirst};
constexpr FoldKernel kMax{1, {kNaN}, AddMax, FinishFirst};
constexpr FoldKernel kGroup{1, {1}, AddGroup, FinishFirst};
constexpr FoldKernel kStddev{3, {0, 0, 0}, AddVariance, FinishStddev};
constexpr FoldKernel kStdvar{3, {0, 0, 0}, AddVariance, FinishStdvar};

}  // namespace

const FoldKernel& FoldKernelFor(AggregateOp op) {
  switch (op) {
    case AggregateOp::kSum: return kSum;
    case AggregateOp::kAvg: return kAvg;
    case AggregateOp::kCount: return kCount;
    case AggregateOp::kMin: return kMin;
    case AggregateOp::kMax: return kMax;
    case AggregateOp::kStddev: return kStddev;
    case AggregateOp::kStdvar: return kStdvar;
    default: NX_CHECK(op == AggregateOp::kGroup); return kGroup;
  }
}

}  // namespace narthex::promql
