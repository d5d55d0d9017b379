#include "core/flags/commands.h"

#include <cstdio>

#include "core/base/check.h"
#include "core/flags/command_node.h"
#include "core/flags/flag.h"

namespace narthex {

using flags_internal::Flag;
using flags_internal::SynopsisOf;

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
      added->parent = node;
      added->flags = std::make_unique<FlagSet>(program_ + " " + path, "");
      child = added.get();
      node->children.emplace_back(path.substr(at, end - at), std::move(added));
    }
    node = child;
    at = end + 1;
  }
  return node;
}

FlagSet& CommandSet::Group(const std::string& path, std::string help) {
  Node* node = Find(path);
  node->help = std::move(help);
  return *node->flags;
}

FlagSet& CommandSet::Command(const std::string& path, std::string help, std::function<int()> run) {
  Node* node = Find(path);
  node->help = std::move(help);
  node->run = std::move(run);
  return *node->flags;
}

void CommandSet::SetDefault(const std::string& path) {
  Node* node = Find(path);
  NX_CHECK(node->run != nullptr);
  node->parent->default_child = node;
}

void CommandSet::SetDefaultValues(std::vector<std::pair<std::string, std::string>> values) {
  default_values_ = std::move(values);
}

std::string CommandSet::CompactList(const Node& node, size_t depth) const {
  std::string out;
  for (const auto& [word, child] : node.children) {
    out += fmt::format("{:{}}{}{}{}\n", "", 2 * depth, word,
                       child.get() == node.default_child ? "*" : "",
                       SynopsisOf(child->flags->impl_->Parts(false)));
    out += CompactList(*child, depth + 1);
  }
  return out;
}

std::string CommandSet::UsageOf(const Node& node) const {
  const bool is_root = node.parent == nullptr;
  flags_internal::UsageParts parts = global_.impl_->Parts(false);
  parts.program = is_root ? program_ : program_ + " " + node.path;
  parts.help = node.help;
  const size_t global_flags = parts.flags.size();
  for (const Node* n = &node; n->flags != nullptr; n = n->parent) {
    const auto own = n->flags->impl_->Parts(false).flags;
    parts.flags.insert(parts.flags.begin() + global_flags, own.begin(), own.end());
  }
  const std::string synopsis = is_root ? " [<flags>]" : SynopsisOf(node.flags->impl_->Parts(false));
  if (node.run) {
    parts.arguments = node.flags->impl_->Parts(false).arguments;
    return flags_internal::FormatUsage(parts, synopsis, compact_);
  }
  const std::string page =
      flags_internal::FormatUsage(parts, synopsis + " <command> [<args> ...]", compact_);
  if (compact_) {
    size_t depth = 1;
    std::string list = "  help [<command>...]\n";
    if (!is_root) {
      list = fmt::format("  {}\n", node.path);
      for (const Node* n = &node; n->parent != nullptr; n = n->parent) ++depth;
    }
    return page + "Commands:\n" + list + CompactList(node, depth) + "\n";
  }
  std::vector<std::pair<std::string, std::string>> commands;
  if (is_root) commands.emplace_back("help [<command>...]", "Show help.");
  const std::function<void(const Node&)> collect = [&](const Node& group) {
    for (const auto& [word, child] : group.children) {
      if (child->run == nullptr) {
        collect(*child);
        continue;
      }
      commands.emplace_back(child->path + SynopsisOf(child->flags->impl_->Parts(false)),
                            child->help);
    }
  };
  collect(node);
  return page + flags_internal::FormatCommands(is_root ? "Commands" : "Subcommands", commands);
}

CommandSet::Outcome CommandSet::Fail(std::string_view message, std::string_view ending) const {
  Outcome outcome;
  outcome.exit_code = 1;
  outcome.error = fmt::format("{}: error: {}{}\n", program_, message, ending);
  return outcome;
}

CommandSet::Outcome CommandSet::Help(const std::vector<std::string>& words) {
  Node* node = root_.get();
  for (const std::string& word : words) {
    if (node->run != nullptr) break;  // the page does not depend on arguments
    Node* child = node->Child(word);
    if (child == nullptr) return Fail(fmt::format("expected command but got \"{}\"", word), "");
    node = child;
  }
  Outcome outcome;
  outcome.output = UsageOf(*node);
  return outcome;
}

Flag* CommandSet::FindFlag(Node* node, const std::function<Flag*(FlagSetImpl&)>& in) {
  for (; node->flags != nullptr; node = node->parent) {
    if (Flag* flag = in(*node->flags->impl_)) return flag;
  }
  return in(*global_.impl_);
}

Status CommandSet::AssignDefaultValues(Node* node) {
  for (const auto& [name, value] : default_values_) {
    Flag* flag = FindFlag(node, [&](FlagSetImpl& flags) { return flags.Find(name); });
    if (flag == nullptr || flag->was_set) continue;
    if (flag->clear) flag->clear();
    NX_RETURN_IF_ERROR(flag->set(value));
  }
  return OkStatus();
}

CommandSet::Outcome CommandSet::Parse(const std::vector<std::string>& arguments) {
  Outcome outcome;
  if (Complete(arguments, &outcome)) return outcome;
  Node* node = root_.get();
  bool wants_help = false;
  std::vector<std::string> help_words;
  auto take_default = [&] {
    if (wants_help || node->default_child == nullptr) return false;
    node = node->default_child;
    return true;
  };
  flags_internal::LineGrammar grammar;
  grammar.find = [&](std::string_view name) {
    return FindFlag(node, [&](FlagSetImpl& flags) { return flags.Find(name); });
  };
  grammar.find_short = [&](char name) {
    return FindFlag(node, [&](FlagSetImpl& flags) { return flags.FindShort(name); });
  };
  grammar.search_again = take_default;
  grammar.take_argument = [&](std::string_view text) -> Status {
    if (wants_help) return help_words.emplace_back(text), OkStatus();
    if (node->run != nullptr) return node->flags->impl_->TakeArgument(text);
    if (Node* child = node->Child(text)) return node = child, OkStatus();
    if (node == root_.get() && text == "help") return wants_help = true, OkStatus();
    if (take_default()) return grammar.take_argument(text);
    return InvalidArgument("expected command but got \"{}\"", text);
  };
  grammar.has_version = global_.impl_->has_version;

  const auto line = flags_internal::ParseLine(arguments, grammar);
  if (!line.ok()) return Fail(MessageOf(line.status()), error_ending_);
  if (wants_help) return Help(help_words);
  if (line->version) {
    outcome.output = global_.impl_->version + "\n";
    return outcome;
  }
  if (line->help || line->help_long || line->help_man || node == root_.get()) {
    outcome.output = UsageOf(*node);
    return outcome;
  }
  while (take_default()) {
  }
  if (node->run == nullptr) {
    return Fail(fmt::format("must select a subcommand of '{}'", node->path), error_ending_);
  }
  Status status = node->flags->impl_->CheckComplete(*line);
  if (status.ok()) status = node->flags->impl_->Assign(line->assignments);
  for (Node* n = node->parent; status.ok() && n->flags != nullptr; n = n->parent) {
    status = n->flags->impl_->ApplyEnvironment();
  }
  if (status.ok()) status = global_.impl_->ApplyEnvironment();
  if (status.ok()) status = AssignDefaultValues(node);
  if (!status.ok()) return Fail(MessageOf(status), error_ending_);
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
