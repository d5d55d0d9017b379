#pragma once
// The series one rule has written: each evaluation is one tick; series that it does not yield any
// more get a stale marker.
//
// Not thread-safe: in the hands of who evaluates the group.

#include <memory>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "server/rules/alert_set.h"
#include "server/storage/interface.h"

namespace narthex::rules {

class OutputSeries {
 public:
  explicit OutputSeries(storage::Appendable* storage) : writer_(storage->NewGroup()) {}

  struct Written {
    storage::GroupWriter::Commit commit;
    Status first_error;  // of a series that could not be created
  };
  // Writes the samples at `t` and ends every other series. Label sets are unique.
  Written Write(TimestampMs t, const std::vector<OutputSample>& samples);
  size_t size() const { return members_.size(); }

 private:
  std::unique_ptr<storage::GroupWriter> writer_;
  absl::flat_hash_map<Labels, uint32_t> members_;
  std::vector<double> values_;  // by member
};

}  // namespace narthex::rules
