#pragma once
// A command line in the syntax of the programs of Kubernetes: --name=value, --name value, --bool,
// --bool=false, -v 2, -v=2. Lists are separated by commas; a flag may come again and adds to its
// list.
//
// Thread safety: none; the main thread parses.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace narthex::ksm {

struct Options;

struct FlagDefinition {
  std::string name;
  std::string type;           // shown in help; "" for a bool, which needs no value
  std::string default_value;  // shown in help
  std::string help;
  std::string yaml_key;  // in the configuration file; "" when it cannot be given there
  std::function<Status(Options&, std::string_view value)> set;
  char short_name = 0;
};

// Every flag, by name.
std::span<const FlagDefinition> FlagDefinitions();

struct CommandLine {
  std::vector<std::string> arguments;  // what is no flag
  bool help = false;
};
// Sets what the line says; errors in upstream's words.
StatusOr<CommandLine> ParseFlags(const std::vector<std::string>& line, Options* options);
std::string FlagUsage();

// Sets what a configuration file says over what is there. Keys are those of upstream.
Status ApplyConfigText(std::string_view yaml, Options* options);

}  // namespace narthex::ksm
