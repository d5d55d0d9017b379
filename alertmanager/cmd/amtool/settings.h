#pragma once
// What all commands of amtool share: the flags of the program, its settings files, and how a
// command ends.

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/flags/commands.h"

namespace narthex::am {

struct Settings {
  std::string *url = nullptr, *output = nullptr, *http_config_file = nullptr,
              *date_format = nullptr, *features = nullptr;
  bool *verbose = nullptr, *version_check = nullptr;
  int64_t* timeout_ms = nullptr;

  explicit Settings(FlagSet& flags);

  // A function for CommandSet::Command: applies the flags, runs the command, and prints its error
  // as upstream does, with a blank line behind it.
  std::function<int()> Run(std::function<Status()> command) const;
};

// Values of flags by name, from $HOME/.config/amtool/config.yml and /etc/amtool/config.yml; the
// first file that names a flag wins.
StatusOr<std::vector<std::pair<std::string, std::string>>> ReadSettingsFiles();

// For checks of flags and arguments that name a file which must be there.
Status CheckExistingFile(std::string_view path);

// To stdout; what follows on stderr comes after it.
void Print(std::string_view text);

}  // namespace narthex::am
