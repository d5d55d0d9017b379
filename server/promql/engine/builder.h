#pragma once
// Turns a planned tree into operators. Making an operator resolves its series and runs whatever
// must see all input first (aggregations, matching), so most of a query's work happens here.

#include <functional>
#include <memory>
#include <vector>

#include "server/promql/engine/operator.h"
#include "server/promql/engine/range_source.h"
#include "server/promql/engine/selector.h"
#include "server/promql/parser/ast.h"

namespace narthex::promql {

class Builder {
 public:
  Builder(QueryContext* context, int64_t max_samples,
          std::function<int64_t(int64_t)> default_subquery_step)
      : context_(context),
        max_samples_(max_samples),
        default_subquery_step_(std::move(default_subquery_step)) {}

  QueryContext& context() const { return *context_; }

  // A vector or scalar expression.
  StatusOr<OperatorPtr> Build(const Expr& expr, const EvalWindow& window,
                              const SelectorUse& use = {});
  // A matrix expression.
  StatusOr<std::unique_ptr<RangeSource>> BuildRange(const Expr& expr, const EvalWindow& window,
                                                    const SelectorUse& use = {},
                                                    bool count_below_subquery = false);
  // A scalar expression at every step.
  StatusOr<std::vector<double>> BuildScalar(const Expr& expr, const EvalWindow& window);

  int64_t DefaultSubqueryStep(int64_t range_ms) const;
  // Refuses windows so long that one row would break the limit on samples.
  Status CheckSteps(size_t steps) const;

 private:
  StatusOr<OperatorPtr> BuildUnary(const UnaryExpr& expr, const EvalWindow& window);
  StatusOr<OperatorPtr> BuildInvariant(const StepInvariantExpr& expr, const EvalWindow& window);
  StatusOr<OperatorPtr> BuildCall(const Call& call, const EvalWindow& window);

  QueryContext* context_;
  int64_t max_samples_;
  std::function<int64_t(int64_t)> default_subquery_step_;
};

// The text of a string argument.
const std::string& StringValue(const Expr& expr);

}  // namespace narthex::promql
