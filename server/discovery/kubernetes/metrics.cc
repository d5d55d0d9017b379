#include "server/discovery/kubernetes/metrics.h"

#include "server/discovery/kubernetes/config.h"

namespace narthex::discovery::kubernetes {

Metrics::Metrics(Registry& registry)
    : events_(registry.AddCounterVec("prometheus_sd_kubernetes_events_total",
                                     "The number of Kubernetes events handled.",
                                     {"role", "event"})),
      failures_(registry.AddCounter("prometheus_sd_kubernetes_failures_total",
                                    "The number of failed WATCH/LIST requests.")),
      requests_(registry.AddCounterVec(
          "prometheus_sd_kubernetes_http_request_total",
          "Total number of HTTP requests to the Kubernetes API by status code.", {"status_code"})),
      durations_(registry.AddSummaryVec(
          "prometheus_sd_kubernetes_http_request_duration_seconds",
          "Summary of latencies for HTTP requests to the Kubernetes API by endpoint.", {"endpoint"},
          {})) {
  for (const char* role : {"endpointslice", "endpoints", "node", "pod", "service", "ingress"}) {
    for (const char* event : {"add", "update", "delete"}) events_.With({role, event});
  }
}

void Metrics::CountEvent(Kind kind, std::string_view event) {
  if (kind > Kind::kIngress) return;
  events_.With({std::string(NameOf(kind)), std::string(event)}).Inc();
}

void Metrics::ObserveRequest(std::string_view path, int status, double seconds) {
  requests_.With({status == 0 ? std::string("<error>") : fmt::format("{}", status)}).Inc();
  if (seconds >= 0) durations_.With({std::string(path)}).Observe(seconds);
}

void Config::RegisterMetrics(Registry& registry) { static_cast<void>(Metrics(registry)); }

}  // namespace narthex::discovery::kubernetes
