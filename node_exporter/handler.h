#pragma once
// The HTTP face: the telemetry path with its filters, and the landing page.
//
// Thread safety: Serve may be called from any thread.

#include <memory>
#include <string>

#include "core/http/server.h"
#include "core/metrics/http_handler.h"
#include "node_exporter/collector_set.h"

namespace narthex::node {

struct HandlerOptions {
  std::string telemetry_path = "/metrics";
  bool exporter_metrics = true;  // promhttp_*, process_*
  int max_requests = 40;
  size_t helper_threads = 1;
};

class Handler {
 public:
  // `collectors` outlives the handler.
  Handler(const CollectorSet& collectors, HandlerOptions options);
  ~Handler();
  void Serve(const http::Request& request, http::ResponseWriter& response) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::node
