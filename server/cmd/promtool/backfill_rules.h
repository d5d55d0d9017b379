#pragma once
// promtool tsdb create-blocks-from rules: asks a Prometheus for what recording rules would have
// recorded and writes it as blocks, one for each rule and range of two hours.

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/clock.h"

namespace narthex::promtool {

struct RuleBackfillOptions {
  std::vector<std::string> files;
  std::string url;
  std::string http_config_file;  // empty: none
  std::string start, end;        // RFC 3339 or seconds; an empty end is three hours ago
  std::string output_dir;
  int64_t eval_interval_ms = 60'000;  // of groups that say none
};

int BackfillRules(const RuleBackfillOptions& options, const Clock& clock = Clock::System());

}  // namespace narthex::promtool
