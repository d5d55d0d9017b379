#pragma once
// Declares the groups "check" and "test".

#include "core/flags/commands.h"
#include "server/promql/engine/context.h"
#include "server/promql/parser/parser.h"

namespace narthex::promtool {

// The options are read when a command runs.
void AddCheckCommands(CommandSet* commands, const promql::ParserOptions* parser);
void AddTestCommands(CommandSet* commands, const promql::ParserOptions* parser,
                     const promql::EvalOptions* eval);

}  // namespace narthex::promtool
