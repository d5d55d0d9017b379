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

// The series of every family, as a table, the largest first.
std::string CardinalityTable(const std::vector<MetricFamily>& families);

// Reads standard input. `lint` prints the findings to stderr, and the exit code is 3 when there are
// any; else `extended` prints the table.
int CheckMetrics(bool extended, bool lint);

}  // namespace narthex::promtool
