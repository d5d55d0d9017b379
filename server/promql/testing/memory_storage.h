#pragma once
// A storage::Queryable over vectors, for tests and benchmarks of whatever queries storage.
// Series come back in the order they were first added.
//
// Thread safety: const methods may run concurrently; adding excludes everything else.

#include <string>
#include <vector>

#include "core/base/string_map.h"
#include "server/storage/interface.h"

namespace narthex::promql {

class MemoryStorage final : public storage::Queryable {
 public:
  struct StoredSeries {
    Labels labels;
    storage::SampleColumns samples;
  };

  // Samples of one series must be added in ascending order of time.
  void Add(const Labels& labels, TimestampMs t, double v);
  void Add(const Labels& labels, TimestampMs t, FloatHistogram histogram);
  void Clear();
  const std::vector<StoredSeries>& series() const { return series_; }
  const StoredSeries* Find(const Labels& labels) const;  // null when there is none

  StatusOr<std::unique_ptr<storage::Querier>> NewQuerier(TimestampMs mint,
                                                         TimestampMs maxt) const override;

 private:
  std::vector<StoredSeries> series_;
  StringMap<size_t> index_;
};

}  // namespace narthex::promql
