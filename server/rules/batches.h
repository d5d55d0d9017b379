#pragma once
// Which rules of a group may be evaluated at the same time: feature concurrent-rule-eval.

#include <cstddef>
#include <vector>

#include "server/promql/parser/parser.h"
#include "server/rules/rule_spec.h"

namespace narthex::rules {

using Batch = std::vector<size_t>;  // places of rules in their group

// Upstream's division: first all rules that read no other rule's output, then one by one those that
// both read and are read, then all that are read by none. A rule whose selectors do not name their
// metrics, or that reads ALERTS, might depend on anything: then every rule is a batch of its own,
// in the order of the file.
std::vector<Batch> SplitIntoBatches(const std::vector<RuleSpec>& rules,
                                    const promql::ParserOptions& parser);
// One rule after the other.
std::vector<Batch> OneByOne(size_t rules);

}  // namespace narthex::rules
