#pragma once
// What absent() and absent_over_time() share.

#include <vector>

#include "server/promql/engine/operator.h"
#include "server/promql/parser/ast.h"

namespace narthex::promql {

// The labels that the equality matchers of a selector pin down; none for other expressions.
Labels LabelsForAbsent(const Expr& expr);

// One series of value 1 at the steps whose bit in `present` is not set. `drops_name` as
// PickedLabels has it.
OperatorPtr MakeAbsent(QueryContext* context, const EvalWindow& window, const Expr& arg,
                       const std::vector<uint64_t>& present, bool drops_name);

}  // namespace narthex::promql
