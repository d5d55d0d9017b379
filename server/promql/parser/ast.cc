#include "server/promql/parser/ast.h"

#include "server/promql/parser/token.h"

namespace narthex::promql {

std::string_view BinaryOpName(BinaryOp op) {
  return TokenSpelling(static_cast<Tok>(static_cast<int>(Tok::kAdd) + static_cast<int>(op)));
}

std::string_view AggregateOpName(AggregateOp op) {
  return TokenSpelling(static_cast<Tok>(static_cast<int>(Tok::kSum) + static_cast<int>(op)));
}

const Expr& Unwrap(const Expr& expr) {
  const Expr* e = &expr;
  while (true) {
    if (e->kind == ExprKind::kParen) {
      e = e->As<ParenExpr>().expr.get();
    } else if (e->kind == ExprKind::kStepInvariant) {
      e = e->As<StepInvariantExpr>().expr.get();
    } else {
      return *e;
    }
  }
}

}  // namespace narthex::promql
