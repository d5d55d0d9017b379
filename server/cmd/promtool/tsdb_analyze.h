#pragma once
// promtool tsdb analyze: churn, cardinality and the filling of chunks of one block.

#include <cstdint>
#include <string>

namespace narthex::promtool {

struct AnalyzeOptions {
  std::string dir;
  std::string block_id;  // empty: the newest one
  int64_t limit = 20;    // entries a list
  bool extended = false;
  std::string matcher;  // empty: all series
};

int AnalyzeBlock(const AnalyzeOptions& options);

}  // namespace narthex::promtool
