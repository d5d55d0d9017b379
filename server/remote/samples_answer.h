#pragma once
// prometheus.ReadResponse as one snappy block: all samples of all queries. It is compressed while
// it is made, so that what is held is about what will be sent, and one series.
//
// Thread safety: none.

#include <cstddef>
#include <functional>
#include <string>

#include "core/base/byte_budget.h"
#include "core/base/status.h"
#include "core/compress/snappy.h"
#include "core/labels/labels.h"
#include "server/remote/read_query.h"

namespace narthex::remote {

class SamplesAnswer {
 public:
  // `sample_limit`: of one query, 0 for none. `stopped` is asked from time to time.
  SamplesAnswer(size_t sample_limit, ByteLease lease, std::function<bool()> stopped)
      : sample_limit_(sample_limit), lease_(std::move(lease)), stopped_(std::move(stopped)) {}

  // OutOfRange over the limit of samples, ResourceExhausted without memory, Cancelled when stopped.
  Status Add(const ReadSelection& selection, const Labels& external);
  // Empty when it is too long for a block. What it holds counts until this object goes.
  std::string Finish() { return answer_.Finish(); }

 private:
  class Series;

  const size_t sample_limit_;
  ByteLease lease_;
  const std::function<bool()> stopped_;
  SnappyBlockBuilder answer_;
};

}  // namespace narthex::remote
