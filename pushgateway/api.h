#pragma once
// The JSON of the query API: /api/v1/metrics and /api/v1/status.
//
// Thread safety: pure functions.

#include <string>
#include <utility>
#include <vector>

#include "pushgateway/group_store.h"

namespace narthex::pushgateway {

std::string MetricsJson(const GroupStore::Snapshot& groups);
std::string StatusJson(const std::vector<std::pair<std::string, std::string>>& flags,
                       int64_t start_ns);

// "GAUGE", "SUMMARY", … as protobuf names types.
std::string_view UpperTypeName(MetricType type);
// A number as Go's %v writes it.
std::string NumberText(double v);

}  // namespace narthex::pushgateway
