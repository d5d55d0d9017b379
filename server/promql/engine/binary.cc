#include "server/promql/engine/binary.h"

#include <cmath>

#include "core/base/string_map.h"
#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/label_edit.h"

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

// `scalar_left`: the scalar stands on the left; a filter keeps the vector's value all the same.
StatusOr<OperatorPtr> VectorScalar(const BinaryExpr& e, OperatorPtr vector, const Operator& scalar,
                                   bool scalar_left) {
  NX_ASSIGN_OR_RETURN(std::vector<double> s, ScalarValues(scalar));
  const NameRule rule =
      DropsMetricName(e.op) || e.return_bool ? NameRule::kDrop : NameRule::kKeep;
  const BinaryOp op = e.op;
  const bool as_bool = e.return_bool;
  return MakeMap(std::move(vector), rule,
                 [op, as_bool, scalar_left, s = std::move(s)](double* v, uint64_t* presence,
                                                              size_t n) {
                   std::vector<double> out(n);
                   std::vector<uint64_t> keep(PresenceWords(n));
                   ApplyBinary(op, scalar_left ? s.data() : v, scalar_left ? v : s.data(), n,
                               out.data(), keep.data());
                   if (!IsComparison(op)) {
                     std::copy(out.begin(), out.end(), v);
                   } else if (as_bool) {
                     for (size_t i = 0; i < n; ++i) v[i] = TestBit(keep.data(), i) ? 1.0 : 0.0;
                   } else {
                     for (size_t w = 0; w < keep.size(); ++w) presence[w] &= keep[w];
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
      return Arithmetic(l, r, n, out, [](double a, double b) { return std::pow(a, b); });
    case BinaryOp::kAtan2:
      return Arithmetic(l, r, n, out, [](double a, double b) { return std::atan2(a, b); });
    case BinaryOp::kEq: return Compare(l, r, n, out, keep, [](double a, double b) { return a == b; });
    case BinaryOp::kNe: return Compare(l, r, n, out, keep, [](double a, double b) { return a != b; });
    case BinaryOp::kGt: return Compare(l, r, n, out, keep, [](double a, double b) { return a > b; });
    case BinaryOp::kLt: return Compare(l, r, n, out, keep, [](double a, double b) { return a < b; });
    case BinaryOp::kGe: return Compare(l, r, n, out, keep, [](double a, double b) { return a >= b; });
    case BinaryOp::kLe: return Compare(l, r, n, out, keep, [](double a, double b) { return a <= b; });
    default: return;  // set operators have no values; the builder refuses trims
  }
}

Signatures Signatures::Make(const Operator& lhs, const Operator& rhs,
                            const VectorMatching& matching) {
  const LabelSelection selection(matching.labels, !matching.on);
  Signatures out;
  StringMap<uint32_t> index;
  std::string key;
  const auto number = [&](const Operator& op, std::vector<uint32_t>* ids) {
    ids->resize(op.size());
    for (size_t i = 0; i < op.size(); ++i) {
      selection.SelectInto(op.labels(i), &key);
      auto it = index.find(std::string_view(key));
      if (it == index.end()) it = index.emplace(key, static_cast<uint32_t>(index.size())).first;
      (*ids)[i] = it->second;
    }
  };
  number(lhs, &out.lhs);
  number(rhs, &out.rhs);
  out.count = index.size();
  return out;
}

StatusOr<OperatorPtr> BuildBinary(Builder& builder, const BinaryExpr& e, const EvalWindow& window) {
  if (e.op == BinaryOp::kTrimLower || e.op == BinaryOp::kTrimUpper) {
    return FailedPrecondition("operator {} is known to PromQL but not implemented here yet",
                              BinaryOpName(e.op));
  }
  if (e.matching && (e.matching->fill_left || e.matching->fill_right)) {
    return FailedPrecondition("fill modifiers are known to PromQL but not implemented here yet");
  }
  NX_ASSIGN_OR_RETURN(OperatorPtr lhs, builder.Build(*e.lhs, window));
  NX_ASSIGN_OR_RETURN(OperatorPtr rhs, builder.Build(*e.rhs, window));
  const bool left_scalar = e.lhs->type == ValueType::kScalar;
  const bool right_scalar = e.rhs->type == ValueType::kScalar;
  if (left_scalar && right_scalar) return ScalarScalar(e.op, *lhs, *rhs);
  if (left_scalar) return VectorScalar(e, std::move(rhs), *lhs, true);
  if (right_scalar) return VectorScalar(e, std::move(lhs), *rhs, false);
  if (IsSetOperator(e.op)) return CombineSets(e, std::move(lhs), std::move(rhs));
  return MatchVectors(e, std::move(lhs), std::move(rhs));
}

}  // namespace narthex::promql
