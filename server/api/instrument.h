#pragma once
// Counts, times and sizes every request by the pattern of its route.

#include <string>
#include <string_view>

#include "core/http/server.h"
#include "core/metrics/registry.h"

namespace narthex::api {

class HttpMetrics {
 public:
  // `prefix` is cut off the patterns.
  HttpMetrics(Registry& registry, std::string prefix);
  // Makes the counter of a route, so that rates start from zero.
  void Prepare(std::string_view pattern);
  void Around(std::string_view pattern, const http::Request& request,
              http::ResponseWriter& response, const http::Handler& call);

 private:
  std::string_view HandlerName(std::string_view pattern) const;

  const std::string prefix_;
  CounterVec& requests_;
  HistogramVec& duration_;
  HistogramVec& response_size_;
};

}  // namespace narthex::api
