#pragma once
// promtool query instant, range, series, labels: asks a server and prints what it says.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/json/reader.h"

namespace narthex::promtool {

struct QueryTarget {
  std::string url;
  std::string http_config_file;
  bool json = false;  // else PromQL's own notation
};

// Headers are NAME=VALUE, here and below.
int QueryInstant(const QueryTarget& target, const std::string& expression, const std::string& time,
                 const std::vector<std::string>& headers);

struct RangeArguments {
  std::string expression, start, end;
  int64_t step_ms = 0;  // 0: a 250th of the range, at least a second
  std::vector<std::string> headers;
};
int QueryRange(const QueryTarget& target, const RangeArguments& arguments);

int QuerySeries(const QueryTarget& target, const std::vector<std::string>& selectors,
                const std::string& start, const std::string& end);
int QueryLabels(const QueryTarget& target, const std::string& name,
                const std::vector<std::string>& selectors, const std::string& start,
                const std::string& end);

// "data" of a query's answer as `up{job="a"} => 1 @[1.5]` and the like, without a last newline.
StatusOr<std::string> FormatQueryData(const JsonValue& data);
// Its result as JSON, numbers in Go's notation without exponents.
StatusOr<std::string> QueryDataAsJson(const JsonValue& data);

}  // namespace narthex::promtool
