#pragma once
// Serves gathered metrics over HTTP: negotiates text or protobuf, limits the scrapes under way, and
// keeps the promhttp_metric_handler_* families.
//
// Thread safety: Serve may be called from any thread; the gather function too, then.

#include <atomic>
#include <functional>

#include "core/http/server.h"
#include "core/metrics/registry.h"

namespace narthex {

struct MetricsHandlerOptions {
  // What to do when a gather reports errors: answer 500 with them, or serve what is left (500 only
  // when nothing is).
  enum class OnError { kHttpError, kContinue };
  OnError on_error = OnError::kHttpError;
  bool offer_open_metrics = false;
  int max_requests_in_flight = 0;  // beyond: 503; 0 = no limit
  Registry* self = nullptr;        // where promhttp_metric_handler_* go; nullptr: nowhere
  bool count_requests = true;      // _requests_total and _requests_in_flight too, not only errors
};

class MetricsHandler {
 public:
  using Gather = std::function<Registry::Gathered(const http::Request&)>;

  MetricsHandler(Gather gather, MetricsHandlerOptions options);
  MetricsHandler(const Registry& registry, MetricsHandlerOptions options = {});

  void Serve(const http::Request& request, http::ResponseWriter& response);
  // Serve with another source of the metrics: filtered scrapes under the same limits and counters.
  void Serve(const http::Request& request, http::ResponseWriter& response, const Gather& gather);

 private:
  int Answer(const http::Request& request, http::ResponseWriter& response, const Gather& gather);

  const Gather gather_;
  const MetricsHandlerOptions options_;
  std::atomic<int> in_flight_{0};
  CounterVec* requests_ = nullptr;
  Gauge* requests_in_flight_ = nullptr;
  CounterVec* errors_ = nullptr;
};

// What several registries hold, merged as if it were one.
Registry::Gathered GatherAll(std::initializer_list<const Registry*> registries);

}  // namespace narthex
