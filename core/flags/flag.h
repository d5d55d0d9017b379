#pragma once
// Inside of core/flags: one flag with its value, and the line of tokens a command line becomes.

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
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
  bool is_text = false;  // its default is shown in quotes
  bool is_repeatable = false;
  bool was_set = false;              // on the command line
  std::vector<std::string> choices;  // of an enumeration
  std::function<Status(std::string_view)> set;
  std::function<void()> clear;  // before the first value of a repeatable flag
  std::function<std::string()> print;
};

// A positional argument.
struct Argument {
  std::string name;
  std::string help;
  bool required = false;
  bool is_repeatable = false;
  std::function<void(std::string_view)> set;
  bool given = false;  // on the command line
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

// Resolves tokens to flags and takes what is no flag. Every error is about the shape of the line,
// none about a value.
struct LineGrammar {
  std::function<Flag*(std::string_view name)> find;
  std::function<Flag*(char short_name)> find_short;
  std::function<Status(std::string_view text)> take_argument;
  // Called when a flag is unknown; true when the search may now end otherwise.
  std::function<bool()> search_again;
  bool has_version = false;
};
StatusOr<ParsedLine> ParseLine(const std::vector<std::string>& arguments,
                               const LineGrammar& grammar);

struct UsageParts {
  std::string program;  // with its commands
  std::string help;
  std::vector<const Flag*> flags;
  std::vector<const Argument*> arguments;
  bool has_version = false;
};
// " [<flags>] <input file> [<output directory>]", required flags in front; "" when there is
// nothing.
std::string SynopsisOf(const UsageParts& parts);
// "usage: PROGRAM SYNOPSIS", the help, the flags, the arguments. Lines of the help that begin with
// a blank are printed as they are.
std::string FormatUsage(const UsageParts& parts, const std::string& synopsis, bool compact = false);
// Name and help of commands, below "Commands:" or "Subcommands:".
std::string FormatCommands(std::string_view heading,
                           const std::vector<std::pair<std::string, std::string>>& commands);

}  // namespace narthex::flags_internal

namespace narthex {

// Inside of FlagSet, shared with CommandSet.
struct FlagSetImpl {
  std::string program, help;
  FlagErrorStyle style;
  std::string version;
  bool has_version = false;
  std::deque<flags_internal::Flag> flags;  // addresses stay valid while flags are added
  std::deque<flags_internal::Argument> arguments;
  size_t arguments_taken = 0;
  // Owners of the values handed out; std::deque never moves its elements.
  std::deque<bool> bools;
  std::deque<std::string> strings;
  std::deque<std::vector<std::string>> lists;
  std::deque<int64_t> ints;
  std::deque<double> doubles;

  flags_internal::Flag* Find(std::string_view name);
  flags_internal::Flag* FindShort(char name);
  void Add(flags_internal::Flag flag);
  int64_t* AddInt(flags_internal::Flag flag, int64_t default_value,
                  Status (*set)(std::string_view text, int64_t* out));
  Status TakeArgument(std::string_view text);
  // Required flags and arguments that were not given.
  Status CheckComplete(const flags_internal::ParsedLine& line) const;
  Status Assign(const std::vector<flags_internal::Assignment>& assignments);
  Status ApplyEnvironment();
  StatusOr<flags_internal::ParsedLine> ParseTokens(const std::vector<std::string>& arguments);
  flags_internal::UsageParts Parts(bool with_hidden) const;
  [[noreturn]] void ExitOnTokenError(const Status& status) const;
};

}  // namespace narthex
