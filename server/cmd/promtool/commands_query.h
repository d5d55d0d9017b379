#pragma once
// Declares the commands that speak PromQL: query … and promql ….

#include "core/flags/commands.h"
#include "server/promql/parser/parser.h"

namespace narthex::promtool {

struct PromqlSettings {
  const bool* experimental = nullptr;  // --experimental
  promql::ParserOptions parser;        // filled from --enable-feature before a command runs
};

// `settings` outlives the commands.
void AddQueryCommands(CommandSet* commands);
void AddPromqlCommands(CommandSet* commands, const PromqlSettings* settings);

}  // namespace narthex::promtool
