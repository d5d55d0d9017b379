#include "server/notifier/metrics.h"

namespace narthex::notifier {

Metrics::Metrics(Registry& registry)
    : latency(registry.AddSummaryVec("prometheus_notifications_latency_seconds",
                                     "Latency quantiles for sending alert notifications.",
                                     {"alertmanager"},
                                     {.objectives = {{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}}})),
      sent(registry.AddCounterVec("prometheus_notifications_sent_total",
                                  "Total number of alerts sent.", {"alertmanager"})),
      errors(registry.AddCounterVec("prometheus_notifications_errors_total",
                                    "Total number of sent alerts affected by errors.",
                                    {"alertmanager"})),
      dropped(registry.AddCounterVec(
          "prometheus_notifications_dropped_total",
          "Total number of alerts dropped due to errors when sending to Alertmanager.",
          {"alertmanager"})),
      queue_length(registry.AddGaugeVec("prometheus_notifications_queue_length",
                                        "The number of alert notifications in the queue.",
                                        {"alertmanager"})),
      queue_capacity(registry.AddGauge("prometheus_notifications_queue_capacity",
                                       "The capacity of the alert notifications queue.")),
      alertmanagers_discovered(
          registry.AddGauge("prometheus_notifications_alertmanagers_discovered",
                            "The number of alertmanagers discovered and active.")) {}

void Metrics::Remove(const std::string& url) {
  latency.Remove({url});
  sent.Remove({url});
  errors.Remove({url});
  dropped.Remove({url});
  queue_length.Remove({url});
}

}  // namespace narthex::notifier
