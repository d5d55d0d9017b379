#pragma once
// One series and its values as upstream's tests of rules and the scripts of script.h write them.

#include <optional>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/histogram/histogram.h"
#include "core/labels/labels.h"

namespace narthex::promql {

// What stands for `count` samples, each larger by a step than the one before.
struct ValueRun {
  std::optional<double> first;  // no first value, no histogram: a gap
  double step = 0;
  std::optional<FloatHistogram> histogram, histogram_step;
  bool falls = false;  // by `histogram_step`
  int64_t count = 1;
};

struct SeriesLine {
  Labels labels;
  std::vector<ValueRun> runs;
};

// How many samples "1x3" and "{{…}}x3" stand for. With a step, and for gaps, there is but one way:
// "1+1x3" are four samples, "_x3" are three.
enum class Repeats : uint8_t {
  kTimes,  // three, as in scripts
  kMore,   // the first and three more, as in tests of rules
};

StatusOr<SeriesLine> ParseSeriesLine(std::string_view text, Repeats repeats);

}  // namespace narthex::promql
