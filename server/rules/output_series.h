#pragma once
// The series one rule has written: the numbers of each evaluation are one tick, histograms go by an
// appender; series that it does not yield any more get a stale marker.
//
// Not thread-safe: in the hands of who evaluates the group.

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <memory>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "server/rules/alert_set.h"
#include "server/storage/interface.h"

namespace narthex::rules {

class OutputSeries {
 public:
  explicit OutputSeries(storage::Appendable* storage)
      : storage_(*storage), writer_(storage->NewGroup()) {}

  struct Written {
    storage::GroupWriter::Commit commit;
    Status first_error;  // of a series that could not be created
  };
  // Writes the samples at `t` and ends every other series. Label sets are unique.
  Written Write(TimestampMs t, const std::vector<OutputSample>& samples);
  size_t size() const { return members_.size() + histograms_.size(); }

 private:
  // Returns how many series of numbers became such of histograms.
  uint32_t WriteHistograms(TimestampMs t, const std::vector<OutputSample>& samples,
                           Written* written);
  void WriteTick(TimestampMs t, const std::vector<OutputSample>& samples, uint32_t turned,
                 Written* written);

  storage::Appendable& storage_;
  std::unique_ptr<storage::GroupWriter> writer_;
  absl::flat_hash_map<Labels, uint32_t> members_;
  absl::flat_hash_set<Labels> histograms_;  // series whose last sample is one
  std::vector<double> values_;              // by member
};

}  // namespace narthex::rules
