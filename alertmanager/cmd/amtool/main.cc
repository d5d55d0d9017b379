// amtool: looks at and changes what an Alertmanager knows. The commands are in the files named
// after their groups.

#include <cstdio>

#include "alertmanager/cmd/amtool/commands.h"
#include "core/flags/flags.h"

namespace narthex::am {
namespace {

constexpr char kHelp[] =
    "View and modify the current Alertmanager state.\n\n"
    "Settings file: defaults of any flags, as YAML with a line a flag (alertmanager.url: …), are "
    "read "
    "from $HOME/.config/amtool/config.yml and /etc/amtool/config.yml. Flags that suit it:\n\n"
    "  alertmanager.url  where requests go\n"
    "  author            of new silences, instead of the name of the user\n"
    "  require-comment   whether new silences must have a comment (true)\n"
    "  output            simple, extended or json\n"
    "  date.format       of times in tables, as Go lays out times\n"
    "  http.config.file  TLS and credentials, laid out as http_config of Alertmanager";

int Main(int argc, char** argv) {
  CommandSet commands("amtool", kHelp);
  commands.SetVersion(VersionText("amtool"));
  commands.UseCompactPages();
  commands.SetErrorEnding("\n");
  const Settings settings(commands.global());
  AddAlertCommands(&commands, settings);
  AddSilenceCommands(&commands, settings);
  AddCheckConfigCommand(&commands, settings);
  AddClusterAndConfigCommands(&commands, settings);
  AddRoutesCommands(&commands, settings);
  AddTemplateCommands(&commands, settings);
  auto values = ReadSettingsFiles();
  if (!values.ok()) {
    std::fprintf(stderr, "amtool: error: %s\n\n", std::string(MessageOf(values.status())).c_str());
    return 1;
  }
  commands.SetDefaultValues(*std::move(values));
  return commands.Main(argc, argv);
}

}  // namespace
}  // namespace narthex::am

int main(int argc, char** argv) { return narthex::am::Main(argc, argv); }
