#pragma once
// Target groups as YAML and JSON: static_configs, file_sd files, answers of http_sd. Strict: an
// unknown key is an error. Sources are not set.

#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/config/decode.h"
#include "server/discovery/target_group.h"

namespace narthex::discovery {

void Describe(config::Fields& f, TargetGroup& group);

StatusOr<std::vector<TargetGroup>> ParseJsonGroups(std::string_view text);
StatusOr<std::vector<TargetGroup>> ParseYamlGroups(std::string_view text);

}  // namespace narthex::discovery
