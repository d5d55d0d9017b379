#include "server/rules/batches.h"

#include <algorithm>

#include "server/promql/parser/ast.h"

namespace narthex::rules {
namespace {

// The matchers on the metric's name of all selectors below. False: some selector has none.
bool CollectNames(promql::Expr& expr, std::vector<Matcher>* names) {
  if (expr.kind == promql::ExprKind::kMatrixSelector) {
    return CollectNames(*expr.As<promql::MatrixSelector>().selector, names);
  }
  if (expr.kind == promql::ExprKind::kVectorSelector) {
    const auto& matchers = expr.As<promql::VectorSelector>().matchers;
    const auto name = std::find_if(matchers.begin(), matchers.end(),
                                   [](const Matcher& m) { return m.name() == kMetricNameLabel; });
    if (name == matchers.end()) return false;
    names->push_back(*name);
  }
  bool known = true;
  promql::ForEachChild(
      expr, [&](promql::ExprPtr& child) { known = CollectNames(*child, names) && known; });
  return known;
}

// The inputs of every rule; empty when those of one are not known.
std::vector<std::vector<Matcher>> InputsOf(const std::vector<RuleSpec>& rules,
                                           const promql::ParserOptions& parser) {
  std::vector<std::vector<Matcher>> inputs(rules.size());
  for (size_t i = 0; i < rules.size(); ++i) {
    auto expr = promql::ParseExpr(rules[i].expr, parser);
    if (!expr.ok() || !CollectNames(**expr, &inputs[i])) return {};
    const bool meta = std::any_of(inputs[i].begin(), inputs[i].end(), [](const Matcher& m) {
      return m.Matches("ALERTS") || m.Matches("ALERTS_FOR_STATE");
    });
    if (meta) return {};
  }
  return inputs;
}

}  // namespace

std::vector<Batch> OneByOne(size_t rules) {
  std::vector<Batch> batches;
  batches.reserve(rules);
  for (size_t i = 0; i < rules; ++i) batches.push_back({i});
  return batches;
}

std::vector<Batch> SplitIntoBatches(const std::vector<RuleSpec>& rules,
                                    const promql::ParserOptions& parser) {
  const auto inputs = InputsOf(rules, parser);
  if (inputs.empty()) return OneByOne(rules.size());
  std::vector<bool> reads(rules.size()), is_read(rules.size());
  for (size_t i = 0; i < rules.size(); ++i) {
    for (const Matcher& name : inputs[i]) {
      for (size_t j = 0; j < rules.size(); ++j) {
        if (!name.Matches(rules[j].name)) continue;
        reads[i] = true;
        is_read[j] = true;
      }
    }
  }
  Batch first, last;
  std::vector<Batch> batches(1);
  for (size_t i = 0; i < rules.size(); ++i) {
    if (!reads[i]) {
      first.push_back(i);
    } else if (is_read[i]) {
      batches.push_back({i});
    } else {
      last.push_back(i);
    }
  }
  batches[0] = std::move(first);
  batches.push_back(std::move(last));
  std::erase_if(batches, [](const Batch& batch) { return batch.empty(); });
  return batches;
}

}  // namespace narthex::rules
