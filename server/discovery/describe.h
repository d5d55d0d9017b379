#pragma once
// How the discovery part of a job or an Alertmanager block is read from YAML and printed.

#include <string_view>
#include <utility>
#include <vector>

#include "core/config/decode.h"
#include "server/discovery/config.h"

namespace narthex::discovery {

// static_configs and every `<mechanism>_sd_configs`, inline. A mechanism that Prometheus knows and
// this server does not is refused by name.
void Describe(config::Fields& f, DiscoveryConfigs& discovery);

// Every mechanism of Prometheus by name, and whether it is here.
std::vector<std::pair<std::string_view, bool>> KnownMechanisms();

// "…" is not a valid hostname: somebody wrote a URL where a host belongs.
Status CheckStaticTargets(const DiscoveryConfigs& discovery);
// Joins relative file names to the directory of the configuration.
void ResolvePaths(DiscoveryConfigs& discovery, std::string_view directory);

}  // namespace narthex::discovery
