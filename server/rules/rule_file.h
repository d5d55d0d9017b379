#pragma once
// Rule files: strict YAML, every fault reported with its place.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "server/promql/parser/parser.h"
#include "server/rules/rule_spec.h"

namespace narthex::rules {

// What groups get that name none of their own.
struct GroupDefaults {
  int64_t interval_ms = 60'000;
  int64_t query_offset_ms = 0;
};

// InvalidArgument: one line a fault, each with "file: " in front. Keys that rules do not have are
// faults too, unless they are ignored.
StatusOr<std::vector<GroupSpec>> ParseRuleFile(std::string_view text, const std::string& file,
                                               const GroupDefaults& defaults,
                                               const promql::ParserOptions& parser,
                                               bool ignore_unknown = false);
StatusOr<std::vector<GroupSpec>> LoadRuleFiles(const std::vector<std::string>& files,
                                               const GroupDefaults& defaults,
                                               const promql::ParserOptions& parser,
                                               bool ignore_unknown = false);

}  // namespace narthex::rules
