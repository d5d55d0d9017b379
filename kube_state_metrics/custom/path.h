#pragma once
// Paths into objects: member names, indexes of lists (negative ones from the end), [key=value] for
// the first item of a list that has it, key=value to go on only where a map has it.
//
// Thread safety: immutable after Compile.

#include <optional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "kube_state_metrics/families/family.h"

namespace narthex::ksm::custom {

class Path {
 public:
  static StatusOr<Path> Compile(const std::vector<std::string>& parts);
  // What the path leads to; Null when it leads nowhere.
  const Json& Get(const Json& object) const;
  // The only part of a path of one member name, or nullptr.
  const std::string* SingleMember() const;

 private:
  struct Part {
    bool is_lookup = false;  // [key=value]
    std::string text, key, value;
  };
  static const Json& Step(const Part& part, const Json& at);
  std::vector<Part> parts_;
};

// A value as a number: numbers, booleans, yes and no, RFC 3339 times (seconds), percentages,
// quantities. nullopt for what is none.
std::optional<double> NumberOf(const Json& value);
// A value as Go's %v prints it.
std::string PrintValue(const Json& value);

}  // namespace narthex::ksm::custom
