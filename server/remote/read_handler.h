#pragma once
// POST /api/v1/read: remote read, both kinds of answers. The client names the kinds it takes, in
// order of preference; the first that is known here is given.
//
//   200  samples:  prometheus.ReadResponse, one snappy block
//        chunks:   frames of prometheus.ChunkedReadResponse while they are read (chunks_answer.h)
//   400  damaged body; none of the kinds is known; more samples than the limit
//   500  a matcher that cannot be; the storage cannot be read
//   503  no memory for the samples; the server ends
//
// What goes wrong when part of a stream is out breaks the connection off.
//
// Thread safety: all methods.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/byte_budget.h"
#include "core/http/server.h"
#include "core/labels/labels.h"
#include "core/metrics/registry.h"
#include "server/remote/read_gate.h"
#include "server/storage/interface.h"

namespace narthex::remote {

struct ReadOptions {
  int64_t sample_limit = 50'000'000;  // of a query; 0 and less: none. Not of streamed answers
  int64_t concurrent_limit = 10;      // 0 and less: none
  int64_t max_frame_bytes = 1 << 20;
  // What the samples of all requests may hold until they are sent; 0: no limit.
  size_t memory_limit = 0;
  std::function<Labels()> external_labels;
};

class ReadHandler {
 public:
  // Both outlive the handler.
  ReadHandler(ReadOptions options, const storage::Queryable* storage, Registry* registry);

  void Serve(const http::Request& request, http::ResponseWriter& response);
  // Ends what runs and sends away what waits.
  void Stop() { gate_.Stop(); }

 private:
  class Call;

  const ReadOptions options_;
  const storage::Queryable* const storage_;
  const std::shared_ptr<ByteBudget> memory_;  // null: no limit
  ReadGate gate_;
  Gauge& queries_;
};

}  // namespace narthex::remote
