#include "server/promql/parser/printer.h"

#include <algorithm>

#include "core/labels/names.h"
#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/promql/parser/functions_table.h"
#include "server/promql/parser/parser.h"

namespace narthex::promql {
namespace {

void AppendLabelNames(std::string* out, const std::vector<std::string>& names) {
  out->push_back('(');
  bool first = true;
  for (const std::string& name : names) {
    if (!first) out->append(", ");
    first = false;
    if (IsLegacyMetricName(name)) {  // as upstream: a:b needs no quotes
      out->append(name);
    } else {
      AppendGoQuoted(out, name);
    }
  }
  out->push_back(')');
}

void AppendSignedDuration(std::string* out, int64_t ms) {
  if (ms < 0) out->push_back('-');
  out->append(FormatPromDuration(ms < 0 ? -ms : ms));
}

std::string_view DurationOpText(DurationOp op) {
  switch (op) {
    case DurationOp::kAdd: return " + ";
    case DurationOp::kSub: return " - ";
    case DurationOp::kMul: return " * ";
    case DurationOp::kDiv: return " / ";
    case DurationOp::kMod: return " % ";
    case DurationOp::kPow: return " ^ ";
    default: return "";
  }
}

void AppendDurationExpr(std::string* out, const Expr& expr) {
  if (expr.kind != ExprKind::kDuration) return AppendExpr(out, expr);
  const auto& e = expr.As<DurationExpr>();
  switch (e.op) {
    case DurationOp::kStep: out->append("step()"); return;
    case DurationOp::kRange: out->append("range()"); return;
    case DurationOp::kNegate: out->push_back('-'); return AppendDurationExpr(out, *e.rhs);
    case DurationOp::kParen:
      out->push_back('(');
      AppendDurationExpr(out, *e.rhs);
      out->push_back(')');
      return;
    case DurationOp::kMinOf:
    case DurationOp::kMaxOf:
      out->append(e.op == DurationOp::kMinOf ? "min_of(" : "max_of(");
      AppendDurationExpr(out, *e.lhs);
      out->append(", ");
      AppendDurationExpr(out, *e.rhs);
      out->push_back(')');
      return;
    default:
      AppendDurationExpr(out, *e.lhs);
      out->append(DurationOpText(e.op));
      AppendDurationExpr(out, *e.rhs);
  }
}

void AppendDuration(std::string* out, const DurationValue& d) {
  if (d.expr) return AppendDurationExpr(out, *d.expr);
  AppendSignedDuration(out, d.ms);
}

void AppendTimeModifiers(std::string* out, const TimeModifiers& time) {
  switch (time.at) {
    case AtAnchor::kTimestamp:
      out->append(fmt::format(" @ {:.3f}", static_cast<double>(time.at_ms) / 1000));
      break;
    case AtAnchor::kStart: out->append(" @ start()"); break;
    case AtAnchor::kEnd: out->append(" @ end()"); break;
    case AtAnchor::kNone: break;
  }
  if (!time.has_offset || (!time.offset.expr && time.offset.ms == 0)) return;
  out->append(" offset ");
  AppendDuration(out, time.offset);
}

void AppendSelectorHead(std::string* out, const VectorSelector& s) {
  out->append(s.name);
  std::vector<std::string> matchers;
  for (const Matcher& m : s.matchers) {
    if (!s.name.empty() && m.type() == MatchType::kEqual && m.name() == kMetricNameLabel &&
        m.value() == s.name) {
      continue;
    }
    matchers.push_back(m.ToString());
  }
  std::sort(matchers.begin(), matchers.end());
  if (!matchers.empty() || s.name.empty()) {
    out->append("{").append(JoinStrings(matchers, ",")).append("}");
  }
}

void AppendSelectorTail(std::string* out, const VectorSelector& s) {
  if (s.anchored) out->append(" anchored");
  if (s.smoothed) out->append(" smoothed");
  AppendTimeModifiers(out, s.time);
}

void AppendNumber(std::string* out, const NumberLiteral& n) {
  // Durations are exact in milliseconds or they were not written as such.
  const double ms = std::round(n.value * 1000);
  if (n.duration && std::abs(ms) < 9e15) {
    AppendSignedDuration(out, static_cast<int64_t>(ms));
  } else {
    out->append(FormatFloatF(n.value, -1));
  }
}

void AppendCall(std::string* out, const Call& call) {
  out->append(call.function->name).push_back('(');
  bool first = true;
  for (const ExprPtr& arg : call.args) {
    if (!first) out->append(", ");
    first = false;
    AppendExpr(out, *arg);
  }
  out->push_back(')');
}

void AppendAggregate(std::string* out, const AggregateExpr& e) {
  AppendAggregateHead(out, e);
  out->push_back('(');
  if (e.param) {
    AppendExpr(out, *e.param);
    out->append(", ");
  }
  AppendExpr(out, *e.expr);
  out->push_back(')');
}

void AppendBinary(std::string* out, const BinaryExpr& e) {
  AppendExpr(out, *e.lhs);
  out->append(" ").append(BinaryOpName(e.op));
  AppendBinaryModifiers(out, e);
  out->push_back(' ');
  AppendExpr(out, *e.rhs);
}

}  // namespace

void AppendBinaryModifiers(std::string* out, const BinaryExpr& e) {
  if (e.return_bool) out->append(" bool");
  if (!e.matching) return;
  const VectorMatching& m = *e.matching;
  const bool grouped = m.card == Cardinality::kManyToOne || m.card == Cardinality::kOneToMany;
  if (m.on || !m.labels.empty() || grouped) {
    out->append(m.on ? " on " : " ignoring ");
    AppendLabelNames(out, m.labels);
  }
  if (grouped) {
    out->append(m.card == Cardinality::kManyToOne ? " group_left " : " group_right ");
    AppendLabelNames(out, m.include);
  }
  if (m.fill_left && m.fill_right && *m.fill_left == *m.fill_right) {
    out->append(fmt::format(" fill ({})", FormatFloatF(*m.fill_left, -1)));
    return;
  }
  if (m.fill_left) out->append(fmt::format(" fill_left ({})", FormatFloatF(*m.fill_left, -1)));
  if (m.fill_right) out->append(fmt::format(" fill_right ({})", FormatFloatF(*m.fill_right, -1)));
}

void AppendAggregateHead(std::string* out, const AggregateExpr& e) {
  out->append(AggregateOpName(e.op));
  if (!e.without && e.grouping.empty()) return;
  out->append(e.without ? " without " : " by ");
  AppendLabelNames(out, e.grouping);
  out->push_back(' ');
}

void AppendSubquerySuffix(std::string* out, const SubqueryExpr& e) {
  out->push_back('[');
  AppendDuration(out, e.range);
  out->push_back(':');
  if (e.step.expr || e.step.ms != 0) AppendDuration(out, e.step);
  out->push_back(']');
  AppendTimeModifiers(out, e.time);
}

void AppendExpr(std::string* out, const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kNumber: return AppendNumber(out, expr.As<NumberLiteral>());
    case ExprKind::kString: return AppendGoQuoted(out, expr.As<StringLiteral>().value);
    case ExprKind::kVectorSelector:
      AppendSelectorHead(out, expr.As<VectorSelector>());
      return AppendSelectorTail(out, expr.As<VectorSelector>());
    case ExprKind::kMatrixSelector: {
      const auto& e = expr.As<MatrixSelector>();
      AppendSelectorHead(out, *e.selector);
      out->push_back('[');
      AppendDuration(out, e.range);
      out->push_back(']');
      return AppendSelectorTail(out, *e.selector);
    }
    case ExprKind::kSubquery:
      AppendExpr(out, *expr.As<SubqueryExpr>().expr);
      return AppendSubquerySuffix(out, expr.As<SubqueryExpr>());
    case ExprKind::kCall: return AppendCall(out, expr.As<Call>());
    case ExprKind::kAggregate: return AppendAggregate(out, expr.As<AggregateExpr>());
    case ExprKind::kBinary: return AppendBinary(out, expr.As<BinaryExpr>());
    case ExprKind::kUnary:
      out->push_back(expr.As<UnaryExpr>().negate ? '-' : '+');
      return AppendExpr(out, *expr.As<UnaryExpr>().expr);
    case ExprKind::kParen:
      out->push_back('(');
      AppendExpr(out, *expr.As<ParenExpr>().expr);
      out->push_back(')');
      return;
    case ExprKind::kDuration: return AppendDurationExpr(out, expr);
    case ExprKind::kStepInvariant: return AppendExpr(out, *expr.As<StepInvariantExpr>().expr);
  }
}

std::string ToString(const Expr& expr) {
  std::string out;
  AppendExpr(&out, expr);
  return out;
}

}  // namespace narthex::promql
