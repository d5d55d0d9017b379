// Durations: literals, and arithmetic over them with step() and range().

#include <cmath>

#include "server/promql/parser/parser_impl.h"

namespace narthex::promql {
namespace {

int Precedence(Tok op) {
  switch (op) {
    case Tok::kAdd:
    case Tok::kSub: return 1;
    case Tok::kMul:
    case Tok::kDiv:
    case Tok::kMod: return 2;
    case Tok::kPow: return 4;  // 3 are the signs
    default: return -1;
  }
}

DurationOp ToDurationOp(Tok op) {
  switch (op) {
    case Tok::kAdd: return DurationOp::kAdd;
    case Tok::kSub: return DurationOp::kSub;
    case Tok::kMul: return DurationOp::kMul;
    case Tok::kDiv: return DurationOp::kDiv;
    case Tok::kMod: return DurationOp::kMod;
    default: return DurationOp::kPow;
  }
}

}  // namespace

bool Parser::ParseDuration(DurationValue* out) {
  ExprPtr expr = ParseDurationExpr(0);
  return !failed() && FinishDuration(std::move(expr), true, out);
}

// Without parentheses only one literal, sign or function may follow: offset 5m + x adds vectors.
bool Parser::ParseOffsetDuration(DurationValue* out) {
  ExprPtr expr = ParseDurationOperand(false);
  return !failed() && FinishDuration(std::move(expr), false, out);
}

bool Parser::FinishDuration(ExprPtr expr, bool positive, DurationValue* out) {
  if (expr->kind == ExprKind::kNumber) {
    const double seconds = expr->As<NumberLiteral>().value;
    if (positive && !(seconds > 0)) {
      Fail(expr->pos, "duration must be greater than 0");
      return false;
    }
    if (!(std::abs(seconds) <= kMaxDurationSeconds)) {
      Fail(expr->pos, "duration out of range");
      return false;
    }
    out->ms = std::llround(seconds * 1000);
    return true;
  }
  if (!options_.duration_expressions) {
    Fail(expr->pos, "duration expression is not enabled");
    return false;
  }
  out->expr = std::move(expr);
  return true;
}

ExprPtr Parser::ParseDurationExpr(int min_precedence) {
  Nesting nesting(this);
  if (nesting.TooDeep()) return nullptr;
  ExprPtr lhs = ParseDurationOperand();
  while (!failed()) {
    const int precedence = Precedence(tok().type);
    if (precedence < 0 || precedence < min_precedence) break;
    const Token op = tok();
    Advance();
    ExprPtr rhs = ParseDurationExpr(op.type == Tok::kPow ? precedence : precedence + 1);
    if (failed()) return nullptr;
    if (!CheckDivisor(op, *rhs)) return nullptr;
    const PosRange pos = {lhs->pos.start, rhs->pos.end};
    auto node =
        std::make_unique<DurationExpr>(ToDurationOp(op.type), std::move(lhs), std::move(rhs), pos);
    const Expr* l = node->lhs.get();
    const Expr* r = node->rhs.get();
    lhs = Finish(std::move(node), {l, r});
  }
  return failed() ? nullptr : std::move(lhs);
}

bool Parser::CheckDivisor(const Token& op, const Expr& rhs) {
  const bool divides = op.type == Tok::kDiv || op.type == Tok::kMod;
  if (!divides || rhs.kind != ExprKind::kNumber || rhs.As<NumberLiteral>().value != 0) return true;
  Fail(op.range(), op.type == Tok::kDiv ? "division by zero" : "modulo by zero");
  return false;
}

ExprPtr Parser::ParseDurationOperand(bool takes_powers) {
  Nesting nesting(this);
  if (failed() || nesting.TooDeep()) return nullptr;
  const Token token = tok();
  if (token.type == Tok::kNumber || token.type == Tok::kDuration) {
    ExprPtr number = ParseNumber();
    if (!failed() && takes_powers &&
        std::abs(number->As<NumberLiteral>().value) > kMaxDurationSeconds) {
      return Fail(number->pos, "duration out of range");
    }
    return number;
  }
  if (token.type == Tok::kAdd || token.type == Tok::kSub) {
    Advance();
    ExprPtr operand = takes_powers ? ParseDurationExpr(3) : ParseDurationOperand(false);
    if (failed()) return nullptr;
    const bool negate = token.type == Tok::kSub;
    if (operand->kind == ExprKind::kNumber) {
      if (negate) operand->As<NumberLiteral>().value *= -1;
      operand->pos.start = token.pos;
      return operand;
    }
    if (!negate) return operand;
    const PosRange pos = {token.pos, operand->pos.end};
    auto node =
        std::make_unique<DurationExpr>(DurationOp::kNegate, nullptr, std::move(operand), pos);
    const Expr* child = node->rhs.get();
    return Finish(std::move(node), {child});
  }
  if (token.type == Tok::kLeftParen) {
    Advance();
    ExprPtr inner = ParseDurationExpr(0);
    if (failed() || !Expect(Tok::kRightParen)) return nullptr;
    if (inner->kind == ExprKind::kNumber) return inner;  // as upstream: (5m) is 5m
    auto node = std::make_unique<DurationExpr>(DurationOp::kParen, nullptr, std::move(inner),
                                               PosRange{token.pos, last_end_});
    const Expr* child = node->rhs.get();
    return Finish(std::move(node), {child});
  }
  return ParseDurationFunction();
}

ExprPtr Parser::ParseDurationFunction() {
  const Token word = tok();
  DurationOp op;
  switch (word.type) {
    case Tok::kStep: op = DurationOp::kStep; break;
    case Tok::kRange: op = DurationOp::kRange; break;
    case Tok::kMinOf: op = DurationOp::kMinOf; break;
    case Tok::kMaxOf: op = DurationOp::kMaxOf; break;
    default: return Unexpected();
  }
  Advance();
  if (!Expect(Tok::kLeftParen)) return nullptr;
  auto node = std::make_unique<DurationExpr>(op, nullptr, nullptr, PosRange{});
  if (op == DurationOp::kMinOf || op == DurationOp::kMaxOf) {
    node->lhs = ParseDurationExpr(0);
    if (failed() || !Expect(Tok::kComma)) return nullptr;
    node->rhs = ParseDurationExpr(0);
    if (failed()) return nullptr;
  }
  if (!Expect(Tok::kRightParen)) return nullptr;
  node->pos = {word.pos, last_end_};
  const Expr* l = node->lhs.get();
  const Expr* r = node->rhs.get();
  return Finish(std::move(node), {l, r});
}

}  // namespace narthex::promql
