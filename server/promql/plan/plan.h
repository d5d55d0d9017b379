#pragma once
// What happens to a tree between parsing and evaluation: duration expressions are computed, @
// start() and end() become timestamps, subtrees with one value for all steps are wrapped in
// StepInvariantExpr, and selectors learn which labels the query looks at. Also tells which span of
// samples a query needs.

#include <cstdint>
#include <functional>

#include "core/base/status.h"
#include "server/promql/parser/ast.h"

namespace narthex::promql {

struct PlanWindow {
  TimestampMs start = 0;
  TimestampMs end = 0;
  int64_t step_ms = 0;
  int64_t lookback_ms = 0;
  std::function<int64_t(int64_t range_ms)> default_subquery_step;
};

// Fails (InvalidArgument, upstream's wording) when a duration expression yields what cannot be.
Status Plan(const PlanWindow& window, ExprPtr* expr);

struct TimeSpan {
  TimestampMs min = 0;
  TimestampMs max = 0;
  bool any = false;
};
// The samples that selectors of a planned tree reach: (min, max].
TimeSpan SamplesNeeded(const PlanWindow& window, const Expr& expr);

}  // namespace narthex::promql
