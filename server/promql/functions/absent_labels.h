#pragma once
// What absent() and absent_over_time() share.

#include <vector>

#include "server/promql/engine/operator.h"
#include "server/promql/parser/ast.h"

namespace narthex::promql {

// The labels that the equality matchers of a selector pin down; none for other expressions.
Labels LabelsForAbsent(const Expr& expr);

// One series of value 1 at the steps at which `op`, made of `arg`, has nothing. `drops_name` as
// PickedLabels has it.
StatusOr<OperatorPtr> MakeAbsent(const Operator& op, const Expr& arg, bool drops_name);

}  // namespace narthex::promql
