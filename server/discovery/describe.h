#pragma once
// How discovery's values are read from YAML and printed: static_configs, file_sd_configs.

#include "core/config/decode.h"
#include "server/discovery/config.h"

namespace narthex::discovery {

void Describe(config::Fields& f, TargetGroup& group);
void Describe(config::Fields& f, FileSdConfig& file);
Status AfterDecode(FileSdConfig& file);

// The static_configs, file_sd_configs of a job or an Alertmanager block, inline. Every other
// mechanism that Prometheus knows is refused by name.
void Describe(config::Fields& f, DiscoveryConfigs& discovery);

// "…" is not a valid hostname: somebody wrote a URL where a host belongs.
Status CheckStaticTargets(const DiscoveryConfigs& discovery);
// Joins relative file names to the directory of the configuration.
void ResolvePaths(DiscoveryConfigs& discovery, std::string_view directory);

}  // namespace narthex::discovery
