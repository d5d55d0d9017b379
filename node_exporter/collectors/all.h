#pragma once
// The table of every collector upstream knows on Linux, those not built here included.

#include <memory>
#include <span>
#include <string_view>

#include "node_exporter/collector.h"

namespace narthex::node {

struct CollectorEntry {
  std::string_view name;
  bool default_enabled = false;
  std::unique_ptr<Plugin> (*make)() = nullptr;  // nullptr: known, but not implemented
};

std::span<const CollectorEntry> AllCollectors();  // sorted by name

}  // namespace narthex::node
