#pragma once
// The synthetic series that query_bench asks about, sent to servers by remote write.
//
// An instance has 100 series with labels as a small cluster has them: 60 counters (15 paths × 4
// codes), 30 buckets of three classic histograms, nine gauges with two decimals, and one info
// series. Instances are scraped at moments of their own, a few milliseconds off now and then.

#include <cstdint>
#include <string>
#include <vector>

namespace narthex::bench {

struct DatasetOptions {
  int64_t series;
  int64_t interval_ms;
  int64_t range_ms;
  int64_t end_ms;  // of the last samples; queries end here
};

constexpr int64_t kSeriesPerInstance = 100;

// Sends everything to all servers, to each by a thread of its own, in the order of time. False and
// a line on stderr when one refuses.
bool LoadDataset(const DatasetOptions& options, const std::vector<std::string>& urls);

}  // namespace narthex::bench
