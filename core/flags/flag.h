#pragma once
// Inside of core/flags: one flag with its value, and the line of tokens a command line becomes.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/flags/flags.h"

namespace narthex::flags_internal {

// A flag knows how to set and print its value; the value itself lives in the FlagSet.
struct Flag {
  std::string name;
  std::string help;
  FlagOptions options;
  std::vector<std::string> default_texts;
  bool is_bool = false;
  bool is_text = false;       // its default is shown in quotes
  bool is_repeatable = false;
  bool was_set = false;       // on the command line
  std::function<Status(std::string_view)> set;
  std::function<void()> clear;  // before the first value of a repeatable flag
  std::function<std::string()> print;
};

// What the command line asked for, in order.
struct Assignment {
  Flag* flag;
  std::string value;
};

struct ParsedLine {
  std::vector<Assignment> assignments;
  bool help = false;
  bool help_long = false;
  bool help_man = false;
  bool version = false;
};

// Resolves tokens to flags. Every error is about the shape of the line, none about a value.
using FindFlag = std::function<Flag*(std::string_view name)>;
StatusOr<ParsedLine> ParseLine(const std::vector<std::string>& arguments, const FindFlag& find,
                               bool has_version);

std::string FormatUsage(const std::string& program, const std::string& help,
                        const std::vector<const Flag*>& flags, bool has_version);

}  // namespace narthex::flags_internal
