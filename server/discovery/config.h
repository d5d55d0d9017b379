#pragma once
// What the configuration says about discovery, as plain values.

#include <cstdint>
#include <string>
#include <vector>

#include "server/discovery/target_group.h"

namespace narthex::discovery {

struct FileSdConfig {
  std::vector<std::string> files;  // resolved paths; the last element may hold one *
  int64_t refresh_interval_ms = 300'000;
  friend bool operator==(const FileSdConfig&, const FileSdConfig&) = default;
};

// The discovery part of one job or of one Alertmanager block.
struct DiscoveryConfigs {
  std::vector<TargetGroup> static_groups;  // static_configs, source = index
  std::vector<FileSdConfig> file;
  friend bool operator==(const DiscoveryConfigs&, const DiscoveryConfigs&) = default;
};

}  // namespace narthex::discovery
