#pragma once
// The syntax tree of a PromQL expression.
//
// A node knows its kind, its static type and the bytes of the text it came from. Trees are owned
// top-down by unique_ptr and are at most kMaxExprDepth deep, so recursion over them is safe.
// A tree does not change after parsing and planning; evaluation only reads it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/labels/matcher.h"
#include "server/promql/parser/value_type.h"

namespace narthex::promql {

struct FunctionSignature;  // functions_table.h

// Bytes [start, end) of the query.
struct PosRange {
  int start = 0;
  int end = 0;
};

enum class ExprKind : uint8_t {
  kNumber,
  kString,
  kVectorSelector,
  kMatrixSelector,
  kSubquery,
  kCall,
  kAggregate,
  kBinary,
  kUnary,
  kParen,
  kDuration,
  kStepInvariant,  // put in by the planner, never by the parser
};

enum class BinaryOp : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAtan2,
  kEq,
  kNe,
  kGt,
  kLt,
  kGe,
  kLe,
  kTrimUpper,
  kTrimLower,  // </ and >/
  kAnd,
  kOr,
  kUnless,
};

enum class AggregateOp : uint8_t {
  kSum,
  kAvg,
  kCount,
  kMin,
  kMax,
  kGroup,
  kStddev,
  kStdvar,
  kTopK,
  kBottomK,
  kCountValues,
  kQuantile,
  kLimitK,
  kLimitRatio,
};

std::string_view BinaryOpName(BinaryOp op);
std::string_view AggregateOpName(AggregateOp op);
constexpr bool IsComparison(BinaryOp op) { return op >= BinaryOp::kEq && op <= BinaryOp::kLe; }
constexpr bool IsSetOperator(BinaryOp op) { return op >= BinaryOp::kAnd; }
constexpr bool TakesParameter(AggregateOp op) { return op >= AggregateOp::kTopK; }

struct Expr {
  ExprKind kind;
  ValueType type;
  PosRange pos;
  int depth = 1;  // of the tree below and including this node

  Expr(ExprKind k, ValueType t, PosRange p) : kind(k), type(t), pos(p) {}
  virtual ~Expr() = default;
  template <typename T>
  T& As() {
    return static_cast<T&>(*this);
  }
  template <typename T>
  const T& As() const {
    return static_cast<const T&>(*this);
  }
};
using ExprPtr = std::unique_ptr<Expr>;

struct NumberLiteral : Expr {
  double value;
  bool duration = false;  // written as 5m
  NumberLiteral(double v, PosRange p) : Expr(ExprKind::kNumber, ValueType::kScalar, p), value(v) {}
};

struct StringLiteral : Expr {
  std::string value;
  StringLiteral(std::string v, PosRange p)
      : Expr(ExprKind::kString, ValueType::kString, p), value(std::move(v)) {}
};

// An arithmetic expression over durations: [5m * 2], offset (step() + 1m). Operands are number
// literals or further duration expressions. Resolved to milliseconds before evaluation.
enum class DurationOp : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kNegate,
  kParen,
  kStep,
  kRange,
  kMinOf,
  kMaxOf,
};
struct DurationExpr : Expr {
  DurationOp op;
  ExprPtr lhs, rhs;  // one operand is in rhs
  DurationExpr(DurationOp o, ExprPtr l, ExprPtr r, PosRange p)
      : Expr(ExprKind::kDuration, ValueType::kScalar, p),
        op(o),
        lhs(std::move(l)),
        rhs(std::move(r)) {}
};

// About 292 years, what int64 nanoseconds hold.
inline constexpr double kMaxDurationSeconds = 9223372036.854776;

// A duration in the query: fixed when parsed, or computed from an expression when planned.
struct DurationValue {
  int64_t ms = 0;
  ExprPtr expr;  // set for duration expressions; then `ms` is what the planner computed
};

enum class AtAnchor : uint8_t { kNone, kTimestamp, kStart, kEnd };

// offset and @, shared by vector selectors and subqueries.
struct TimeModifiers {
  DurationValue offset;
  bool has_offset = false;
  AtAnchor at = AtAnchor::kNone;
  TimestampMs at_ms = 0;  // of kTimestamp
};

struct VectorSelector : Expr {
  std::string name;               // metric name written in front of the braces, or ""
  std::vector<Matcher> matchers;  // the name included
  TimeModifiers time;
  bool anchored = false;
  bool smoothed = false;
  bool is_info_matcher = false;  // the bare matchers given to info()
  // The only labels that the query looks at, sorted; set by the planner.
  std::optional<std::vector<std::string>> wanted_labels;
  explicit VectorSelector(PosRange p) : Expr(ExprKind::kVectorSelector, ValueType::kVector, p) {}
};

struct MatrixSelector : Expr {
  std::unique_ptr<VectorSelector> selector;
  DurationValue range;
  MatrixSelector(std::unique_ptr<VectorSelector> s, PosRange p)
      : Expr(ExprKind::kMatrixSelector, ValueType::kMatrix, p), selector(std::move(s)) {}
};

struct SubqueryExpr : Expr {
  ExprPtr expr;
  DurationValue range;
  DurationValue step;  // ms 0 and no expression: the default step
  TimeModifiers time;
  SubqueryExpr(ExprPtr e, PosRange p)
      : Expr(ExprKind::kSubquery, ValueType::kMatrix, p), expr(std::move(e)) {}
};

struct Call : Expr {
  const FunctionSignature* function;
  std::vector<ExprPtr> args;
  Call(const FunctionSignature* f, ValueType t, PosRange p)
      : Expr(ExprKind::kCall, t, p), function(f) {}
};

struct AggregateExpr : Expr {
  AggregateOp op;
  ExprPtr expr;
  ExprPtr param;  // null unless TakesParameter(op)
  std::vector<std::string> grouping;
  bool without = false;
  AggregateExpr(AggregateOp o, PosRange p)
      : Expr(ExprKind::kAggregate, ValueType::kVector, p), op(o) {}
};

enum class Cardinality : uint8_t { kOneToOne, kManyToOne, kOneToMany, kManyToMany };

struct VectorMatching {
  Cardinality card = Cardinality::kOneToOne;
  bool on = false;  // on(labels), else ignoring(labels)
  std::vector<std::string> labels;
  std::vector<std::string> include;  // of group_left/group_right
  std::optional<double> fill_left;   // values for a side without a partner
  std::optional<double> fill_right;
};

struct BinaryExpr : Expr {
  BinaryOp op;
  ExprPtr lhs, rhs;
  bool return_bool = false;
  std::optional<VectorMatching> matching;  // set when both sides are vectors
  BinaryExpr(BinaryOp o, ExprPtr l, ExprPtr r, ValueType t, PosRange p)
      : Expr(ExprKind::kBinary, t, p), op(o), lhs(std::move(l)), rhs(std::move(r)) {}
};

struct UnaryExpr : Expr {
  bool negate;
  ExprPtr expr;
  UnaryExpr(bool n, ExprPtr e, PosRange p)
      : Expr(ExprKind::kUnary, e->type, p), negate(n), expr(std::move(e)) {}
};

struct ParenExpr : Expr {
  ExprPtr expr;
  ParenExpr(ExprPtr e, PosRange p) : Expr(ExprKind::kParen, e->type, p), expr(std::move(e)) {}
};

// Its value is the same at every step: evaluated once, then spread.
struct StepInvariantExpr : Expr {
  ExprPtr expr;
  explicit StepInvariantExpr(ExprPtr e)
      : Expr(ExprKind::kStepInvariant, e->type, e->pos), expr(std::move(e)) {}
};

// Calls `visit(ExprPtr&)` on every direct child, duration expressions left out.
template <typename Visit>
void ForEachChild(Expr& expr, Visit visit) {
  switch (expr.kind) {
    case ExprKind::kSubquery: visit(expr.As<SubqueryExpr>().expr); break;
    case ExprKind::kCall:
      for (ExprPtr& arg : expr.As<Call>().args) visit(arg);
      break;
    case ExprKind::kAggregate:
      if (expr.As<AggregateExpr>().param) visit(expr.As<AggregateExpr>().param);
      visit(expr.As<AggregateExpr>().expr);
      break;
    case ExprKind::kBinary:
      visit(expr.As<BinaryExpr>().lhs);
      visit(expr.As<BinaryExpr>().rhs);
      break;
    case ExprKind::kUnary: visit(expr.As<UnaryExpr>().expr); break;
    case ExprKind::kParen: visit(expr.As<ParenExpr>().expr); break;
    case ExprKind::kStepInvariant: visit(expr.As<StepInvariantExpr>().expr); break;
    default: break;
  }
}

// The expression inside any parentheses and step-invariant wrappers.
const Expr& Unwrap(const Expr& expr);

}  // namespace narthex::promql
