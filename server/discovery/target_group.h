#pragma once
// A target group: what every discovery mechanism produces and scraping and notifying consume.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/labels/labels.h"

namespace narthex::discovery {

struct TargetGroup {
  std::vector<Labels> targets;  // each at least __address__
  Labels labels;                // common to all of them; a target's own label wins
  std::string source;           // identifies the group within its provider

  friend bool operator==(const TargetGroup&, const TargetGroup&) = default;
};

using TargetGroups = std::vector<std::shared_ptr<const TargetGroup>>;
// Every group of every job (or of every Alertmanager block), by its name.
using TargetSets = std::map<std::string, TargetGroups>;

}  // namespace narthex::discovery
