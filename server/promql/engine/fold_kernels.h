#pragma once
// What folding aggregations keep per group and step, and how one more series changes it.
//
// The state of a group over 64 steps is a block of `arrays` arrays of doubles, one lane a step.
// Lanes are independent, so any order of steps gives the same bits; series come in order.

#include <cstddef>
#include <cstdint>

#include "server/promql/parser/ast.h"

namespace narthex::promql {

inline constexpr size_t kFoldLanes = 64;
inline constexpr size_t kMaxFoldArrays = 5;

struct FoldKernel {
  size_t arrays;
  double init[kMaxFoldArrays];
  // Adds one series: values of `lanes` steps, of which those in `mask` are present. State array j
  // starts at state + j * stride.
  void (*add)(double* state, size_t stride, const double* values, uint64_t mask, size_t lanes);
  // Turns the state of `lanes` steps into results. Lanes nothing was added to may give anything.
  void (*finish)(const double* state, size_t stride, double* out, size_t lanes);
};

// For sum, avg, count, min, max, group, stddev, stdvar.
const FoldKernel& FoldKernelFor(AggregateOp op);

}  // namespace narthex::promql
