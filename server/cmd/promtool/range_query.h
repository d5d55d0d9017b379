#pragma once
// Asks a Prometheus for a range query.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/status.h"
#include "core/labels/labels.h"
#include "server/cmd/promtool/api_client.h"

namespace narthex::promtool {

struct RangeSeries {
  Labels labels;
  std::vector<std::pair<int64_t, double>> samples;  // milliseconds
};

class RangeQuerier {
 public:
  // `http_config_file`: an HTTP client block, or empty.
  static StatusOr<std::unique_ptr<RangeQuerier>> Create(const std::string& url,
                                                        const std::string& http_config_file);
  // Start in nanoseconds, end in seconds, step in milliseconds.
  StatusOr<std::vector<RangeSeries>> Query(const std::string& expression, int64_t start_nanos,
                                           int64_t end_seconds, int64_t step_ms);

 private:
  explicit RangeQuerier(std::unique_ptr<ApiClient> api) : api_(std::move(api)) {}
  const std::unique_ptr<ApiClient> api_;
};

// The answer of /api/v1/query_range; histograms in it are left out, as upstream does.
StatusOr<std::vector<RangeSeries>> ParseRangeAnswer(std::string_view json);

}  // namespace narthex::promtool
