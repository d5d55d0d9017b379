// Lays an expression out over several lines where its canonical form is longer than one.

#include "server/promql/parser/functions_table.h"
#include "server/promql/parser/parser.h"
#include "server/promql/parser/printer.h"

namespace narthex::promql {
namespace {

constexpr size_t kMaxLine = 100;

std::string Indent(int level) { return std::string(static_cast<size_t>(level) * 2, ' '); }

std::string Pretty(const Expr& expr, int level);

std::string PrettyArguments(const std::vector<const Expr*>& args, int level) {
  std::string out;
  for (const Expr* arg : args) {
    if (!out.empty()) out.append(",\n");
    out.append(Pretty(*arg, level + 1));
  }
  return "(\n" + out + "\n" + Indent(level) + ")";
}

std::string PrettyAggregate(const AggregateExpr& e, int level) {
  std::string out = Indent(level);
  AppendAggregateHead(&out, e);
  std::vector<const Expr*> args;
  if (e.param) args.push_back(e.param.get());
  args.push_back(e.expr.get());
  return out + PrettyArguments(args, level);
}

std::string PrettyBinary(const BinaryExpr& e, int level) {
  std::string out = Pretty(*e.lhs, level + 1) + "\n" + Indent(level);
  out.append(BinaryOpName(e.op));
  AppendBinaryModifiers(&out, e);
  return out + "\n" + Pretty(*e.rhs, level + 1);
}

std::string PrettyUnary(const UnaryExpr& e, int level) {
  std::string child = Pretty(*e.expr, level);
  return Indent(level) + (e.negate ? "-" : "+") + child.substr(child.find_first_not_of(' '));
}

std::string Pretty(const Expr& expr, int level) {
  const std::string flat = ToString(expr);
  if (flat.size() <= kMaxLine) return Indent(level) + flat;
  switch (expr.kind) {
    case ExprKind::kAggregate: return PrettyAggregate(expr.As<AggregateExpr>(), level);
    case ExprKind::kBinary: return PrettyBinary(expr.As<BinaryExpr>(), level);
    case ExprKind::kUnary: return PrettyUnary(expr.As<UnaryExpr>(), level);
    case ExprKind::kParen:
      return Indent(level) + PrettyArguments({expr.As<ParenExpr>().expr.get()}, level);
    case ExprKind::kSubquery: {
      std::string out = Pretty(*expr.As<SubqueryExpr>().expr, level);
      AppendSubquerySuffix(&out, expr.As<SubqueryExpr>());
      return out;
    }
    case ExprKind::kCall: {
      std::vector<const Expr*> args;
      for (const ExprPtr& arg : expr.As<Call>().args) args.push_back(arg.get());
      return Indent(level) + std::string(expr.As<Call>().function->name) +
             PrettyArguments(args, level);
    }
    default: return Indent(level) + flat;
  }
}

}  // namespace

std::string Prettify(const Expr& expr) { return Pretty(expr, 0); }

}  // namespace narthex::promql
