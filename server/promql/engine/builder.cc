#include "server/promql/engine/builder.h"

#include "core/histogram/arithmetic.h"
#include "server/promql/engine/aggregate.h"
#include "server/promql/engine/basic_ops.h"
#include "server/promql/engine/binary.h"
#include "server/promql/engine/subquery.h"
#include "server/promql/engine/tile_pool.h"
#include "server/promql/functions/registry.h"
#include "server/promql/parser/functions_table.h"

namespace narthex::promql {
namespace {

// Until it goes, what is built counts its samples in this way.
class CountingScope {
 public:
  CountingScope(QueryContext* context, Counting counting)
      : context_(context), before_(context->counting()) {
    context->SetCounting(counting);
  }
  ~CountingScope() { context_->SetCounting(before_); }
  CountingScope(const CountingScope&) = delete;

 private:
  QueryContext* const context_;
  const Counting before_;
};

constexpr size_t kLongWindow = 11'000;  // the most steps the API allows a range query

}  // namespace

int64_t Builder::DefaultSubqueryStep(int64_t range_ms) const {
  const int64_t step = default_subquery_step_ ? default_subquery_step_(range_ms) : 60'000;
  return step > 0 ? step : 60'000;
}

Status Builder::CheckSteps(size_t steps) const {
  if (steps <= static_cast<size_t>(std::max<int64_t>(max_samples_, 1))) return OkStatus();
  return ResourceExhausted(
      "query processing would load too many samples into memory in query execution");
}

StatusOr<OperatorPtr> Builder::Build(const Expr& expr, const EvalWindow& window,
                                     const SelectorUse& use) {
  // Any operator may hold a row or two; over very many steps (subqueries) that counts.
  if (window.steps > kLongWindow) {
    NX_RETURN_IF_ERROR(context_->Charge(window.steps));
    // Each thread that works on it may.
    const size_t threads =
        context_->pool() == nullptr ? 1 : context_->pool()->helpers() + size_t{1};
    if (!context_->HoldForQuery(2 * threads * window.steps * sizeof(double))) {
      return context_->CheckMemory();
    }
  }
  switch (expr.kind) {
    case ExprKind::kNumber: {
      const double value = expr.As<NumberLiteral>().value;
      return MakeScalar(context_, window, [value](size_t) { return value; });
    }
    case ExprKind::kVectorSelector:
      return MakeVectorSelector(context_, window, expr.As<VectorSelector>(), use,
                                SampleYield::kValue);
    case ExprKind::kParen: return Build(*expr.As<ParenExpr>().expr, window, use);
    case ExprKind::kStepInvariant: return BuildInvariant(expr.As<StepInvariantExpr>(), window);
    case ExprKind::kUnary: return BuildUnary(expr.As<UnaryExpr>(), window);
    case ExprKind::kCall: return BuildCall(expr.As<Call>(), window);
    case ExprKind::kAggregate: return BuildAggregate(*this, expr.As<AggregateExpr>(), window);
    case ExprKind::kBinary: return BuildBinary(*this, expr.As<BinaryExpr>(), window);
    default: return Internal("a {} cannot be evaluated as a vector", DocumentedType(expr.type));
  }
}

StatusOr<std::unique_ptr<RangeSource>> Builder::BuildRange(const Expr& expr,
                                                           const EvalWindow& window,
                                                           const SelectorUse& use,
                                                           bool count_below_subquery) {
  const Expr& inner = Unwrap(expr);
  if (inner.kind == ExprKind::kSubquery) {
    const Counting outer = context_->counting();
    const CountingScope scope(context_, !count_below_subquery         ? Counting::kNot
                                        : outer == Counting::kOwnStep ? Counting::kEveryStep
                                                                      : outer);
    return MakeSubquerySource(this, window, inner.As<SubqueryExpr>());
  }
  if (inner.kind != ExprKind::kMatrixSelector) {
    return Internal("a {} cannot be evaluated as a range vector", DocumentedType(inner.type));
  }
  return MakeMatrixSource(context_, window, inner.As<MatrixSelector>(), use);
}

StatusOr<std::vector<double>> Builder::BuildScalar(const Expr& expr, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(OperatorPtr op, Build(expr, window));
  return ScalarValues(*op);
}

StatusOr<OperatorPtr> Builder::BuildInvariant(const StepInvariantExpr& expr,
                                              const EvalWindow& window) {
  EvalWindow one = window;
  one.steps = 1;
  const CountingScope scope(context_, context_->counting() == Counting::kOwnStep
                                          ? Counting::kEveryStep
                                          : context_->counting());
  NX_ASSIGN_OR_RETURN(OperatorPtr op, Build(*expr.expr, one));
  if (window.steps == 1) return op;
  return MakeSpread(window, std::move(op));
}

StatusOr<OperatorPtr> Builder::BuildUnary(const UnaryExpr& expr, const EvalWindow& window) {
  NX_ASSIGN_OR_RETURN(OperatorPtr op, Build(*expr.expr, window));
  if (!expr.negate) return op;
  const auto negate = [](Tile* tile, size_t row) {
    double* v = tile->values(row);
    for (size_t i = 0; i < tile->steps(); ++i) v[i] = -v[i];
    if (!tile->HasHistograms(row)) return;
    for (HistogramPtr& h : tile->MutableHistograms(row).cells) {
      if (h == nullptr) continue;
      FloatHistogram negative = *h;
      Multiply(&negative, -1);
      h = std::make_shared<const FloatHistogram>(std::move(negative));
    }
  };
  return MakeCellMap(std::move(op), NameRule::kDrop, negate, Clash::kSameWindow);
}

StatusOr<OperatorPtr> Builder::BuildCall(const Call& call, const EvalWindow& window) {
  const FunctionMaker make = FindFunctionMaker(call.function->name);
  if (make == nullptr) {
    return FailedPrecondition("function {} is known to PromQL but not implemented here",
                              call.function->name);
  }
  return make(*this, call, window);
}

const std::string& StringValue(const Expr& expr) { return Unwrap(expr).As<StringLiteral>().value; }

}  // namespace narthex::promql
