#pragma once
// Programs with commands in the manner of kingpin: promtool tsdb list --flag DIR.
//
//   CommandSet commands("promtool", "Tooling for the Prometheus monitoring system.");
//   commands.Group("tsdb", "Run tsdb commands.");
//   FlagSet& list = commands.Command("tsdb list", "List tsdb blocks.", [&] { return RunList(…); });
//   auto* path = list.Arg("db path", "Database path.", "data/");
//   return commands.Main(argc, argv);
//
// Flags of the program stand anywhere; those of a group or command behind it. "help [COMMAND …]"
// and
// --help print the page of what was named, a line without a command that of the program. As the
// first argument, --completion-script-bash and --completion-script-zsh print what a shell reads to
// complete lines, and --completion-bash WORD… what may stand in place of the last word.
//
// Not thread-safe.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/flags/flags.h"

namespace narthex {

namespace flags_internal {
struct Flag;
}

class CommandSet {
 public:
  CommandSet(std::string program, std::string help);
  ~CommandSet();

  FlagSet& global() { return global_; }  // flags of the program
  void SetVersion(std::string text);

  // Paths are words with spaces between them; a group is declared before what it holds.
  // The flags are those of all its commands.
  FlagSet& Group(const std::string& path, std::string help);
  // `run` gives the exit code. The reference lives as long as this object.
  FlagSet& Command(const std::string& path, std::string help, std::function<int()> run);

  // The command that is meant when a line names only its group.
  void SetDefault(const std::string& path);
  // In place of the defaults of the flags of that name, where a line does not set them (a settings
  // file). Names that no flag in question has are left out.
  void SetDefaultValues(std::vector<std::pair<std::string, std::string>> values);
  // One line for each command on the pages of the program and of groups, instead of a paragraph.
  void UseCompactPages() { compact_ = true; }
  // What follows the message about a wrong line; ", try --help" unless told otherwise.
  void SetErrorEnding(std::string ending) { error_ending_ = std::move(ending); }

  // Called by Main before the command, when the values of all flags are known.
  void BeforeRun(std::function<void()> check) { before_run_ = std::move(check); }

  // Runs the command, or prints what is to be printed; the exit code either way.
  int Main(int argc, char** argv);

  // The same without running or printing.
  struct Outcome {
    const std::function<int()>* run = nullptr;
    int exit_code = 0;
    std::string output;  // for stdout
    std::string error;   // for stderr
  };
  Outcome Parse(const std::vector<std::string>& arguments);

 private:
  struct Node;

  Node* Find(const std::string& path);
  // The flag of the node or of what it is part of.
  flags_internal::Flag* FindFlag(Node* node,
                                 const std::function<flags_internal::Flag*(FlagSetImpl&)>& in);
  Status AssignDefaultValues(Node* node);
  std::string UsageOf(const Node& node) const;
  std::string CompactList(const Node& node, size_t depth) const;
  Outcome Help(const std::vector<std::string>& words);
  Outcome Fail(std::string_view message, std::string_view ending) const;
  // commands_completion.cc
  std::string Completions(std::vector<std::string> words);
  bool Complete(const std::vector<std::string>& arguments, Outcome* outcome);

  const std::string program_;
  std::string error_ending_ = ", try --help";
  bool compact_ = false;
  std::vector<std::pair<std::string, std::string>> default_values_;
  FlagSet global_;
  std::unique_ptr<Node> root_;
  std::function<void()> before_run_;
};

}  // namespace narthex
