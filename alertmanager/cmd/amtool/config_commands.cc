// amtool cluster show, amtool config show: what the server says of itself.

#include "alertmanager/cmd/amtool/api_client.h"
#include "alertmanager/cmd/amtool/commands.h"
#include "alertmanager/cmd/amtool/print.h"

namespace narthex::am {
namespace {

Status ShowStatus(const Settings& settings,
                  std::string (*format)(const JsonValue& status, const Style& style)) {
  NX_ASSIGN_OR_RETURN(auto api, ApiClient::Create(settings));
  NX_ASSIGN_OR_RETURN(const JsonValue status, api->Call(kGetStatus));
  Print(format(status, Style(settings)));
  return OkStatus();
}

}  // namespace

void AddClusterAndConfigCommands(CommandSet* commands, const Settings& settings) {
  commands->Group("cluster", "View cluster status and peers.");
  commands->Command("cluster show", "View cluster status and peers.",
                    settings.Run([&settings] { return ShowStatus(settings, FormatCluster); }));
  commands->SetDefault("cluster show");
  commands->Group("config", "View the running config.");
  commands->Command("config show",
                    "View current config.\n\n"
                    "The output flag selects how much is printed:\n"
                    "  simple: the running config\n"
                    "  extended: the running config, uptime and version\n"
                    "  json: the whole status as JSON",
                    settings.Run([&settings] { return ShowStatus(settings, FormatConfig); }));
  commands->SetDefault("config show");
}

}  // namespace narthex::am
