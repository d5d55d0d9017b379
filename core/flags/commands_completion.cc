// What shells ask for to complete command lines.

#include "core/flags/command_node.h"
#include "core/flags/commands.h"
#include "core/flags/flag.h"
#include "core/strings/quote.h"

namespace narthex {
namespace {

using flags_internal::Flag;

// Both scripts hand the words up to the cursor back to the program.
constexpr std::string_view kBash = R"sh(_PROGRAM_complete() {
    local word="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=( $(compgen -W "$("${COMP_WORDS[0]}" --completion-bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "$word") )
}
complete -o default -F _PROGRAM_complete PROGRAM
)sh";
constexpr std::string_view kZsh = R"sh(#compdef PROGRAM
_PROGRAM() {
    compadd -- $("${words[1]}" --completion-bash "${(@)words[2,CURRENT]}" 2>/dev/null) || _files
}
compdef _PROGRAM PROGRAM
)sh";

std::string Script(std::string_view text, const std::string& program) {
  constexpr std::string_view kMark = "PROGRAM";
  std::string out(text);
  for (size_t at = 0; (at = out.find(kMark, at)) != std::string::npos; at += program.size()) {
    out.replace(at, kMark.size(), program);
  }
  return out;
}

// Does the word want another one as its value?
const Flag* FlagWithoutValue(std::string_view word,
                             const std::function<Flag*(std::string_view, char)>& find) {
  if (word.size() < 2 || word[0] != '-' || word.find('=') != std::string_view::npos) return nullptr;
  const Flag* flag = word[1] == '-'     ? find(word.substr(2), 0)
                     : word.size() == 2 ? find("", word[1])
                                        : nullptr;
  return flag == nullptr || flag->is_bool ? nullptr : flag;
}

}  // namespace

std::string CommandSet::Completions(std::vector<std::string> words) {
  if (words.empty()) words.emplace_back();
  const std::string last = std::move(words.back());
  words.pop_back();
  Node* node = root_.get();
  const auto find = [&](std::string_view name, char letter) {
    return FindFlag(node, [&](FlagSetImpl& flags) {
      return letter == 0 ? flags.Find(name) : flags.FindShort(letter);
    });
  };
  const Flag* open = nullptr;  // the flag whose value comes next
  for (const std::string& word : words) {
    if (open != nullptr) {
      open = nullptr;
    } else if (word.starts_with('-')) {
      open = FlagWithoutValue(word, find);
    } else if (Node* child = node->Child(word)) {
      node = child;
    }
  }
  if (open != nullptr) return JoinStrings(open->choices, "\n") + "\n";
  std::string out;
  if (!last.starts_with('-')) {
    for (const auto& [word, child] : node->children) out += word + "\n";
    if (node == root_.get()) out += "help\n";
    return out;
  }
  FindFlag(node, [&](FlagSetImpl& flags) -> Flag* {
    for (const Flag& flag : flags.flags) {
      if (!flag.options.hidden) out += "--" + flag.name + "\n";
    }
    return nullptr;  // on to the flags of what the node is part of
  });
  out += "--help\n";
  return global_.impl_->has_version ? out + "--version\n" : out;
}

bool CommandSet::Complete(const std::vector<std::string>& arguments, Outcome* outcome) {
  if (arguments.empty()) return false;
  if (arguments[0] == "--completion-script-bash") {
    outcome->output = Script(kBash, program_);
  } else if (arguments[0] == "--completion-script-zsh") {
    outcome->output = Script(kZsh, program_);
  } else if (arguments[0] == "--completion-bash") {
    outcome->output = Completions({arguments.begin() + 1, arguments.end()});
  } else {
    return false;
  }
  return true;
}

}  // namespace narthex
