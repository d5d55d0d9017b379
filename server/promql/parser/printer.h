#pragma once
// Pieces of the canonical form that the printer and the prettifier share.

#include <string>

#include "server/promql/parser/ast.h"

namespace narthex::promql {

void AppendExpr(std::string* out, const Expr& expr);
// " bool on (a) group_left (b)": what stands behind the operator, a blank in front when not empty.
void AppendBinaryModifiers(std::string* out, const BinaryExpr& expr);
// "sum by (a, b) " or "sum": everything before the parenthesis.
void AppendAggregateHead(std::string* out, const AggregateExpr& expr);
// "[5m:1m] @ 3.000 offset 1m".
void AppendSubquerySuffix(std::string* out, const SubqueryExpr& expr);

}  // namespace narthex::promql
