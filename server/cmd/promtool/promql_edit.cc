#include "server/cmd/promtool/promql_edit.h"

#include <functional>

#include "server/cmd/promtool/output.h"

namespace narthex::promtool {
namespace {

using Edit = std::function<void(std::vector<Matcher>*)>;

void ForEachSelector(promql::Expr& expr, const Edit& edit) {
  if (expr.kind == promql::ExprKind::kVectorSelector) {
    edit(&expr.As<promql::VectorSelector>().matchers);
  } else if (expr.kind == promql::ExprKind::kMatrixSelector) {
    edit(&expr.As<promql::MatrixSelector>().selector->matchers);
  }
  promql::ForEachChild(expr, [&](promql::ExprPtr& child) { ForEachSelector(*child, edit); });
}

int Rewrite(const std::string& expression, const promql::ParserOptions& options, const Edit& edit) {
  auto expr = promql::ParseExpr(expression, options);
  if (!expr.ok()) return Fail(expr.status());
  if (edit) ForEachSelector(**expr, edit);
  Output().Print("{}\n", promql::Prettify(**expr));
  return kOk;
}

MatchType TypeOf(std::string_view text) {
  if (text == "!=") return MatchType::kNotEqual;
  if (text == "=~") return MatchType::kRegex;
  return text == "!~" ? MatchType::kNotRegex : MatchType::kEqual;
}

}  // namespace

int FormatExpression(const std::string& expression, const promql::ParserOptions& options) {
  return Rewrite(expression, options, nullptr);
}

int SetLabelMatcher(const std::string& expression, const std::string& type, const std::string& name,
                    const std::string& value, const promql::ParserOptions& options) {
  const auto matcher = Matcher::Create(TypeOf(type), name, value);
  if (!matcher.ok()) return Fail(matcher.status());
  return Rewrite(expression, options, [&](std::vector<Matcher>* matchers) {
    bool found = false;
    for (Matcher& m : *matchers) {
      if (m.name() != name) continue;
      m = *matcher;
      found = true;
    }
    if (!found) matchers->push_back(*matcher);
  });
}

int DeleteLabelMatcher(const std::string& expression, const std::string& name,
                       const promql::ParserOptions& options) {
  return Rewrite(expression, options, [&](std::vector<Matcher>* matchers) {
    std::erase_if(*matchers, [&](const Matcher& m) { return m.name() == name; });
  });
}

}  // namespace narthex::promtool
