#include "alertmanager/notify/payload.h"

#include <algorithm>

#include "core/json/writer.h"

namespace narthex::am {
namespace {

void WriteLabels(JsonWriter& json, std::string_view key, const Labels& labels) {
  json.Key(key).BeginObject();
  for (const Label& label : labels) json.Member(label.name, label.value);
  json.EndObject();
}

void WriteAlert(JsonWriter& json, const Alert& alert, int64_t now) {
  json.BeginObject();
  json.Member("status", alert.ResolvedAt(now) ? "resolved" : "firing");
  WriteLabels(json, "labels", alert.labels);
  WriteLabels(json, "annotations", alert.annotations);
  json.Member("startsAt", FormatNanos(alert.starts_at));
  json.Member("endsAt", FormatNanos(alert.ends_at));
  json.Member("generatorURL", alert.generator_url);
  json.Member("fingerprint", FingerprintText(alert.fingerprint()));
  json.EndObject();
}

}  // namespace

Labels CommonPairs(std::span<const AlertPtr> alerts, Labels Alert::* field) {
  if (alerts.empty()) return {};
  LabelsBuilder builder(alerts[0].get()->*field);
  for (const AlertPtr& alert : alerts.subspan(1)) {
    for (const Label& label : alerts[0].get()->*field) {
      if ((alert.get()->*field).Get(label.name) != label.value) builder.Del(label.name);
    }
  }
  return builder.Build();
}

std::string QuoteMeta(std::string_view text) {
  constexpr std::string_view kSpecial = "\\.+*?()|[]{}^$";
  std::string out;
  for (char c : text) {
    if (kSpecial.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string WebhookPayload(const Notification& notification, uint64_t max_alerts,
                           const std::string& external_url) {
  std::span<const AlertPtr> alerts(notification.alerts);
  const size_t all = alerts.size();
  if (max_alerts != 0 && all > max_alerts) alerts = alerts.subspan(0, max_alerts);
  const bool firing = std::any_of(alerts.begin(), alerts.end(), [&](const AlertPtr& alert) {
    return !alert->ResolvedAt(notification.now);
  });
  std::string out;
  JsonWriter json(&out);
  json.BeginObject();
  json.Member("receiver", QuoteMeta(notification.receiver));
  json.Member("status", firing ? "firing" : "resolved");
  json.Key("alerts").BeginArray();
  for (const AlertPtr& alert : alerts) WriteAlert(json, *alert, notification.now);
  json.EndArray();
  json.Member("notification_reason", ReasonText(notification.reason));
  WriteLabels(json, "groupLabels", notification.group_labels);
  WriteLabels(json, "commonLabels", CommonPairs(alerts, &Alert::labels));
  WriteLabels(json, "commonAnnotations", CommonPairs(alerts, &Alert::annotations));
  WriteLabels(json, "routeLabels", Labels());
  json.Member("externalURL", external_url);
  json.Member("version", "4");
  json.Member("groupKey", notification.group_key);
  json.Key("truncatedAlerts").Uint(all - alerts.size());
  json.EndObject();
  out += '\n';
  return out;
}

}  // namespace narthex::am
