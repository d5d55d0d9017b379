// amtool check-config: loads files as the server does.

#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "alertmanager/cmd/amtool/commands.h"
#include "alertmanager/config/config.h"
#include "alertmanager/templates/templates.h"
#include "core/base/clock.h"

namespace narthex::am {
namespace {

constexpr char kStdin[] = "/dev/stdin";

Status CheckTemplates(const std::vector<std::string>& patterns) {
  return Templates::Load(patterns, "", Clock::System()).status();
}

// The file, and the templates in it that need nothing else to be parsed.
StatusOr<std::shared_ptr<const Config>> Load(const std::string& path) {
  NX_ASSIGN_OR_RETURN(auto config, LoadConfigFile(path));
  NX_ASSIGN_OR_RETURN(const auto templates, Templates::Load({}, "", Clock::System()));
  for (const Receiver& receiver : config->receivers) {
    for (const WebhookConfig& webhook : receiver.webhooks) {
      NX_RETURN_IF_ERROR(templates->Check(webhook.url));
    }
  }
  return config;
}

std::string Verdict(const Status& status) {
  return status.ok() ? "  SUCCESS\n" : fmt::format("  FAILED: {}\n", MessageOf(status));
}

// How many things are wrong with it.
int CheckFile(const std::string& path) {
  Print(fmt::format("Checking '{}'", path));
  const StatusOr<std::shared_ptr<const Config>> loaded = Load(path);
  std::string out = Verdict(loaded.status());
  int failed = loaded.ok() ? 0 : 1;
  if (loaded.ok()) {
    const Config& config = **loaded;
    out += fmt::format(
        "Found:\n - global config\n - route\n - {} inhibit rules\n - {} receivers\n"
        " - {} templates\n",
        config.inhibit_rules.size(), config.receivers.size(), config.templates.size());
    if (!config.templates.empty()) {
      const Status templates = CheckTemplates(config.templates);
      out += Verdict(templates);
      if (!templates.ok()) ++failed;
    }
  }
  Print(out + "\n");
  return failed;
}

Status CheckFiles(std::vector<std::string> files) {
  for (const std::string& file : files) NX_RETURN_IF_ERROR(CheckExistingFile(file));
  if (files.empty()) {
    struct stat info = {};
    if (fstat(STDIN_FILENO, &info) != 0 || S_ISCHR(info.st_mode)) {
      return InvalidArgument("Failed to read from standard input");
    }
    files.emplace_back(kStdin);
  }
  int failed = 0;
  for (const std::string& file : files) failed += CheckFile(file);
  if (failed == 0) return OkStatus();
  return InvalidArgument("failed to validate {} file(s)", failed);
}

}  // namespace

void AddCheckConfigCommand(CommandSet* commands, const Settings& settings) {
  auto files = std::make_shared<std::vector<std::string>*>();
  FlagSet& flags = commands->Command(
      "check-config",
      "Validate alertmanager config files\n\n"
      "Loads the files and the templates they name as alertmanager does, or stdin. Patterns of "
      "templates that match no file are no error.",
      settings.Run([files] { return CheckFiles(**files); }));
  *files = flags.Args("check-files", "Files to be validated", false);
}

}  // namespace narthex::am
