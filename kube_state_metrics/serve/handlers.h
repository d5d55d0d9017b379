#pragma once
// The HTTP faces: metrics of the objects on one port, metrics of the program itself on the other.
//
// Thread safety: all methods.

#include <functional>
#include <memory>
#include <vector>

#include "core/http/server.h"
#include "core/metrics/http_handler.h"
#include "kube_state_metrics/serve/auth_filter.h"
#include "kube_state_metrics/serve/collection.h"

namespace narthex::ksm {

// /metrics, /healthz, /livez and a page with links.
class ObjectsHandler {
 public:
  struct Options {
    bool gzip = false;
    std::shared_ptr<kube::Api> api;
    const AuthFilter* auth = nullptr;  // may be null
    SelfMetrics* metrics = nullptr;
    // The collections as they are now, in the order of the output.
    std::function<std::vector<std::shared_ptr<const Collection>>()> collections;
  };
  explicit ObjectsHandler(Options options);
  void Serve(const http::Request& request, http::ResponseWriter& response) const {
    router_.Serve(request, response);
  }

 private:
  void Metrics(const http::Request& request, http::ResponseWriter& response) const;
  void Livez(http::ResponseWriter& response) const;

  const Options options_;
  http::Router router_;
};

// /metrics of the program, /readyz and a page with links.
class TelemetryHandler {
 public:
  TelemetryHandler(SelfMetrics& metrics, const AuthFilter* auth);
  void Serve(const http::Request& request, http::ResponseWriter& response) const {
    router_.Serve(request, response);
  }

 private:
  MetricsHandler metrics_;
  http::Router router_;
};

}  // namespace narthex::ksm
