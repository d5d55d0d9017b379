#pragma once
// promtool promql format and label-matchers: expressions rewritten.

#include <string>

#include "server/promql/parser/parser.h"

namespace narthex::promtool {

// Each prints the result, in the layout of the prettifier.
int FormatExpression(const std::string& expression, const promql::ParserOptions& options);
// On every selector: the matchers of that name become this one; it is added where there is none.
int SetLabelMatcher(const std::string& expression, const std::string& type, const std::string& name,
                    const std::string& value, const promql::ParserOptions& options);
int DeleteLabelMatcher(const std::string& expression, const std::string& name,
                       const promql::ParserOptions& options);

}  // namespace narthex::promtool
