#pragma once
// Binary operators between scalars and vectors.

#include <vector>

#include "server/promql/engine/builder.h"

namespace narthex::promql {

StatusOr<OperatorPtr> BuildBinary(Builder& builder, const BinaryExpr& expr,
                                  const EvalWindow& window);

// Computes op for `n` cells into `out`, which may be either input. `keep` gets one bit a cell:
// whether a comparison holds; all set for arithmetic. The value of a comparison is the left side.
void ApplyBinary(BinaryOp op, const double* lhs, const double* rhs, size_t n, double* out,
                 uint64_t* keep);
// One cell of an operation that has a histogram on either side, and the trims of whatever. What
// does not go together is annotated and yields nothing.
struct CellValue {
  double v = 0;
  HistogramPtr h;
};
struct CellResult {
  enum Outcome : uint8_t { kNothing, kFalse, kTrue } outcome = kNothing;  // kFalse: comparisons
  double v = 0;
  HistogramPtr h;
};
CellResult CombineCells(QueryContext& context, BinaryOp op, const CellValue& l, const CellValue& r,
                        PosRange where);
constexpr bool IsTrim(BinaryOp op) {
  return op == BinaryOp::kTrimUpper || op == BinaryOp::kTrimLower;
}
// Whether results of `op` lose the metric name.
bool DropsMetricName(BinaryOp op);

// Between two vectors: arithmetic and comparison (vector_matching.cc), and/or/unless
// (set_operators.cc).
StatusOr<OperatorPtr> MatchVectors(const BinaryExpr& expr, OperatorPtr lhs, OperatorPtr rhs);
StatusOr<OperatorPtr> CombineSets(const BinaryExpr& expr, OperatorPtr lhs, OperatorPtr rhs);

// Dense numbers for the match groups of two operands.
struct Signatures {
  std::vector<uint32_t> lhs, rhs;  // by series
  size_t count = 0;
  static Signatures Make(const Operator& lhs, const Operator& rhs, const VectorMatching& matching);
};

}  // namespace narthex::promql
