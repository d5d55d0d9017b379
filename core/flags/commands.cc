#include "core/flags/commands.h"

#include <cstdio>

#include "core/base/check.h"
#include "core/flags/flag.h"

namespace narthex {

using flags_internal::Flag;

// A word of a command line; the root stands for the program.
struct CommandSet::Node {
  std::string path;
  std::string help;
  std::unique_ptr<FlagSet> flags;  // of a command
  std::function<int()> run;
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> children;  // as declared

  Node* Child(std::string_view word) {
    for (auto& [name, child] : children) {
      if (name == word) return child.get();
    }
    return nullptr;
  }
};

CommandSet::CommandSet(std::string program, std::string help)
    : program_(program), global_(std::move(program), help), root_(std::make_unique<Node>()) {
  root_->help = std::move(help);
}

CommandSet::~CommandSet() = default;

void CommandSet::SetVersion(std::string text) { global_.SetVersion(std::move(text)); }

CommandSet::Node* CommandSet::Find(const std::string& path) {
  Node* node = root_.get();
  size_t at = 0;
  while (at < path.size()) {
    const size_t end = std::min(path.find(' ', at), path.size());
    Node* child = node->Child(std::string_view(path).substr(at, end - at));
    if (child == nullptr) {
      NX_CHECK(end == path.size());  // its group was not declared
      auto added = std::make_unique<Node>();
      added->path = path;
      child = added.get();
      node->children.emplace_back(path.substr(at, end - at), std::move(added));
    }
    node = child;
    at = end + 1;
  }
  return node;
}

void CommandSet::Group(const std::string& path, std::string help) {
  Find(path)->help = std::move(help);
}

FlagSet& CommandSet::Command(const std::string& path, std::string help, std::function<int()> run) {
  Node* node = Find(path);
  node->help = help;
  node->run = std::move(run);
  node->flags = std::make_unique<FlagSet>(program_ + " " + path, std::move(help));
  return *node->flags;
}

std::string CommandSet::UsageOf(const Node& node) const {
  flags_internal::UsageParts parts = global_.impl_->Parts(false);
  parts.program = node.path.empty() ? program_ : program_ + " " + node.path;
  parts.help = node.help;
  if (node.flags != nullptr) {
    const flags_internal::UsageParts own = node.flags->impl_->Parts(false);
    parts.flags.insert(parts.flags.end(), own.flags.begin(), own.flags.end());
    parts.arguments = own.arguments;
    return flags_internal::FormatUsage(parts, flags_internal::SynopsisOf(own));
  }
  std::vector<std::pair<std::string, std::string>> commands;
  if (node.path.empty()) commands.emplace_back("help [<command>...]", "Show help.");
  const std::function<void(const Node&)> collect = [&](const Node& group) {
    for (const auto& [word, child] : group.children) {
      if (child->flags == nullptr) {
        collect(*child);
        continue;
      }
      const auto synopsis = flags_internal::SynopsisOf(child->flags->impl_->Parts(false));
      commands.emplace_back(child->path + " " + synopsis, child->help);
    }
  };
  collect(node);
  return flags_internal::FormatUsage(parts, node.path.empty() ? "[<flags>] <command> [<args> ...]"
                                                              : "<command> [<args> ...]") +
         flags_internal::FormatCommands(node.path.empty() ? "Commands" : "Subcommands", commands);
}

CommandSet::Outcome CommandSet::Fail(std::string_view message, std::string_view hint) const {
  Outcome outcome;
  outcome.exit_code = 1;
  outcome.error = fmt::format("{}: error: {}{}\n", program_, message, hint);
  return outcome;
}

CommandSet::Outcome CommandSet::Help(const std::vector<std::string>& words) {
  Node* node = root_.get();
  for (const std::string& word : words) {
    Node* child = node->Child(word);
    if (child == nullptr) return Fail(fmt::format("expected command but got \"{}\"", word), "");
    node = child;
  }
  Outcome outcome;
  outcome.output = UsageOf(*node);
  return outcome;
}

CommandSet::Outcome CommandSet::Parse(const std::vector<std::string>& arguments) {
  Node* node = root_.get();
  bool wants_help = false;
  std::vector<std::string> help_words;
  flags_internal::LineGrammar grammar;
  grammar.find = [&](std::string_view name) -> Flag* {
    Flag* flag = node->flags != nullptr ? node->flags->impl_->Find(name) : nullptr;
    return flag != nullptr ? flag : global_.impl_->Find(name);
  };
  grammar.find_short = [&](char name) -> Flag* {
    Flag* flag = node->flags != nullptr ? node->flags->impl_->FindShort(name) : nullptr;
    return flag != nullptr ? flag : global_.impl_->FindShort(name);
  };
  grammar.take_argument = [&](std::string_view text) -> Status {
    if (wants_help) return help_words.emplace_back(text), OkStatus();
    if (node->flags != nullptr) return node->flags->impl_->TakeArgument(text);
    if (Node* child = node->Child(text)) return node = child, OkStatus();
    if (node == root_.get() && text == "help") return wants_help = true, OkStatus();
    return InvalidArgument("expected command but got \"{}\"", text);
  };
  grammar.has_version = global_.impl_->has_version;

  const auto line = flags_internal::ParseLine(arguments, grammar);
  if (!line.ok()) return Fail(MessageOf(line.status()));
  if (wants_help) return Help(help_words);
  Outcome outcome;
  if (line->version) {
    outcome.output = global_.impl_->version + "\n";
    return outcome;
  }
  if (line->help || line->help_long || line->help_man || node == root_.get()) {
    outcome.output = UsageOf(*node);
    return outcome;
  }
  if (node->flags == nullptr) {
    return Fail(fmt::format("must select a subcommand of '{}'", node->path));
  }
  Status status = node->flags->impl_->CheckComplete(*line);
  if (status.ok()) status = node->flags->impl_->Assign(line->assignments);
  if (status.ok()) status = global_.impl_->ApplyEnvironment();
  if (!status.ok()) return Fail(MessageOf(status));
  outcome.run = &node->run;
  return outcome;
}

int CommandSet::Main(int argc, char** argv) {
  const Outcome outcome = Parse(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  std::fputs(outcome.output.c_str(), stdout);
  std::fputs(outcome.error.c_str(), stderr);
  if (outcome.run == nullptr) return outcome.exit_code;
  if (before_run_) before_run_();
  const int code = (*outcome.run)();
  std::fflush(stdout);
  return code;
}

}  // namespace narthex
