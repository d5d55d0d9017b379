// Durations: literals, and arithmetic over them with step() and range().

#include <cmath>

#include "server/promql/parser/parser_impl.h"

namespace narthex::promql {
namespace {

constexpr std::string_view kExpected = "number, duration, step(), or range()";
constexpr double kMaxSeconds = 9.2e9;  // about 292 years, what int64 nanoseconds hold

int Precedence(Tok op) {
  switch (op) {
    case Tok::kAdd: case Tok::kSub: return 1;
    case Tok::kMul: case Tok::kDiv: case Tok::kMod: return 2;
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

bool Parser::ParseDuration(std::string_view context, bool positive, DurationValue* out) {
  ExprPtr expr = ParseDurationExpr(context, 0);
  return !failed() && FinishDuration(std::move(expr), positive, out);
}

// Without parentheses only one literal, sign or function may follow: offset 5m + x adds vectors.
bool Parser::ParseOffsetDuration(DurationValue* out) {
  ExprPtr expr = ParseDurationExpr("offset", 3);
  return !failed() && FinishDuration(std::move(expr), false, out);
}

bool Parser::FinishDuration(ExprPtr expr, bool positive, DurationValue* out) {
  if (expr->kind == ExprKind::kNumber) {
    const double seconds = expr->As<NumberLiteral>().value;
    if (positive && !(seconds > 0)) {
      Fail(expr->pos, "duration must be greater than 0");
      return false;
    }
    if (!(std::abs(seconds) < kMaxSeconds)) {
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

ExprPtr Parser::ParseDurationExpr(std::string_view context, int min_precedence) {
  Nesting nesting(this);
  if (nesting.TooDeep()) return nullptr;
  ExprPtr lhs = ParseDurationOperand(context);
  while (!failed()) {
    const int precedence = Precedence(tok_.type);
    if (precedence < 0 || precedence < min_precedence) break;
    // Offsets end here: what follows belongs to the expression around them.
    if (min_precedence == 3 && context == "offset") break;
    const Tok op = tok_.type;
    Advance();
    ExprPtr rhs = ParseDurationExpr(context, op == Tok::kPow ? precedence : precedence + 1);
    if (failed()) return nullptr;
    const PosRange pos = {lhs->pos.start, rhs->pos.end};
    auto node = std::make_unique<DurationExpr>(ToDurationOp(op), std::move(lhs), std::move(rhs), pos);
    const Expr* l = node->lhs.get();
    const Expr* r = node->rhs.get();
    lhs = Finish(std::move(node), {l, r});
  }
  return failed() ? nullptr : std::move(lhs);
}

ExprPtr Parser::ParseDurationOperand(std::string_view context) {
  if (failed()) return nullptr;
  const Token token = tok_;
  if (token.type == Tok::kNumber || token.type == Tok::kDuration) return ParseNumber();
  if (token.type == Tok::kAdd || token.type == Tok::kSub) {
    Advance();
    ExprPtr operand = ParseDurationExpr(context, 3);
    if (failed()) return nullptr;
    const bool negate = token.type == Tok::kSub;
    if (operand->kind == ExprKind::kNumber) {
      if (negate) operand->As<NumberLiteral>().value *= -1;
      operand->pos.start = token.pos;
      return operand;
    }
    const PosRange pos = {token.pos, operand->pos.end};
    auto node = std::make_unique<DurationExpr>(
        negate ? DurationOp::kNegate : DurationOp::kPlus, nullptr, std::move(operand), pos);
    const Expr* child = node->rhs.get();
    return Finish(std::move(node), {child});
  }
  if (token.type == Tok::kLeftParen) {
    Advance();
    ExprPtr inner = ParseDurationExpr("", 0);
    if (failed() || !Expect(Tok::kRightParen)) return nullptr;
    auto node = std::make_unique<DurationExpr>(DurationOp::kParen, nullptr, std::move(inner),
                                               PosRange{token.pos, last_end_});
    const Expr* child = node->rhs.get();
    return Finish(std::move(node), {child});
  }
  return ParseDurationFunction(context);
}

ExprPtr Parser::ParseDurationFunction(std::string_view context) {
  const Token word = tok_;
  DurationOp op;
  switch (word.type) {
    case Tok::kStep: op = DurationOp::kStep; break;
    case Tok::kRange: op = DurationOp::kRange; break;
    case Tok::kMinOf: op = DurationOp::kMinOf; break;
    case Tok::kMaxOf: op = DurationOp::kMaxOf; break;
    default: return Unexpected(context, context.empty() ? "" : kExpected);
  }
  Advance();
  if (!Expect(Tok::kLeftParen)) return nullptr;
  auto node = std::make_unique<DurationExpr>(op, nullptr, nullptr, PosRange{});
  if (op == DurationOp::kMinOf || op == DurationOp::kMaxOf) {
    node->lhs = ParseDurationExpr("", 0);
    if (failed() || !Expect(Tok::kComma)) return nullptr;
    node->rhs = ParseDurationExpr("", 0);
    if (failed()) return nullptr;
  }
  if (!Expect(Tok::kRightParen)) return nullptr;
  node->pos = {word.pos, last_end_};
  const Expr* l = node->lhs.get();
  const Expr* r = node->rhs.get();
  return Finish(std::move(node), {l, r});
}

}  // namespace narthex::promql
