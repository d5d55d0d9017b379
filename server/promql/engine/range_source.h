#pragma once
// Where range functions get their samples: a range selector reads them from storage, a subquery
// computes them. Stale markers are already gone.
//
// Thread safety: const methods may run concurrently.

#include <memory>
#include <string>
#include <vector>

#include "server/promql/engine/operator.h"
#include "server/storage/interface.h"

namespace narthex::promql {

class Builder;

// The windows of a range vector: the one of step i is (end(i) - range - before, end(i) + after].
struct RangeWindows {
  EvalWindow steps;
  int64_t range_ms = 0;
  int64_t offset_ms = 0;
  bool fixed = false;  // @: the same window at every step
  TimestampMs at_ms = 0;
  // How far beyond its bounds a window reaches: anchored and smoothed ranges.
  int64_t before_ms = 0;
  int64_t after_ms = 0;

  TimestampMs end(size_t i) const { return (fixed ? at_ms : steps.ts(i)) - offset_ms; }
  TimestampMs first_end() const { return end(0); }
  TimestampMs last_end() const { return end(steps.steps == 0 ? 0 : steps.steps - 1); }
};

// Of one number in columns that may have doubled just before.
inline constexpr size_t kColumnBytes = 3 * (sizeof(int64_t) + sizeof(double));
// What columns take.
size_t BytesOf(const storage::SampleColumns& columns);

class RangeSource {
 public:
  virtual ~RangeSource() = default;
  const RangeWindows& windows() const { return windows_; }
  const std::vector<Labels>& labels() const { return labels_; }
  // Gives them away, with the memory they count for.
  std::vector<Labels> TakeLabels() {
    hold_.Release();
    return std::exchange(labels_, {});
  }
  // The name of all series, where the labels leave it out.
  const std::string& metric() const { return metric_; }
  bool one_name() const { return one_name_; }
  // Replaces *out by the samples of all windows of one series, each with a histogram of its own.
  // What they take is added to *hold, which belongs to *out.
  virtual Status Load(size_t index, storage::SampleColumns* out, MemoryHold* hold) const = 0;

 protected:
  RangeSource(const RangeWindows& windows, const QueryContext& context)
      : windows_(windows), hold_(context.NewHold()) {}
  RangeWindows windows_;
  MemoryHold hold_;  // of the labels
  std::vector<Labels> labels_;
  std::string metric_;
  bool one_name_ = false;
};

// The histogram of sample `i`, moved out of the columns.
inline HistogramPtr TakeHistogram(storage::SampleColumns* columns, size_t i) {
  return std::make_shared<const FloatHistogram>(
      std::move(columns->histograms[columns->histogram_index[i]]));
}

}  // namespace narthex::promql
