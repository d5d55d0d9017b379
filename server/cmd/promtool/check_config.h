#pragma once
// promtool check config: the file itself, the files it names, the targets that stand in them, and
// the rules.

#include <string>
#include <vector>

#include "server/cmd/promtool/check_rules.h"
#include "server/promql/parser/parser.h"

namespace narthex::promtool {

struct CheckConfigOptions {
  bool syntax_only = false;  // nothing but the file itself
  bool agent = false;
  LintOptions lint;
};

// The exit code.
int CheckConfig(const std::vector<std::string>& files, const CheckConfigOptions& options,
                const promql::ParserOptions& parser);

}  // namespace narthex::promtool
