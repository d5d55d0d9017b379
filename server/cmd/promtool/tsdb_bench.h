#pragma once
// promtool tsdb bench write: how fast the storage takes samples.

#include <cstdint>
#include <string>

namespace narthex::promtool {

struct BenchOptions {
  std::string input;  // a JSON object of labels a line
  std::string output_dir;
  int64_t metrics = 10'000;  // series to read
  int64_t scrapes = 3000;    // samples of each
};

// Replaces output_dir/storage.
int BenchWrite(const BenchOptions& options);

}  // namespace narthex::promtool
