// Any line of series and values parses or fails cleanly, and what it stands for stays countable.

#include "core/base/check.h"
#include "server/promql/testing/series_line.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace narthex;
  using namespace narthex::promql;
  constexpr int64_t kMost = 10'000'001;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto script = ParseSeriesLine(text, Repeats::kTimes);
  const auto test = ParseSeriesLine(text, Repeats::kMore);
  NX_CHECK(script.ok() == test.ok());
  if (!script.ok()) return 0;
  NX_CHECK(script->labels == test->labels && script->runs.size() == test->runs.size());
  for (size_t i = 0; i < test->runs.size(); ++i) {
    const ValueRun& run = test->runs[i];
    const int64_t more = run.count - script->runs[i].count;
    NX_CHECK(run.count >= 0 && run.count <= kMost && (more == 0 || more == 1));
    NX_CHECK(!run.histogram_step || run.histogram);
  }
  return 0;
}
