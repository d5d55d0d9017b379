#pragma once
// The PromQL parser: text to a type-checked syntax tree.
//
// Errors are InvalidArgument with upstream's wording: "1:5: parse error: unexpected end of input".
// Hostile input is bounded: kMaxQueryBytes of text, kMaxExprDepth levels of tree.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/labels/labels.h"
#include "core/labels/matcher.h"
#include "server/promql/parser/ast.h"

namespace narthex::promql {

inline constexpr size_t kMaxQueryBytes = 1 << 20;
inline constexpr int kMaxExprDepth = 500;

// The feature flags that widen the language.
struct ParserOptions {
  bool experimental_functions = false;    // promql-experimental-functions
  bool extended_range_selectors = false;  // promql-extended-range-selectors: anchored, smoothed
  bool binop_fill_modifiers = false;      // promql-binop-fill-modifiers
  bool duration_expressions = true;       // the default since 3.14
};

StatusOr<ExprPtr> ParseExpr(std::string_view text, const ParserOptions& options = {});
// A selector alone, as in match[]: up{job="x"}. The metric name becomes a __name__ matcher.
StatusOr<std::vector<Matcher>> ParseMetricSelector(std::string_view text);
// The same, but it may select everything: {}, {x=~".*"}.
StatusOr<std::vector<Matcher>> ParseAnySelector(std::string_view text);
// A series as exposition and unit tests write it: up{job="x"}.
StatusOr<Labels> ParseMetric(std::string_view text);
// The same at the start of `text`; `*end` is where it ends.
StatusOr<Labels> ParseMetricPrefix(std::string_view text, size_t* end);

// The canonical form, which parses to the same tree.
std::string ToString(const Expr& expr);
// Several indented lines when it does not fit in 100 columns.
std::string Prettify(const Expr& expr);

}  // namespace narthex::promql
