#pragma once
// Subqueries: an expression evaluated over steps of its own, seen as a range vector.

#include "server/promql/engine/range_source.h"
#include "server/promql/parser/ast.h"

namespace narthex::promql {

StatusOr<std::unique_ptr<RangeSource>> MakeSubquerySource(Builder* builder,
                                                          const EvalWindow& window,
                                                          const SubqueryExpr& subquery);

}  // namespace narthex::promql
