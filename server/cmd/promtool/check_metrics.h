#pragma once
// promtool check metrics: what Prometheus' linter says of an exposition.

#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/metrics/registry.h"

namespace narthex::promtool {

// Lines of "name complaint", sorted.
std::vector<std::string> LintMetrics(const std::vector<MetricFamily>& families);

// Reads standard input, prints the findings to stderr; the exit code is 3 when there are any.
int CheckMetrics();

}  // namespace narthex::promtool
