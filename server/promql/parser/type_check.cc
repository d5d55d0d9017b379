// What a tree that parses must also satisfy. Messages are upstream's.

#include <algorithm>

#include "core/strings/quote.h"
#include "server/promql/parser/parser_impl.h"

namespace narthex::promql {
namespace {

class TypeChecker {
 public:
  explicit TypeChecker(std::string_view text) : text_(text) {}

  Status Check(Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kVectorSelector: return CheckSelector(expr.As<VectorSelector>());
      case ExprKind::kMatrixSelector: return CheckSelector(*expr.As<MatrixSelector>().selector);
      case ExprKind::kSubquery: return CheckSubquery(expr.As<SubqueryExpr>());
      case ExprKind::kCall: return CheckCall(expr.As<Call>());
      case ExprKind::kAggregate: return CheckAggregate(expr.As<AggregateExpr>());
      case ExprKind::kBinary: return CheckBinary(expr.As<BinaryExpr>());
      case ExprKind::kUnary: return CheckUnary(expr.As<UnaryExpr>());
      case ExprKind::kParen: return Check(*expr.As<ParenExpr>().expr);
      default: return OkStatus();
    }
  }

 private:
  template <typename... Args>
  Status Fail(PosRange where, fmt::format_string<Args...> format, Args&&... args) {
    return ParseErrorAt(text_, where, fmt::format(format, std::forward<Args>(args)...));
  }

  Status Expect(Expr& expr, ValueType want, std::string_view context) {
    NX_RETURN_IF_ERROR(Check(expr));
    if (expr.type == want) return OkStatus();
    return Fail(expr.pos, "expected type {} in {}, got {}", DocumentedType(want), context,
                DocumentedType(expr.type));
  }

  Status CheckSelector(VectorSelector& selector) {
    if (!selector.name.empty()) {
      for (size_t i = 0; i + 1 < selector.matchers.size(); ++i) {
        const Matcher& m = selector.matchers[i];
        if (m.name() != kMetricNameLabel) continue;
        return Fail(selector.pos, "metric name must not be set twice: {} or {}",
                    GoQuote(selector.name), GoQuote(m.value()));
      }
      return OkStatus();
    }
    if (selector.is_info_matcher) return OkStatus();
    for (const Matcher& m : selector.matchers) {
      if (!m.MatchesEmpty()) return OkStatus();
    }
    return Fail(selector.pos, "vector selector must contain at least one non-empty matcher");
  }

  Status CheckSubquery(SubqueryExpr& subquery) {
    NX_RETURN_IF_ERROR(Check(*subquery.expr));
    if (subquery.expr->type == ValueType::kVector) return OkStatus();
    return Fail(subquery.pos, "subquery is only allowed on instant vector, got {} instead",
                ValueTypeName(subquery.expr->type));
  }

  Status CheckCall(Call& call) {
    const FunctionSignature& f = *call.function;
    const auto given = static_cast<int>(call.args.size());
    const auto listed = static_cast<int>(f.listed());
    if (f.variadic == 0 && given != listed) {
      return Fail(call.pos, "expected {} argument(s) in call to \"{}\", got {}", listed, f.name,
                  given);
    }
    if (f.variadic != 0 && given < listed - 1) {
      return Fail(call.pos, "expected at least {} argument(s) in call to \"{}\", got {}",
                  listed - 1, f.name, given);
    }
    if (f.variadic > 0 && given > listed - 1 + f.variadic) {
      return Fail(call.pos, "expected at most {} argument(s) in call to \"{}\", got {}",
                  listed - 1 + f.variadic, f.name, given);
    }
    if (f.name == "info" && given > 1) {
      Expr& second = *call.args[1];
      if (second.kind != ExprKind::kVectorSelector) {
        return Fail(call.pos, "expected label selectors as the second argument to \"info\", got {}",
                    DocumentedType(second.type));
      }
      if (!second.As<VectorSelector>().name.empty()) {
        return Fail(second.pos, "expected label selectors only, got vector selector instead");
      }
      second.As<VectorSelector>().is_info_matcher = true;
    }
    for (size_t i = 0; i < call.args.size(); ++i) {
      NX_RETURN_IF_ERROR(
          Expect(*call.args[i], f.arg_type(i), fmt::format("call to function \"{}\"", f.name)));
    }
    return OkStatus();
  }

  Status CheckAggregate(AggregateExpr& aggregate) {
    NX_RETURN_IF_ERROR(Expect(*aggregate.expr, ValueType::kVector, "aggregation expression"));
    if (aggregate.param == nullptr) return OkStatus();
    return Expect(
        *aggregate.param,
        aggregate.op == AggregateOp::kCountValues ? ValueType::kString : ValueType::kScalar,
        "aggregation parameter");
  }

  Status CheckUnary(UnaryExpr& unary) {
    NX_RETURN_IF_ERROR(Check(*unary.expr));
    const ValueType t = unary.expr->type;
    if (t == ValueType::kScalar || t == ValueType::kVector) return OkStatus();
    return Fail(unary.pos,
                "unary expression only allowed on expressions of type scalar or instant vector, "
                "got \"{}\"",
                DocumentedType(t));
  }

  // The operator with its modifiers, blanks around it left out.
  PosRange OperatorRange(const BinaryExpr& e) const {
    PosRange r = {e.lhs->pos.end, e.rhs->pos.start};
    const auto blank = [&](int i) {
      return std::string_view(" \t\r\n").find(text_[i]) != std::string_view::npos;
    };
    while (r.start < r.end && blank(r.start)) ++r.start;
    while (r.end > r.start && blank(r.end - 1)) --r.end;
    return r;
  }

  Status CheckBinary(BinaryExpr& e) {
    NX_RETURN_IF_ERROR(Check(*e.lhs));
    NX_RETURN_IF_ERROR(Check(*e.rhs));
    const ValueType lt = e.lhs->type;
    const ValueType rt = e.rhs->type;
    const PosRange where = OperatorRange(e);
    if (e.return_bool && !IsComparison(e.op)) {
      return Fail(where, "bool modifier can only be used on comparison operators");
    }
    if (IsComparison(e.op) && !e.return_bool && lt == ValueType::kScalar &&
        rt == ValueType::kScalar) {
      return Fail(where, "comparisons between scalars must use BOOL modifier");
    }
    NX_RETURN_IF_ERROR(CheckMatching(e, where));
    for (const ExprPtr* side : {&e.lhs, &e.rhs}) {
      const ValueType t = (*side)->type;
      if (t == ValueType::kScalar || t == ValueType::kVector) continue;
      return Fail((*side)->pos,
                  "binary expression must contain only scalar and instant vector types");
    }
    const bool vectors = lt == ValueType::kVector && rt == ValueType::kVector;
    if (!vectors && e.matching) {
      return Fail(e.pos, "vector matching only allowed between instant vectors");
    }
    if (!vectors && IsSetOperator(e.op)) {
      return Fail(e.pos, "set operator \"{}\" not allowed in binary scalar expression",
                  BinaryOpName(e.op));
    }
    return OkStatus();
  }

  Status CheckMatching(const BinaryExpr& e, PosRange where) {
    if (!e.matching) return OkStatus();
    const VectorMatching& m = *e.matching;
    if (m.on) {
      for (const std::string& label : m.labels) {
        if (std::find(m.include.begin(), m.include.end(), label) == m.include.end()) continue;
        return Fail(where, "label {} must not occur in ON and GROUP clause at once",
                    GoQuote(label));
      }
    }
    if (!IsSetOperator(e.op)) return OkStatus();
    if (m.card == Cardinality::kManyToOne || m.card == Cardinality::kOneToMany) {
      return Fail(e.pos, "no grouping allowed for \"{}\" operation", BinaryOpName(e.op));
    }
    if (m.fill_left || m.fill_right) {
      return Fail(e.pos, "filling in missing series not allowed for set operators");
    }
    return OkStatus();
  }

  std::string_view text_;
};

}  // namespace

Status CheckTypes(std::string_view text, Expr& expr) { return TypeChecker(text).Check(expr); }

}  // namespace narthex::promql
