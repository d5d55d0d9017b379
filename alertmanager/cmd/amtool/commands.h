#pragma once
// The commands of amtool, one function a group. `settings` outlives the commands.

#include "alertmanager/cmd/amtool/settings.h"
#include "core/flags/commands.h"

namespace narthex::am {

void AddAlertCommands(CommandSet* commands, const Settings& settings);
void AddSilenceCommands(CommandSet* commands, const Settings& settings);
void AddCheckConfigCommand(CommandSet* commands, const Settings& settings);
void AddClusterAndConfigCommands(CommandSet* commands, const Settings& settings);
void AddRoutesCommands(CommandSet* commands, const Settings& settings);  // after those of config
void AddTemplateCommands(CommandSet* commands, const Settings& settings);

// How matchers may be written, for the pages of commands that take them.
inline constexpr char kMatcherHelp[] =
    "Each argument is a matcher: name=value, name!=value, name=~regex or name!~regex; together "
    "they "
    "must all hold. A first argument that is no matcher is the value of alertname:\n"
    "\n"
    "  amtool {0} alertname=foo node=bar\n"
    "  amtool {0} foo node=bar\n"
    "  amtool {0} 'alertname=~foo.*'";

}  // namespace narthex::am
