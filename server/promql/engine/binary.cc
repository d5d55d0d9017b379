#include "server/promql/engine/binary.h"

#include <cmath>

#include "core/base/string_map.h"
#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/label_edit.h"
#include "server/promql/functions/go_math.h"

namespace narthex::promql {
namespace {

template <typename F>
void Arithmetic(const double* l, const double* r, size_t n, double* out, F f) {
  for (size_t i = 0; i < n; ++i) out[i] = f(l[i], r[i]);
}

template <typename F>
void Compare(const double* l, const double* r, size_t n, double* out, uint64_t* keep, F f) {
  for (size_t w = 0; w < PresenceWords(n); ++w) {
    const size_t base = w * 64;
    const size_t lanes = std::min<size_t>(64, n - base);
    uint64_t bits = 0;
    for (size_t i = 0; i < lanes; ++i) {
      bits |= static_cast<uint64_t>(f(l[base + i], r[base + i])) << i;
    }
    keep[w] = bits;
  }
  if (out != l) std::copy_n(l, n, out);
}

StatusOr<OperatorPtr> ScalarScalar(BinaryOp op, const Operator& lhs, const Operator& rhs) {
  NX_ASSIGN_OR_RETURN(const std::vector<double> l, ScalarValues(lhs));
  NX_ASSIGN_OR_RETURN(const std::vector<double> r, ScalarValues(rhs));
  std::vector<double> out(l.size());
  std::vector<uint64_t> keep(PresenceWords(l.size()));
  ApplyBinary(op, l.data(), r.data(), l.size(), out.data(), keep.data());
  return MakeScalar(&lhs.context(), lhs.window(), [&](size_t i) {
    return IsComparison(op) ? static_cast<double>(TestBit(keep.data(), i)) : out[i];
  });
}

// The cells of a row that ApplyBinary knows nothing of.
void CombineHistograms(QueryContext& context, const BinaryExpr& e,
                       const std::vector<double>& scalar, bool scalar_left, Tile* tile,
                       size_t row) {
  const HistogramRow before = tile->histograms(row);
  const auto combine = [&](size_t i) {
    CellValue l{tile->values(row)[i], before.Has(i) ? before.cells[i] : nullptr};
    CellValue r{scalar[i], nullptr};
    const HistogramPtr own = l.h;
    const double value = l.v;
    if (scalar_left) std::swap(l, r);
    CellResult result = CombineCells(context, e.op, l, r, e.pos);
    const bool gone = result.outcome == CellResult::kNothing ||
                      (result.outcome == CellResult::kFalse && !e.return_bool);
    tile->Remove(row, i);
    if (gone) return;
    if (e.return_bool) return tile->Set(row, i, result.outcome == CellResult::kTrue ? 1 : 0);
    if (IsComparison(e.op)) result = {CellResult::kTrue, value, own};
    if (result.h) return tile->SetHistogram(row, i, std::move(result.h));
    tile->Set(row, i, result.v);
  };
  std::vector<uint64_t> cells(tile->words());
  for (size_t w = 0; w < cells.size(); ++w) {
    cells[w] = IsTrim(e.op) ? tile->presence(row)[w] : before.word(w);
  }
  ForEachBit(cells.data(), cells.size(), combine);
}

// `scalar_left`: the scalar stands on the left; a filter keeps the vector's value all the same.
StatusOr<OperatorPtr> VectorScalar(const BinaryExpr& e, OperatorPtr vector, const Operator& scalar,
                                   bool scalar_left) {
  NX_ASSIGN_OR_RETURN(std::vector<double> s, ScalarValues(scalar));
  const NameRule rule = DropsMetricName(e.op) || e.return_bool ? NameRule::kDrop : NameRule::kKeep;
  QueryContext* context = &vector->context();
  return MakeCellMap(std::move(vector), rule,
                     [&e, context, scalar_left, s = std::move(s)](Tile* tile, size_t row) {
                       const size_t n = tile->steps();
                       double* v = tile->values(row);
                       std::vector<double> out(n);
                       std::vector<uint64_t> keep(tile->words());
                       if (!IsTrim(e.op)) {
                         ApplyBinary(e.op, scalar_left ? s.data() : v, scalar_left ? v : s.data(),
                                     n, out.data(), keep.data());
                         if (!IsComparison(e.op)) {
                           std::copy(out.begin(), out.end(), v);
                         } else if (e.return_bool) {
                           for (size_t i = 0; i < n; ++i)
                             v[i] = TestBit(keep.data(), i) ? 1.0 : 0.0;
                         } else {
                           for (size_t w = 0; w < keep.size(); ++w) {
                             tile->presence(row)[w] &= keep[w] | tile->histograms(row).word(w);
                           }
                         }
                       }
                       if (IsTrim(e.op) || tile->HasHistograms(row)) {
                         CombineHistograms(*context, e, s, scalar_left, tile, row);
                       }
                     });
}

}  // namespace

bool DropsMetricName(BinaryOp op) { return op <= BinaryOp::kAtan2; }

void ApplyBinary(BinaryOp op, const double* l, const double* r, size_t n, double* out,
                 uint64_t* keep) {
  if (!IsComparison(op)) {
    for (size_t w = 0; w < PresenceWords(n); ++w) keep[w] = FullWord(n, w);
  }
  switch (op) {
    case BinaryOp::kAdd: return Arithmetic(l, r, n, out, [](double a, double b) { return a + b; });
    case BinaryOp::kSub: return Arithmetic(l, r, n, out, [](double a, double b) { return a - b; });
    case BinaryOp::kMul: return Arithmetic(l, r, n, out, [](double a, double b) { return a * b; });
    case BinaryOp::kDiv: return Arithmetic(l, r, n, out, [](double a, double b) { return a / b; });
    case BinaryOp::kMod:
      return Arithmetic(l, r, n, out, [](double a, double b) { return std::fmod(a, b); });
    case BinaryOp::kPow:
      return Arithmetic(l, r, n, out, [](double a, double b) { return GoPow(a, b); });
    case BinaryOp::kAtan2:
      return Arithmetic(l, r, n, out, [](double a, double b) { return GoAtan2(a, b); });
    case BinaryOp::kEq:
      return Compare(l, r, n, out, keep, [](double a, double b) { return a == b; });
    case BinaryOp::kNe:
      return Compare(l, r, n, out, keep, [](double a, double b) { return a != b; });
    case BinaryOp::kGt:
      return Compare(l, r, n, out, keep, [](double a, double b) { return a > b; });
    case BinaryOp::kLt:
      return Compare(l, r, n, out, keep, [](double a, double b) { return a < b; });
    case BinaryOp::kGe:
      return Compare(l, r, n, out, keep, [](double a, double b) { return a >= b; });
    case BinaryOp::kLe:
      return Compare(l, r, n, out, keep, [](double a, double b) { return a <= b; });
    default: return;  // set operators have no values; trims go cell by cell
  }
}

Signatures Signatures::Make(const Operator& lhs, const Operator& rhs,
                            const VectorMatching& matching) {
  const LabelSelection selection(matching.labels, !matching.on);
  Signatures out;
  StringMap<uint32_t> index;
  std::string key;
  MemoryHold hold = lhs.context().NewHold();
  const auto number = [&](const Operator& op, std::vector<uint32_t>* ids) {
    ids->resize(op.size());
    for (size_t i = 0; i < op.size(); ++i) {
      selection.SelectInto(op.labels(i), &key);
      auto it = index.find(std::string_view(key));
      if (it == index.end()) {
        if (!hold.Grow(key.size() + 64)) return;
        it = index.emplace(key, static_cast<uint32_t>(index.size())).first;
      }
      (*ids)[i] = it->second;
    }
  };
  number(lhs, &out.lhs);
  number(rhs, &out.rhs);
  out.count = index.size();
  return out;
}

StatusOr<OperatorPtr> BuildBinary(Builder& builder, const BinaryExpr& e, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(OperatorPtr lhs, builder.Build(*e.lhs, window));
  NX_ASSIGN_OR_RETURN(OperatorPtr rhs, builder.Build(*e.rhs, window));
  const bool left_scalar = e.lhs->type == ValueType::kScalar;
  const bool right_scalar = e.rhs->type == ValueType::kScalar;
  if (left_scalar && right_scalar && IsTrim(e.op)) {
    return FailedPrecondition("operator \"{}\" not allowed for Scalar operations",
                              BinaryOpName(e.op));
  }
  if (left_scalar && right_scalar) return ScalarScalar(e.op, *lhs, *rhs);
  if (left_scalar) return VectorScalar(e, std::move(rhs), *lhs, true);
  if (right_scalar) return VectorScalar(e, std::move(lhs), *rhs, false);
  if (IsSetOperator(e.op)) return CombineSets(e, std::move(lhs), std::move(rhs));
  return MatchVectors(e, std::move(lhs), std::move(rhs));
}

}  // namespace narthex::promql
