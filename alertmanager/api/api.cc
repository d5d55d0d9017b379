#include "alertmanager/api/api.h"

#include "alertmanager/api/answers.h"
#include "core/flags/flags.h"
#include "core/json/writer.h"
#include "core/strings/duration.h"

namespace narthex::am {

Api::Api(Dependencies dependencies)
    : deps_(std::move(dependencies)),
      started_at_(deps_.clock->NowNanos()),
      received_(deps_.registry->AddCounterVec("alertmanager_alerts_received_total",
                                              "The total number of received alerts.",
                                              {"status", "version"})),
      invalid_(deps_.registry
                   ->AddCounterVec("alertmanager_alerts_invalid_total",
                                   "The total number of received alerts that were invalid.",
                                   {"version"})
                   .With({"v2"})) {
  received_.With({"firing", "v2"});
  received_.With({"resolved", "v2"});
}

void Api::Register(http::Router& router, const std::string& prefix) {
  const std::string base = prefix + "/api/v2";
  auto add = [&](std::string_view method, std::string_view path, auto member) {
    router.Handle(method, base + std::string(path),
                  [this, member](const Request& request, Response& response) {
                    (this->*member)(request, response);
                  });
  };
  add("GET", "/status", &Api::GetStatus);
  add("GET", "/receivers", &Api::GetReceivers);
  add("GET", "/alerts", &Api::GetAlerts);
  add("POST", "/alerts", &Api::PostAlerts);
  add("GET", "/alerts/groups", &Api::GetGroups);
  add("GET", "/silences", &Api::GetSilences);
  add("POST", "/silences", &Api::PostSilences);
  add("GET", "/silence/:id", &Api::GetSilence);
  add("DELETE", "/silence/:id", &Api::DeleteSilence);
  constexpr std::pair<std::string_view, std::string_view> kGone[] = {
      {"GET", "/status"},      {"GET", "/receivers"},     {"GET", "/alerts"},
      {"POST", "/alerts"},     {"GET", "/silences"},      {"POST", "/silences"},
      {"GET", "/silence/:id"}, {"DELETE", "/silence/:id"}};
  for (const auto& [method, path] : kGone) {
    router.Handle(
        method, prefix + "/api/v1" + std::string(path), [](const Request&, Response& response) {
          response.Send(410, "application/json",
                        "{\"status\":\"deprecated\",\"error\":\"The Alertmanager v1 API was "
                        "deprecated in version 0.16.0 and is removed as of version 0.27.0 - "
                        "please use the equivalent route in the v2 API\"}\n");
        });
  }
  router.SetNotFound([base](const Request& request, Response& response) {
    if (!request.path.starts_with(base)) return response.Error(404, "404 page not found");
    if (IsPreflight(request)) return AnswerPreflight(request, response);
    SendFrameworkError(request, response, 404, fmt::format("path {} was not found", request.path));
  });
  router.SetMethodNotAllowed([base](const Request& request, Response& response) {
    if (!request.path.starts_with(base)) return http::AllowOptions(request, response);
    if (IsPreflight(request)) return AnswerPreflight(request, response);
    std::string allowed(response.headers().Get("Allow"));
    std::erase(allowed, ' ');
    SendFrameworkError(
        request, response, 405,
        fmt::format("method {} is not allowed, but [{}] are", request.method, allowed));
  });
}

void Api::GetStatus(const Request& request, Response& response) const {
  const BuildInfo& build = GetBuildInfo("alertmanager");
  std::string body;
  JsonWriter json(&body);
  json.BeginObject();
  json.Key("cluster").BeginObject().Key("peers").BeginArray().EndArray();
  json.Member("status", "disabled").EndObject();
  json.Key("config").BeginObject().Member("original", deps_.running()->config->text).EndObject();
  json.Member("uptime", FormatMillis({started_at_, 0}));
  json.Key("versionInfo").BeginObject();
  json.Member("branch", build.branch).Member("buildDate", build.build_date);
  json.Member("buildUser", build.build_user).Member("goVersion", build.compiler);
  json.Member("revision", build.revision).Member("version", build.version).EndObject();
  json.EndObject();
  SendJson(request, response, 200, body + "\n");
}

void Api::GetReceivers(const Request& request, Response& response) const {
  const StatusOr<Matchers> matchers = ReceiverMatchers(request);
  if (!matchers.ok()) return SendError(request, response, 400, MessageOf(matchers.status()));
  std::string body;
  JsonWriter json(&body);
  json.BeginArray();
  for (const Receiver& receiver : deps_.running()->config->receivers) {
    if (!MatchesAll(*matchers, Labels{{"name", receiver.name}})) continue;
    json.BeginObject().Key("labels").BeginObject().Member("name", receiver.name).EndObject();
    json.Member("name", receiver.name).EndObject();
  }
  json.EndArray();
  SendJson(request, response, 200, body + "\n");
}

}  // namespace narthex::am
