#include "core/http/dial_metrics.h"

namespace narthex::http {

void DialCounters::CountFailure(DialFailure failure) {
  switch (failure) {
    case DialFailure::kResolution: return resolution.Inc();
    case DialFailure::kTimeout: return timeout.Inc();
    case DialFailure::kRefused: refused.Inc(); [[fallthrough]];
    case DialFailure::kUnknown: unknown.Inc();
  }
}

DialCounters DialCountersOf(Registry& registry, const std::string& dialer_name) {
  const auto counter = [&](const char* name, const char* help) -> Counter& {
    return registry.AddCounterVec(name, help, {"dialer_name"}).With({dialer_name});
  };
  CounterVec& failed = registry.AddCounterVec(
      "net_conntrack_dialer_conn_failed_total",
      "Total number of connections failed to dial by the dialer a given name.",
      {"dialer_name", "reason"});
  return {.attempted = counter("net_conntrack_dialer_conn_attempted_total",
                               "Total number of connections attempted by the given dialer a given "
                               "name."),
          .established = counter("net_conntrack_dialer_conn_established_total",
                                 "Total number of connections successfully established by the "
                                 "given dialer a given name."),
          .closed = counter("net_conntrack_dialer_conn_closed_total",
                            "Total number of connections closed which originated from the dialer "
                            "of a given name."),
          .resolution = failed.With({dialer_name, "resolution"}),
          .refused = failed.With({dialer_name, "refused"}),
          .timeout = failed.With({dialer_name, "timeout"}),
          .unknown = failed.With({dialer_name, "unknown"})};
}

}  // namespace narthex::http
