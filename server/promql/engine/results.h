#pragma once
// From operators to the values a query answers with.

#include "server/promql/engine/builder.h"
#include "server/promql/engine/result.h"

namespace narthex::promql {

// Evaluates a planned expression at one step. What the result takes is added to *hold.
Status EvaluateInstant(Builder& builder, const Expr& expr, const EvalWindow& window,
                       QueryResult* result, MemoryHold* hold);
// Evaluates a vector or scalar expression over a range, into an unsorted matrix.
Status EvaluateRange(Builder& builder, const Expr& expr, const EvalWindow& window,
                     QueryResult* result, MemoryHold* hold);
void SortMatrix(std::vector<Series>* matrix);

}  // namespace narthex::promql
