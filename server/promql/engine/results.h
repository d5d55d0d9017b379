#pragma once
// From operators to the values a query answers with.

#include "server/promql/engine/builder.h"
#include "server/promql/engine/result.h"

namespace narthex::promql {

// Evaluates a planned expression at one step.
Status EvaluateInstant(Builder& builder, const Expr& expr, const EvalWindow& window,
                       QueryResult* result);
// Evaluates a vector or scalar expression over a range, into an unsorted matrix.
Status EvaluateRange(Builder& builder, const Expr& expr, const EvalWindow& window,
                     QueryResult* result);
void SortMatrix(std::vector<Series>* matrix);

}  // namespace narthex::promql
