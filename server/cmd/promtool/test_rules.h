#pragma once
// promtool test rules: evaluates rules over series that a file gives and compares what fires and
// what expressions yield with what it expects.

#include <string>
#include <vector>

#include "server/promql/engine/context.h"
#include "server/promql/parser/parser.h"

namespace narthex::promtool {

struct TestRulesOptions {
  std::vector<std::string> files;
  std::vector<std::string> run;        // expressions; only tests whose name matches one. Empty: all
  bool debug = false;                  // tell of each test, and all samples at its end
  bool diff = false;                   // alerts as coloured differences
  bool ignore_unknown_fields = false;  // of rule files
  std::string junit;                   // a file for the results as JUnit XML
  promql::ParserOptions parser;
  promql::EvalOptions eval;
};

// Prints the outcome of each file; the exit code.
int TestRules(const TestRulesOptions& options);

}  // namespace narthex::promtool
