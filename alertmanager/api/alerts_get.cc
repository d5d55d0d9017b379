// GET /alerts and /alerts/groups: alerts with what is known about them right now.

#include <algorithm>

#include "alertmanager/api/answers.h"
#include "alertmanager/api/api.h"
#include "core/json/writer.h"
#include "core/labels/regex.h"

namespace narthex::am {
namespace {

// The query parameters of both endpoints.
struct Filter {
  bool active = true, silenced = true, inhibited = true, muted = true;
  Matchers matchers, receiver_matchers;
  std::shared_ptr<const AnchoredRegex> receiver;
};

StatusOr<Filter> ReadFilter(const http::Request& request) {
  Filter filter;
  filter.active = BoolParameter(request, "active", true);
  filter.silenced = BoolParameter(request, "silenced", true);
  filter.inhibited = BoolParameter(request, "inhibited", true);
  filter.muted = BoolParameter(request, "muted", true);
  NX_ASSIGN_OR_RETURN(filter.matchers, FilterParameter(request));
  NX_ASSIGN_OR_RETURN(filter.receiver_matchers, ReceiverMatchers(request));
  const std::string pattern(request.query.Get("receiver"));
  if (!pattern.empty()) {
    StatusOr<std::shared_ptr<const AnchoredRegex>> regex = AnchoredRegex::Compile(pattern);
    if (!regex.ok()) return Annotate(regex.status(), "failed to parse receiver param");
    filter.receiver = *std::move(regex);
  }
  return filter;
}

bool WantsReceiver(const Filter& filter, const std::string& name) {
  if (filter.receiver != nullptr && !filter.receiver->Matches(name)) return false;
  return MatchesAll(filter.receiver_matchers, Labels{{"name", name}});
}

struct AlertView {
  AlertPtr alert;
  std::vector<std::string> receivers, silenced_by, inhibited_by, muted_by;
  bool suppressed() const {
    return !silenced_by.empty() || !inhibited_by.empty() || !muted_by.empty();
  }
};

AlertView Look(const AlertPtr& alert, const Running& running, Silences& silences) {
  AlertView view;
  view.alert = alert;
  for (const RouteNode* route : running.tree->Match(alert->labels)) {
    if (std::find(view.receivers.begin(), view.receivers.end(), route->receiver) ==
        view.receivers.end()) {
      view.receivers.push_back(route->receiver);
    }
  }
  view.silenced_by = silences.SilencedBy(alert->labels);
  if (const auto source = running.inhibitor->InhibitedBy(alert->labels); source.has_value()) {
    view.inhibited_by.push_back(FingerprintText(*source));
  }
  return view;
}

// Everything but the receiver.
bool Wanted(const Filter& filter, const AlertView& view) {
  if (!filter.active && !view.suppressed()) return false;
  if (!filter.silenced && !view.silenced_by.empty()) return false;
  if (!filter.inhibited && !view.inhibited_by.empty()) return false;
  return filter.muted || view.muted_by.empty();
}

void WriteStrings(JsonWriter& json, std::string_view key, const std::vector<std::string>& items) {
  json.Key(key).BeginArray();
  for (const std::string& item : items) json.String(item);
  json.EndArray();
}

void WriteLabels(JsonWriter& json, std::string_view key, const Labels& labels) {
  json.Key(key).BeginObject();
  for (const Label& label : labels) json.Member(label.name, label.value);
  json.EndObject();
}

void WriteAlert(JsonWriter& json, const AlertView& view) {
  const Alert& alert = *view.alert;
  json.BeginObject();
  WriteLabels(json, "annotations", alert.annotations);
  json.Member("endsAt", FormatMillis(alert.ends_at));
  json.Member("fingerprint", FingerprintText(alert.fingerprint()));
  json.Key("receivers").BeginArray();
  for (const std::string& name : view.receivers)
    json.BeginObject().Member("name", name).EndObject();
  json.EndArray();
  json.Member("startsAt", FormatMillis(alert.starts_at));
  json.Key("status").BeginObject();
  WriteStrings(json, "inhibitedBy", view.inhibited_by);
  WriteStrings(json, "mutedBy", view.muted_by);
  WriteStrings(json, "silencedBy", view.silenced_by);
  json.Member("state", view.suppressed() ? "suppressed" : "active").EndObject();
  json.Member("updatedAt", FormatMillis({alert.updated_at, 0}));
  if (!alert.generator_url.empty()) json.Member("generatorURL", alert.generator_url);
  WriteLabels(json, "labels", alert.labels);
  json.EndObject();
}

bool Over(const Alert& alert, int64_t now) {
  return alert.ends_at.is_set() && alert.ends_at.nanos < now;
}

}  // namespace

void Api::GetAlerts(const Request& request, Response& response) const {
  StatusOr<Filter> filter = ReadFilter(request);
  if (!filter.ok()) return SendError(request, response, 400, MessageOf(filter.status()));
  const std::shared_ptr<const Running> running = deps_.running();
  const int64_t now = deps_.clock->NowNanos();
  std::string body;
  JsonWriter json(&body);
  json.BeginArray();
  for (const AlertPtr& alert : deps_.store->All()) {
    if (Over(*alert, now) || !MatchesAll(filter->matchers, alert->labels)) continue;
    const AlertView view = Look(alert, *running, *deps_.silences);
    const bool reaches =
        std::any_of(view.receivers.begin(), view.receivers.end(),
                    [&](const auto& name) { return WantsReceiver(*filter, name); });
    if (reaches && Wanted(*filter, view)) WriteAlert(json, view);
  }
  json.EndArray();
  SendJson(request, response, 200, body + "\n");
}

void Api::GetGroups(const Request& request, Response& response) const {
  StatusOr<Filter> filter = ReadFilter(request);
  if (!filter.ok()) return SendError(request, response, 400, MessageOf(filter.status()));
  const std::shared_ptr<const Running> running = deps_.running();
  const int64_t now = deps_.clock->NowNanos();
  std::string body;
  JsonWriter json(&body);
  json.BeginArray();
  for (const GroupView& group : running->dispatcher->Groups()) {
    if (!WantsReceiver(*filter, group.receiver)) continue;
    std::vector<AlertView> views;
    for (const AlertPtr& alert : group.alerts) {
      if (Over(*alert, now) || !MatchesAll(filter->matchers, alert->labels)) continue;
      AlertView view = Look(alert, *running, *deps_.silences);
      view.muted_by = group.muted_by;
      if (Wanted(*filter, view)) views.push_back(std::move(view));
    }
    if (views.empty()) continue;
    json.BeginObject().Key("alerts").BeginArray();
    for (const AlertView& view : views) WriteAlert(json, view);
    json.EndArray();
    WriteLabels(json, "labels", group.labels);
    json.Key("receiver").BeginObject().Member("name", group.receiver).EndObject();
    WriteLabels(json, "routeLabels", Labels());
    json.EndObject();
  }
  json.EndArray();
  SendJson(request, response, 200, body + "\n");
}

}  // namespace narthex::am
