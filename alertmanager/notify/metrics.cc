#include "alertmanager/notify/metrics.h"

namespace narthex::am {
namespace {

constexpr std::string_view kIntegrations[] = {
    "webhook",   "email",     "pagerduty", "opsgenie",   "wechat",     "slack",
    "victorops", "pushover",  "sns",       "telegram",   "discord",    "webex",
    "msteams",   "msteamsv2", "jira",      "rocketchat", "incidentio", "mattermost"};
constexpr std::string_view kReasons[] = {
    "other",     "clientError", "serverError", "contextCanceled", "contextDeadlineExceeded",
    "authError", "rateLimited"};

}  // namespace

NotifyMetrics::NotifyMetrics(Registry& registry)
    : notifications(registry.AddCounterVec("alertmanager_notifications_total",
                                           "The total number of attempted notifications.",
                                           {"integration"})),
      notifications_failed(registry.AddCounterVec("alertmanager_notifications_failed_total",
                                                  "The total number of failed notifications.",
                                                  {"integration", "reason"})),
      requests(registry.AddCounterVec("alertmanager_notification_requests_total",
                                      "The total number of attempted notification requests.",
                                      {"integration"})),
      requests_failed(registry.AddCounterVec("alertmanager_notification_requests_failed_total",
                                             "The total number of failed notification requests.",
                                             {"integration"})),
      latency(registry.AddHistogramVec("alertmanager_notification_latency_seconds",
                                       "The latency of notifications in seconds.", {"integration"},
                                       {.buckets = {1, 5, 10, 15, 20}})),
      suppressed(registry.AddCounterVec(
          "alertmanager_notifications_suppressed_total",
          "The total number of notifications suppressed for being silenced, inhibited, outside of "
          "active time intervals or within muted time intervals.",
          {"reason"})) {
  for (std::string_view integration : kIntegrations) {
    notifications.With({integration});
    requests.With({integration});
    requests_failed.With({integration});
    latency.With({integration});
    for (std::string_view reason : kReasons) notifications_failed.With({integration, reason});
  }
  for (std::string_view reason :
       {"silence", "inhibition", "mute_time_interval", "active_time_interval"}) {
    suppressed.With({reason});
  }
}

}  // namespace narthex::am
