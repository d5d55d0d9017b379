#pragma once
// promtool check service-discovery: what one job would scrape.

#include <cstdint>
#include <string>

namespace narthex::promtool {

// Looks for the targets of the job, and prints their labels before and after relabelling as JSON.
// What is found by asking others is collected until the time is up. The exit code.
int CheckDiscovery(const std::string& config_file, const std::string& job, int64_t timeout_ms);

}  // namespace narthex::promtool
