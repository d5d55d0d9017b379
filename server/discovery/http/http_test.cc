#include "server/discovery/http/http.h"

#include "core/base/file.h"
#include "server/discovery/testing/config_cases.h"
#include "server/discovery/testing/provider_rig.h"
#include "server/discovery/testing/scripted_server.h"

namespace narthex::discovery::http_sd {
namespace {

StatusOr<TargetGroups> Read(int status, const std::string& type, const std::string& body) {
  http::ClientResponse response;
  response.status = status;
  if (!type.empty()) response.headers.Add("Content-Type", type);
  response.body = body;
  return ReadAnswer(response, "http://sd/t");
}

TEST_CASE("answers of http_sd: status, type and groups are checked") {
  struct Case {
    int status;
    std::string type, body, error;
  };
  const Case cases[] = {
      {200, "application/json", R"([{"targets":["a:1"]}])", ""},
      {200, "Application/JSON; charset=utf-8", "[]", ""},
      {200, " application/json;charset=\"UTF-8\" ", "[]", ""},
      {200, "application/json", "null", ""},
      {200, "application/json; charset=latin1", "[]", "unsupported content type"},
      {200, "application/jsonp", "[]", "unsupported content type \"application/jsonp\""},
      {200, "text/plain", "[]", "unsupported content type \"text/plain\""},
      {200, "", "[]", "unsupported content type \"\""},
      {204, "application/json", "", "server returned HTTP status 204 No Content"},
      {500, "application/json", "[]", "server returned HTTP status 500 Internal Server Error"},
      {200, "application/json", "[", "unexpected"},
      {200, "application/json", "[null]", "nil target group item found"},
      {200, "application/json", R"([{"targets":["a"],"label":{}}])", "unknown field \"label\""},
      {200, "application/json", R"([{"targets":["a"],"labels":{"x":1}}])", "not a string"},
  };
  for (const Case& c : cases) {
    INFO(c.type << " " << c.body);
    const auto groups = Read(c.status, c.type, c.body);
    if (c.error.empty()) {
      CHECK(groups.ok());
    } else {
      REQUIRE_FALSE(groups.ok());
      if (c.error != "unexpected") {
        CHECK(std::string(MessageOf(groups.status())).find(c.error) != std::string::npos);
      }
    }
  }
  const auto groups =
      Read(200, "application/json",
           R"([{"targets":["a:1","b:2"],"labels":{"l":"x","__meta_url":"mine"}},{}])");
  REQUIRE(groups.ok());
  REQUIRE(groups->size() == 2);
  CHECK((*groups)[0]->source == "http://sd/t:0");
  CHECK((*groups)[0]->labels.ToString() == R"({__meta_url="http://sd/t", l="x"})");
  CHECK((*groups)[0]->targets.size() == 2);
  CHECK((*groups)[1]->source == "http://sd/t:1");
}

TEST_CASE("http_sd polls, keeps what it has when an answer fails, and forgets groups that went") {
  ScriptedServer server(Json(R"([{"targets":["a:1"]},{"targets":["b:1"]},{"targets":["c:1"]}])"));
  ProviderRig rig;
  Config config;
  config.url = server.url("/t?x=1");
  config.refresh_interval_ms = 50;
  config.http.basic_auth = http::ClientConfig::BasicAuth{.username = "u", .password = "p"};
  REQUIRE(rig.Start(config).ok());
  REQUIRE(rig.WaitFor([&] { return rig.Addresses() == "a:1,b:1,c:1"; }));
  CHECK(rig.Metric("prometheus_sd_http_failures_total") == 0);
  const http::Request first = server.requests().at(0);
  CHECK(first.method == "GET");
  CHECK(first.target == "/t?x=1");
  CHECK(first.headers.Get("Accept") == "application/json");
  CHECK(first.headers.Get("User-Agent") == "Prometheus/test");
  CHECK(first.headers.Get("X-Prometheus-Refresh-Interval-Seconds") == "0.05");
  CHECK(first.headers.Get("Authorization") == "Basic dTpw");

  server.Set(Answer(503, "application/json", "[]"));
  REQUIRE(rig.WaitFor([&] { return rig.Metric("prometheus_sd_http_failures_total") >= 2; }));
  CHECK(rig.Addresses() == "a:1,b:1,c:1");
  CHECK(rig.Metric("prometheus_sd_refresh_failures_total") >= 2);
  CHECK(rig.Metric("prometheus_sd_refresh_duration_seconds") >= 3);

  server.Set(Json(R"([{"targets":["a:2"]}])"));
  REQUIRE(rig.WaitFor([&] { return rig.Addresses() == "a:2"; }));
  server.Set(Json("[]"));
  REQUIRE(rig.WaitFor([&] { return rig.Addresses().empty(); }));
  rig.Stop();
  CHECK(rig.Metric("prometheus_sd_refresh_failures_total") <= 0);  // goes with the provider
}

TEST_CASE("http_sd gives up an answer that does not come, and can be stopped meanwhile") {
  std::atomic<bool> release = false;
  ScriptedServer server([&](const http::Request&, http::ResponseWriter& response) {
    Eventually([&] { return release.load(); });
    response.Send(200, "application/json", R"([{"targets":["late:1"]}])");
  });
  ProviderRig rig;
  Config config;
  config.url = server.url();
  config.refresh_interval_ms = 50;
  REQUIRE(rig.Start(config).ok());
  REQUIRE(rig.WaitFor([&] { return rig.Metric("prometheus_sd_http_failures_total") >= 1; }));
  CHECK_FALSE(rig.published());
  rig.Stop();
  release = true;
}

TEST_CASE("http_sd_configs are checked") {
  CheckConfigs<Config>({
      {"url: http://h/x\n", ""},
      {"url: https://h:1\nrefresh_interval: 5s\nbasic_auth: {username: u}\n", ""},
      {"{}", "URL is missing"},
      {"url: ftp://h/", "URL scheme must be 'http' or 'https'"},
      {"url: h:80", "URL scheme must be 'http' or 'https'"},
      {"url: http:///x", "host is missing in URL"},
      {"url: http://h\nbearer_token: a\nbearer_token_file: b\n",
       "at most one of bearer_token & bearer_token_file must be configured"},
      {"url: http://h\nnope: 1\n", "field nope not found in type http.plain"},
  });
  Config config;
  config.http.tls.ca_file = "ca.pem";
  ResolvePaths(config, "/etc/p");
  CHECK(config.http.tls.ca_file == "/etc/p/ca.pem");
  // An unreadable certificate fails at once.
  config.url = "https://localhost/";
  ProviderRig rig;
  CHECK_FALSE(rig.Start(config).ok());
}

}  // namespace
}  // namespace narthex::discovery::http_sd
