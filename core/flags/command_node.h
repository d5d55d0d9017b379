#pragma once
// Inside of CommandSet: a word of a command line; the root stands for the program.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/flags/commands.h"

namespace narthex {

struct CommandSet::Node {
  std::string path;
  std::string help;
  Node* parent = nullptr;
  std::unique_ptr<FlagSet> flags;  // null for the root, whose flags are the global ones
  std::function<int()> run;        // of a command
  std::vector<std::pair<std::string, std::unique_ptr<Node>>> children;  // as declared
  Node* default_child = nullptr;

  Node* Child(std::string_view word) const {
    for (const auto& [name, child] : children) {
      if (name == word) return child.get();
    }
    return nullptr;
  }
};

}  // namespace narthex
