#include "server/promql/plan/wanted_labels.h"

#include <algorithm>
#include <array>

#include "core/labels/metadata_labels.h"
#include "server/promql/parser/functions_table.h"

namespace narthex::promql {
namespace {

using Names = std::vector<std::string>;

// Functions that yield a value for each series, of that series alone, and look at no label but the
// name.
bool MapsSeries(std::string_view function) {
  if (function.ends_with("_over_time")) return function != "absent_over_time";
  static constexpr std::array<std::string_view, 19> kNames = {
      "abs",   "ceil",   "changes", "clamp",  "clamp_max", "clamp_min", "delta",
      "deriv", "exp",    "floor",   "idelta", "increase",  "irate",     "ln",
      "rate",  "resets", "round",   "sgn",    "sqrt",
  };
  return std::find(kNames.begin(), kNames.end(), function) != kNames.end();
}

bool LooksAtGroupsAlone(const AggregateExpr& expr) {
  return !expr.without && (expr.op < AggregateOp::kTopK || expr.op == AggregateOp::kQuantile);
}

// What is done with the series of an expression.
struct Use {
  const Names* wanted = nullptr;  // the labels that are looked at; nullptr: all
  bool drops_names = false;       // before that
};

void MarkSelector(VectorSelector& selector, Use use) {
  if (use.wanted == nullptr) return;
  const bool one_name = OnlyName(selector) != nullptr;
  // Series that are the same without their names are an error, which the other labels tell.
  if (use.drops_names && !one_name) return;
  Names names = *use.wanted;
  if (one_name) {
    names.emplace_back(kTypeLabel);
    names.emplace_back(kUnitLabel);
  } else {
    names.emplace_back(kMetricNameLabel);  // for messages
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  selector.wanted_labels = std::move(names);
}

void Mark(Expr& expr, Use use) {
  switch (expr.kind) {
    case ExprKind::kVectorSelector: return MarkSelector(expr.As<VectorSelector>(), use);
    case ExprKind::kMatrixSelector: return MarkSelector(*expr.As<MatrixSelector>().selector, use);
    case ExprKind::kParen:
    case ExprKind::kStepInvariant: break;
    case ExprKind::kUnary: use.drops_names = true; break;
    case ExprKind::kCall:
      use.drops_names = true;
      if (!MapsSeries(expr.As<Call>().function->name)) use = {};
      break;
    case ExprKind::kBinary: {
      auto& binary = expr.As<BinaryExpr>();
      use.drops_names = true;
      if (binary.matching) use = {};  // between two vectors
      break;
    }
    case ExprKind::kAggregate: {
      auto& aggregate = expr.As<AggregateExpr>();
      if (aggregate.param) Mark(*aggregate.param, {});
      return Mark(*aggregate.expr, {LooksAtGroupsAlone(aggregate) ? &aggregate.grouping : nullptr});
    }
    default: use = {};
  }
  ForEachChild(expr, [use](ExprPtr& child) { Mark(*child, use); });
}

}  // namespace

const Matcher* OnlyName(const VectorSelector& selector) {
  for (const Matcher& m : selector.matchers) {
    if (m.name() == kMetricNameLabel && m.type() == MatchType::kEqual) return &m;
  }
  return nullptr;
}

void FindWantedLabels(Expr& expr) { Mark(expr, {}); }

}  // namespace narthex::promql
