#include "server/promql/plan/plan.h"

#include <cmath>
#include <string_view>

#include "server/promql/parser/functions_table.h"
#include "server/promql/plan/wanted_labels.h"

namespace narthex::promql {
namespace {

// Functions whose value depends on the step even when their arguments do not.
bool DependsOnStep(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "days_in_month", "day_of_month", "day_of_week", "day_of_year",    "hour",     "minute",
      "month",         "year",         "time",        "predict_linear", "timestamp"};
  for (std::string_view n : kNames) {
    if (n == name) return true;
  }
  return false;
}

class Planner {
 public:
  explicit Planner(const PlanWindow& window) : window_(window) {}

  Status ResolveTimes(Expr& expr) {
    if (expr.kind == ExprKind::kVectorSelector) return Resolve(expr.As<VectorSelector>().time);
    if (expr.kind == ExprKind::kMatrixSelector) {
      auto& matrix = expr.As<MatrixSelector>();
      NX_RETURN_IF_ERROR(Resolve(matrix.range, true));
      return Resolve(matrix.selector->time);
    }
    if (expr.kind == ExprKind::kSubquery) {
      auto& subquery = expr.As<SubqueryExpr>();
      NX_RETURN_IF_ERROR(Resolve(subquery.range, true));
      NX_RETURN_IF_ERROR(Resolve(subquery.step, subquery.step.expr != nullptr));
      NX_RETURN_IF_ERROR(Resolve(subquery.time));
    }
    Status status;
    ForEachChild(expr, [&](ExprPtr& child) {
      if (status.ok()) status = ResolveTimes(*child);
    });
    return status;
  }

  // start(), end(), step() and range() are known before evaluation.
  void ReplaceWindowCalls(ExprPtr& expr) {
    if (expr->kind == ExprKind::kCall) {
      const std::string_view name = expr->As<Call>().function->name;
      const auto put = [&](int64_t ms) {
        expr = std::make_unique<NumberLiteral>(static_cast<double>(ms) / 1000, expr->pos);
      };
      if (name == "start") return put(window_.start);
      if (name == "end") return put(window_.end);
      if (name == "step") return put(window_.step_ms);
      if (name == "range") return put(window_.end - window_.start);
    }
    ForEachChild(*expr, [&](ExprPtr& child) { ReplaceWindowCalls(child); });
  }

  // Whether `expr` has one value for all steps. Children of a varying node that do are wrapped.
  bool FindInvariant(ExprPtr& expr) {
    switch (expr->kind) {
      case ExprKind::kNumber:
      case ExprKind::kString: return true;
      case ExprKind::kVectorSelector: return expr->As<VectorSelector>().time.at != AtAnchor::kNone;
      case ExprKind::kMatrixSelector:
        return expr->As<MatrixSelector>().selector->time.at != AtAnchor::kNone;
      case ExprKind::kSubquery: {
        auto& subquery = expr->As<SubqueryExpr>();
        if (FindInvariant(subquery.expr)) Wrap(subquery.expr);
        return subquery.time.at != AtAnchor::kNone;
      }
      default: return FindInvariantChildren(*expr);
    }
  }

  static void Wrap(ExprPtr& expr) {
    // Literals and matrices are as cheap unwrapped; range functions look at their matrix directly.
    const Expr& inner = Unwrap(*expr);
    if (inner.kind == ExprKind::kNumber || inner.kind == ExprKind::kString ||
        inner.type == ValueType::kMatrix) {
      return;
    }
    expr = std::make_unique<StepInvariantExpr>(std::move(expr));
  }

 private:
  bool FindInvariantChildren(Expr& expr) {
    bool all = !(expr.kind == ExprKind::kCall && DependsOnStep(expr.As<Call>().function->name));
    std::vector<ExprPtr*> invariant;
    ForEachChild(expr, [&](ExprPtr& child) {
      if (FindInvariant(child)) {
        invariant.push_back(&child);
      } else {
        all = false;
      }
    });
    if (all) return true;
    // timestamp(x @ 5) wants to see its selector, not one value of it.
    if (expr.kind == ExprKind::kCall && expr.As<Call>().function->name == "timestamp") return false;
    for (ExprPtr* child : invariant) Wrap(*child);
    return false;
  }

  Status Resolve(TimeModifiers& time) {
    if (time.at == AtAnchor::kStart) time.at_ms = window_.start;
    if (time.at == AtAnchor::kEnd) time.at_ms = window_.end;
    return Resolve(time.offset, false);
  }

  Status Resolve(DurationValue& d, bool positive) {
    if (!d.expr) return OkStatus();
    NX_ASSIGN_OR_RETURN(const double seconds, Compute(*d.expr));
    if (positive && !(seconds > 0)) return ErrorAt(*d.expr, "duration must be greater than 0");
    if (!(std::abs(seconds) <= kMaxDurationSeconds))
      return ErrorAt(*d.expr, "duration is out of range");
    d.ms = static_cast<int64_t>(seconds * 1000);
    return OkStatus();
  }

  // Not as the parser has it: from byte to byte.
  static Status ErrorAt(const Expr& expr, std::string_view what) {
    return InvalidArgument("{}:{}: {}", expr.pos.start, expr.pos.end, what);
  }

  StatusOr<double> Compute(const Expr& expr) {
    if (expr.kind == ExprKind::kNumber) return expr.As<NumberLiteral>().value;
    const auto& e = expr.As<DurationExpr>();
    double l = 0;
    double r = 0;
    if (e.lhs) {
      NX_ASSIGN_OR_RETURN(l, Compute(*e.lhs));
    }
    if (e.rhs) {
      NX_ASSIGN_OR_RETURN(r, Compute(*e.rhs));
    }
    switch (e.op) {
      case DurationOp::kStep: return static_cast<double>(window_.step_ms) / 1000;
      case DurationOp::kRange:
        return (static_cast<double>(window_.end) - static_cast<double>(window_.start)) / 1000;
      case DurationOp::kAdd: return l + r;
      case DurationOp::kSub: return l - r;
      case DurationOp::kMul: return l * r;
      case DurationOp::kPow: return std::pow(l, r);
      case DurationOp::kNegate: return -r;
      case DurationOp::kMinOf: return std::min(l, r);
      case DurationOp::kMaxOf: return std::max(l, r);
      case DurationOp::kDiv:
        if (r == 0) return ErrorAt(e, "division by zero");
        return l / r;
      case DurationOp::kMod:
        if (r == 0) return ErrorAt(e, "modulo by zero");
        return std::fmod(l, r);
      default: return r;
    }
  }

  const PlanWindow& window_;
};

// The samples needed by `expr` when evaluated over [start, end].
void Collect(const PlanWindow& window, const Expr& expr, TimestampMs start, TimestampMs end,
             TimeSpan* span) {
  const auto apply = [&](const TimeModifiers& time) {
    if (time.at != AtAnchor::kNone) start = end = time.at_ms;
    start -= time.offset.ms;
    end -= time.offset.ms;
  };
  const auto include = [&] {
    span->min = span->any ? std::min(span->min, start) : start;
    span->max = span->any ? std::max(span->max, end) : end;
    span->any = true;
  };
  if (expr.kind == ExprKind::kVectorSelector) {
    apply(expr.As<VectorSelector>().time);
    start -= window.lookback_ms;
    if (expr.As<VectorSelector>().smoothed) end += window.lookback_ms;
    return include();
  }
  if (expr.kind == ExprKind::kMatrixSelector) {
    const VectorSelector& selector = *expr.As<MatrixSelector>().selector;
    apply(selector.time);
    start -= expr.As<MatrixSelector>().range.ms;
    if (selector.anchored || selector.smoothed) start -= window.lookback_ms;
    if (selector.smoothed) end += window.lookback_ms;
    return include();
  }
  if (expr.kind == ExprKind::kSubquery) {
    apply(expr.As<SubqueryExpr>().time);
    start -= expr.As<SubqueryExpr>().range.ms;
  }
  // ForEachChild needs a mutable node only for its callers that rewrite; nothing is changed here.
  ForEachChild(const_cast<Expr&>(expr),
               [&](ExprPtr& child) { Collect(window, *child, start, end, span); });
}

}  // namespace

Status Plan(const PlanWindow& window, ExprPtr* expr) {
  Planner planner(window);
  planner.ReplaceWindowCalls(*expr);
  NX_RETURN_IF_ERROR(planner.ResolveTimes(**expr));
  if (planner.FindInvariant(*expr)) Planner::Wrap(*expr);
  FindWantedLabels(**expr);
  return OkStatus();
}

TimeSpan SamplesNeeded(const PlanWindow& window, const Expr& expr) {
  TimeSpan span;
  Collect(window, expr, window.start, window.end, &span);
  return span;
}

}  // namespace narthex::promql
