#include "server/api/instrument.h"

#include <chrono>

#include "core/http/counting_writer.h"

namespace narthex::api {
HttpMetrics::HttpMetrics(Registry& registry, std::string prefix)
    : prefix_(std::move(prefix)),
      requests_(registry.AddCounterVec("prometheus_http_requests_total",
                                       "Counter of HTTP requests.", {"handler", "code"})),
      duration_(registry.AddHistogramVec("prometheus_http_request_duration_seconds",
                                         "Histogram of latencies for HTTP requests.", {"handler"},
                                         {.buckets = {.1, .2, .4, 1, 3, 8, 20, 60, 120}})),
      response_size_(registry.AddHistogramVec(
          "prometheus_http_response_size_bytes", "Histogram of response size for HTTP requests.",
          {"handler"}, {.buckets = {100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}})) {}

std::string_view HttpMetrics::HandlerName(std::string_view pattern) const {
  if (pattern.starts_with(prefix_)) pattern.remove_prefix(prefix_.size());
  return pattern.empty() ? "/" : pattern;
}

void HttpMetrics::Prepare(std::string_view pattern) {
  requests_.With({HandlerName(pattern), "200"});
}

void HttpMetrics::Around(std::string_view pattern, const http::Request& request,
                         http::ResponseWriter& response, const http::Handler& call) {
  const auto begin = std::chrono::steady_clock::now();
  http::CountingWriter writer(response);
  call(request, writer);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  const std::string_view handler = HandlerName(pattern);
  requests_.With({handler, std::to_string(writer.status())}).Inc();
  duration_.With({handler}).Observe(elapsed.count());
  response_size_.With({handler}).Observe(static_cast<double>(writer.bytes()));
}

}  // namespace narthex::api
