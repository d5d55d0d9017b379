#pragma once
// promtool tsdb create-blocks-from openmetrics: samples of a text file become blocks, one for every
// aligned range that has samples.
//
// The file is read once to see what lies where, then once more for every 64 million samples;
// upstream reads it anew for every block.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace narthex::promtool {

struct BackfillOptions {
  std::string input;
  std::string output_dir;
  std::vector<std::pair<std::string, std::string>> labels;  // added to every series
  int64_t max_block_ms = 0;
  bool human_readable = false;
  bool quiet = false;  // no table of the blocks
};

int BackfillOpenMetrics(const BackfillOptions& options);

// The widest of 2 h, 6 h, 18 h … that is not above `max_block_ms`; at least 2 h.
int64_t CompatibleBlockDuration(int64_t max_block_ms);

}  // namespace narthex::promtool
