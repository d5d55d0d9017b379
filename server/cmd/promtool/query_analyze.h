#pragma once
// promtool query analyze: how many buckets of histograms are in use over time.

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/json/reader.h"

namespace narthex::promtool {

struct AnalyzeArguments {
  std::string url, http_config_file;
  std::string type;  // "histogram", which is all there is
  std::string time;  // "": now
  int64_t duration_ms = 3'600'000;
  std::vector<std::string> selectors;
};
int QueryAnalyze(const AnalyzeArguments& arguments);

// The buckets of one histogram: how many have counts at a time, and how many there are at all.
struct BucketStats {
  int64_t min = 0, max = 0, total = 0;
  double avg = 0;
  std::string ToString() const;  // min/avg/max, and the total when it is another
};

// Of a native histogram: a series of an API answer. NotFound when it has less than two samples.
StatusOr<BucketStats> NativeBucketStats(const JsonValue& series);
// Of the buckets of a classic one. NotFound likewise; an error when they are not of the same times.
StatusOr<BucketStats> ClassicBucketStats(const std::vector<JsonValue>& buckets);

}  // namespace narthex::promtool
