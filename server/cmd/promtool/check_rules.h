#pragma once
// promtool check rules, and what it shares with check config.

#include <cstdint>
#include <string>
#include <vector>

#include "server/promql/parser/parser.h"

namespace narthex::promtool {

inline constexpr int kLintFailed = 3;

struct LintOptions {
  bool duplicate_rules = true;
  bool long_intervals = false;
  bool fatal = false;                  // findings decide the exit code
  bool ignore_unknown_fields = false;  // of rule groups
  int64_t lookback_ms = 300'000;
};
// From the names of --lint, comma separated; unknown ones are told and left out.
LintOptions ParseLint(const std::string& names, bool fatal);

// What became of the files checked so far.
struct Verdict {
  bool failed = false, errors = false;
  void Add(const Verdict& other) {
    failed |= other.failed;
    errors |= other.errors;
  }
  int ExitCode(bool lint_fatal) const;
};

// Kingpin's check of file arguments: tells of the first that is not there.
bool AllExist(const std::vector<std::string>& files);

// Without files: standard input.
int CheckRules(const std::vector<std::string>& files, const LintOptions& lint,
               const promql::ParserOptions& parser);
Verdict CheckRuleFile(const std::string& file, const LintOptions& lint,
                      const promql::ParserOptions& parser);

}  // namespace narthex::promtool
