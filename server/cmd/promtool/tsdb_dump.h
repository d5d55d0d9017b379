#pragma once
// promtool tsdb dump and dump-openmetrics: every sample of a data directory as text, blocks and
// head, series in label order.

#include <cstdint>
#include <string>
#include <vector>

namespace narthex::promtool {

enum class DumpFormat { kPrometheus, kSeriesJson, kOpenMetrics };

struct DumpOptions {
  std::string dir;
  std::string sandbox_root;  // empty: the data directory
  int64_t mint = INT64_MIN;
  int64_t maxt = INT64_MAX;
  std::vector<std::string> matchers;  // selectors, any of which selects
  DumpFormat format = DumpFormat::kPrometheus;
};

int Dump(const DumpOptions& options);

}  // namespace narthex::promtool
