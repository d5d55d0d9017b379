#pragma once
// Programs with commands in the manner of kingpin: promtool tsdb list --flag DIR.
//
//   CommandSet commands("promtool", "Tooling for the Prometheus monitoring system.");
//   commands.Group("tsdb", "Run tsdb commands.");
//   FlagSet& list = commands.Command("tsdb list", "List tsdb blocks.", [&] { return RunList(…); });
//   auto* path = list.Arg("db path", "Database path.", "data/");
//   return commands.Main(argc, argv);
//
// Flags of the program stand anywhere; those of a command behind it. "help [COMMAND …]" and --help
// print the page of what was named, a line without a command that of the program.
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

class CommandSet {
 public:
  CommandSet(std::string program, std::string help);
  ~CommandSet();

  FlagSet& global() { return global_; }  // flags of the program
  void SetVersion(std::string text);

  // Paths are words with spaces between them; a group is declared before what it holds.
  void Group(const std::string& path, std::string help);
  // `run` gives the exit code. The reference lives as long as this object.
  FlagSet& Command(const std::string& path, std::string help, std::function<int()> run);

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
  std::string UsageOf(const Node& node) const;
  Outcome Help(const std::vector<std::string>& words);
  Outcome Fail(std::string_view message, std::string_view hint = ", try --help") const;

  const std::string program_;
  FlagSet global_;
  std::unique_ptr<Node> root_;
  std::function<void()> before_run_;
};

}  // namespace narthex
