#pragma once
// A plain page of groups, build and flags, without scripts.

#include <string>
#include <utility>
#include <vector>

#include "pushgateway/group_store.h"

namespace narthex::pushgateway {

std::string StatusPage(const GroupStore::Snapshot& groups,
                       const std::vector<std::pair<std::string, std::string>>& flags,
                       int64_t start_ns);

}  // namespace narthex::pushgateway
