// Binary operators on cells of which at least one is a histogram, and trimming.

#include "core/histogram/arithmetic.h"
#include "server/promql/engine/annotations.h"
#include "server/promql/engine/binary.h"

namespace narthex::promql {
namespace {

std::string_view KindOf(const HistogramPtr& h) { return h == nullptr ? "float" : "histogram"; }

CellResult Kept(FloatHistogram h) {
  return {CellResult::kTrue, 0,
          std::make_shared<const FloatHistogram>(WithoutEmptyBuckets(std::move(h)))};
}

CellResult Scaled(const FloatHistogram& h, double factor) {
  FloatHistogram out = h;
  Multiply(&out, factor);
  return Kept(std::move(out));
}

CellResult Divided(const FloatHistogram& h, double divisor) {
  FloatHistogram out = h;
  Divide(&out, divisor);
  return Kept(std::move(out));
}

CellResult Merged(QueryContext& context, bool add, const FloatHistogram& l, const FloatHistogram& r,
                  PosRange where) {
  FloatHistogram out = l;
  const auto notes = add ? AddTo(&out, r) : SubtractFrom(&out, r);
  if (!notes.ok()) {
    context.Warn(note::IncompatibleBuckets(add ? "+" : "-"), where);
    return {};
  }
  const std::string_view operation = add ? "addition" : "subtraction";
  if (notes->reset_collision) context.Warn(note::ResetCollision(operation), where);
  if (notes->bounds_reconciled) context.Inform(note::BoundsReconciled(operation), where);
  if (!add) out.reset = CounterResetHint::kGauge;
  return Kept(std::move(out));
}

}  // namespace

CellResult CombineCells(QueryContext& context, BinaryOp op, const CellValue& l, const CellValue& r,
                        PosRange where) {
  const bool both = l.h && r.h;
  const bool left_only = l.h && !r.h;
  switch (op) {
    case BinaryOp::kAdd:
    case BinaryOp::kSub:
      if (both) return Merged(context, op == BinaryOp::kAdd, *l.h, *r.h, where);
      break;
    case BinaryOp::kMul:
      if (left_only) return Scaled(*l.h, r.v);
      if (r.h && !l.h) return Scaled(*r.h, l.v);
      break;
    case BinaryOp::kDiv:
      if (left_only) return Divided(*l.h, r.v);
      break;
    case BinaryOp::kTrimUpper:
      if (left_only) return Kept(TrimAbove(*l.h, r.v));
      break;
    case BinaryOp::kTrimLower:
      if (left_only) return Kept(TrimBelow(*l.h, r.v));
      break;
    case BinaryOp::kEq:
    case BinaryOp::kNe:
      if (!both) break;
      return {
          SameLayout(*l.h, *r.h) == (op == BinaryOp::kEq) ? CellResult::kTrue : CellResult::kFalse,
          0, l.h};
    default: break;
  }
  context.Inform(note::IncompatibleTypes(KindOf(l.h), BinaryOpName(op), KindOf(r.h)), where);
  return {};
}

}  // namespace narthex::promql
