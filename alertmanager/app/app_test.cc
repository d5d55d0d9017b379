// The whole program against a real webhook listener, over loopback.

#include "alertmanager/app/app.h"

#include <chrono>
#include <fstream>

#include "alertmanager/testing/temp_store.h"
#include "core/json/reader.h"
#include "tests/catch.h"

namespace narthex::am {
namespace {

// Collects what is posted to it.
class Listener {
 public:
  Listener() {
    http::ServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    options.server_name = "hook";
    server_ = http::Server::Create(std::move(options), [this](const http::Request& request,
                                                              http::ResponseWriter& response) {
                MutexLock lock(mutex_);
                bodies_.push_back(request.body);
                response.Send(200, "text/plain", "");
                arrived_.NotifyAll();
              }).value();
    REQUIRE(server_->Start().ok());
  }
  ~Listener() { server_->Stop(); }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/hook", server_->ports()[0]); }
  // The number-th body, once it is there.
  std::string Wait(size_t number) {
    MutexLock lock(mutex_);
    arrived_.WaitFor(lock, std::chrono::seconds(60), [&] { return bodies_.size() > number; });
    return bodies_.size() > number ? bodies_[number] : "";
  }

 private:
  Mutex mutex_;
  CondVar arrived_;
  std::vector<std::string> bodies_;
  std::unique_ptr<http::Server> server_;
};

struct Running {
  TempDir dir;
  Listener hook;
  std::unique_ptr<App> app;
  http::ClientRuntime runtime{1, "test"};
  std::shared_ptr<http::Client> client = http::Client::Create(runtime, {}).value();

  const int64_t timeout_ms;

  explicit Running(int64_t request_timeout_ms = 0) : timeout_ms(request_timeout_ms) {
    WriteConfig("[alertname]");
    Start();
  }
  ~Running() {
    if (app != nullptr) app->Stop();
  }
  void WriteConfig(std::string_view group_by) {
    std::ofstream(dir.path() + "/am.yml") << fmt::format(
        "route: {{receiver: w, group_by: {}, group_wait: 0s, group_interval: 100ms}}\n"
        "receivers: [{{name: w, webhook_configs: [{{url: '{}'}}]}}]\n",
        group_by, hook.url());
  }
  void Start() {
    Options options;
    options.config_file = dir.path() + "/am.yml";
    options.storage_path = dir.path() + "/data";
    options.listen_addresses = {"127.0.0.1:0"};
    options.external_url = "http://am.example/prefix/";
    options.timeout_ms = timeout_ms;
    app = App::Create(std::move(options), Clock::System()).value();
    REQUIRE(app->Start().ok());
  }
  http::ClientResponse Do(std::string method, std::string_view path, std::string body = "") {
    http::ClientRequest request;
    request.method = std::move(method);
    request.url = fmt::format("http://127.0.0.1:{}/prefix{}", app->ports()[0], path);
    if (!body.empty()) request.headers.Add("Content-Type", "application/json");
    request.body = std::move(body);
    auto response = client->DoBlocking(std::move(request));
    REQUIRE(response.ok());
    return *std::move(response);
  }
  std::string Get(std::string_view path) { return Do("GET", path).body; }
  JsonValue GetJson(std::string_view path) { return ParseJson(Get(path)).value(); }
};

TEST_CASE("an alert reaches the webhook, resolves, and is seen in the API on the way") {
  Running am;
  CHECK(am.Do("GET", "/-/ready").status == 200);
  CHECK(am.Do("POST", "/api/v2/alerts",
              R"([{"labels":{"alertname":"A","n":"1"},"annotations":{"s":"t"}}])")
            .status == 200);
  JsonValue first = ParseJson(am.hook.Wait(0)).value();
  CHECK(first["status"].AsString() == "firing");
  CHECK(first["groupKey"].AsString() == "{}:{alertname=\"A\"}");
  CHECK(first["externalURL"].AsString() == "http://am.example/prefix");
  JsonValue alerts = am.GetJson("/api/v2/alerts");
  REQUIRE(alerts.items().size() == 1);
  CHECK(alerts.items()[0]["status"]["state"].AsString() == "active");
  CHECK(am.GetJson("/api/v2/alerts?filter=n%3D2").items().empty());
  CHECK(am.GetJson("/api/v2/alerts/groups").items().size() == 1);
  am.Do("POST", "/api/v2/alerts",
        R"([{"labels":{"alertname":"A","n":"1"},"endsAt":"2026-01-01T00:00:00Z"}])");
  CHECK(ParseJson(am.hook.Wait(1)).value()["status"].AsString() == "resolved");
  CHECK(am.GetJson("/api/v2/alerts").items().empty());
  const std::string metrics = am.Get("/metrics");
  CHECK(
      metrics.find("alertmanager_alerts_received_total{status=\"resolved\",version=\"v2\"} 1\n") !=
      std::string::npos);
  CHECK(metrics.find("alertmanager_notifications_total{integration=\"slack\"} 0\n") !=
        std::string::npos);
  CHECK(metrics.find("alertmanager_config_last_reload_successful 1\n") != std::string::npos);
}

TEST_CASE("silences through the API outlive the process") {
  Running am;
  const std::string body =
      R"({"matchers":[{"name":"n","value":"1","isRegex":false}],"startsAt":"2020-01-01T00:00:00Z",)"
      R"("endsAt":"2999-01-01T00:00:00Z","createdBy":"me","comment":"c"})";
  const http::ClientResponse set = am.Do("POST", "/api/v2/silences", body);
  REQUIRE(set.status == 200);
  const std::string id = ParseJson(set.body).value()["silenceID"].AsString();
  am.Do("POST", "/api/v2/alerts", R"([{"labels":{"alertname":"A","n":"1"}}])");
  CHECK(am.GetJson("/api/v2/alerts").items()[0]["status"]["silencedBy"].items()[0].AsString() ==
        id);
  CHECK(am.GetJson("/api/v2/alerts?silenced=false").items().empty());
  am.app->Stop();
  am.app.reset();
  am.Start();
  CHECK(am.GetJson("/api/v2/silences").items()[0]["id"].AsString() == id);
  CHECK(am.Do("DELETE", "/api/v2/silence/" + id).status == 200);
  CHECK(am.GetJson("/api/v2/silence/" + id)["status"]["state"].AsString() == "expired");
}

TEST_CASE("reload: good ones apply, bad ones leave the old configuration in charge") {
  Running am;
  std::ofstream(am.dir.path() + "/am.yml") << "foo: 1\n";
  const http::ClientResponse bad = am.Do("POST", "/-/reload");
  CHECK(bad.status == 500);
  CHECK(bad.body.starts_with("failed to reload config: yaml: unmarshal errors:"));
  CHECK(am.Get("/metrics").find("alertmanager_config_last_reload_successful 0\n") !=
        std::string::npos);
  am.WriteConfig("[n]");
  CHECK(am.Do("POST", "/-/reload").status == 200);
  CHECK(am.GetJson("/api/v2/status")["config"]["original"].AsString().find(
            "group_by:\n  - \"n\"\n") != std::string::npos);
  CHECK(am.Do("GET", "/-/reload").status == 405);
  am.Do("POST", "/api/v2/alerts", R"([{"labels":{"alertname":"A","n":"1"}}])");
  CHECK(ParseJson(am.hook.Wait(0)).value()["groupKey"].AsString() == "{}:{n=\"1\"}");
}

TEST_CASE(
    "reload by change: only changes are loaded, templates count, broken ones are tried once") {
  Running am;
  CHECK_FALSE(am.app->ReloadIfChanged());
  const auto original = [&] {
    return am.GetJson("/api/v2/status")["config"]["original"].AsString();
  };
  am.WriteConfig("[n]");
  CHECK(am.app->ReloadIfChanged());
  CHECK(original().find("group_by:\n  - \"n\"\n") != std::string::npos);
  CHECK_FALSE(am.app->ReloadIfChanged());
  std::ofstream(am.dir.path() + "/am.yml") << "foo: 1\n";
  CHECK(am.app->ReloadIfChanged());
  CHECK(am.Get("/metrics").find("alertmanager_config_last_reload_successful 0\n") !=
        std::string::npos);
  CHECK_FALSE(am.app->ReloadIfChanged());
  am.WriteConfig("[n]");
  std::ofstream(am.dir.path() + "/am.yml", std::ios::app)
      << "templates: ['" << am.dir.path() << "/*.tmpl']\n";
  CHECK(am.app->ReloadIfChanged());
  CHECK_FALSE(am.app->ReloadIfChanged());
  std::ofstream(am.dir.path() + "/a.tmpl") << R"({{ define "a" }}1{{ end }})";
  CHECK(am.app->ReloadIfChanged());
  CHECK_FALSE(am.app->ReloadIfChanged());
  std::ofstream(am.dir.path() + "/a.tmpl") << R"({{ define "a" }}2{{ end }})";
  CHECK(am.app->ReloadIfChanged());
  CHECK(am.Get("/metrics").find("alertmanager_config_last_reload_successful 1\n") !=
        std::string::npos);
}

TEST_CASE("requests that are wrong get upstream's answers") {
  Running am;
  struct Row {
    std::string method, path, body;
    int status;
    std::string answer;
  };
  const Row rows[] = {
      {"POST", "/api/v2/alerts", R"([{"labels":{}}])", 400,
       "\"at least one label pair required\"\n"},
      {"POST", "/api/v2/alerts", "[{}]", 422,
       R"({"code":602,"message":"0.labels in body is required"})"},
      {"POST", "/api/v2/alerts", R"([{"labels":{"a":"b"},"generatorURL":"::"}])", 422,
       R"({"code":601,"message":"0.generatorURL in body must be of type uri: \"::\""})"},
      {"POST", "/api/v2/alerts",
       R"([{"labels":{"a":"b"},"startsAt":"2030-01-01T00:00:00Z","endsAt":"2020-01-01T00:00:00Z"},)"
       R"({"labels":{"":"b"}}])",
       400, "\"start time must be before end time; invalid label set: invalid name \\\"\\\"\"\n"},
      {"GET", "/api/v2/alerts?filter=foo", "", 400, "\"bad matcher format: foo\"\n"},
      {"GET", "/api/v2/nope", "", 404,
       R"({"code":404,"message":"path /prefix/api/v2/nope was not found"})"},
      {"GET", "/api/v2/silences/", "", 200, "[]\n"},  // as without the slash
      {"GET", "/api/v2/silence/abc", "", 422,
       R"({"code":601,"message":"silenceID in path must be of type uuid: \"abc\""})"},
      {"GET", "/api/v2/silence/11111111-1111-1111-1111-111111111111", "", 404, ""},
      {"PUT", "/api/v2/alerts", "", 405,
       R"({"code":405,"message":"method PUT is not allowed, but [GET,POST] are"})"},
      {"POST", "/api/v2/silences", "{}", 422,
       R"({"code":602,"message":"comment in body is required"})"},
      {"GET", "/api/v1/alerts", "", 410, ""},
      {"DELETE", "/api/v1/alerts", "", 405, "Method Not Allowed\n"},
  };
  for (const Row& row : rows) {
    INFO(row.method << " " << row.path << " " << row.body);
    const http::ClientResponse response = am.Do(row.method, row.path, row.body);
    CHECK(response.status == row.status);
    if (row.status != 410) CHECK(response.body == row.answer);
  }
  // Good alerts of a batch are kept although another one is refused.
  CHECK(
      am.Do("POST", "/api/v2/alerts", R"([{"labels":{"alertname":"ok"}},{"labels":{}}])").status ==
      400);
  CHECK(am.GetJson("/api/v2/alerts").items().size() == 1);
}

TEST_CASE("browsers may ask from pages of other origins") {
  Running am;
  struct Row {
    std::string method, names, allowed;  // asked for, and what is answered
  };
  const Row rows[] = {{"GET", "", "GET"},
                      {"POST", "content-type", "POST"},
                      {"POST", "accept,content-type", "POST"},
                      {"POST", "authorization", ""},
                      {"DELETE", "", ""}};
  for (const Row& row : rows) {
    INFO(row.method << " " << row.names);
    http::ClientRequest request;
    request.method = "OPTIONS";
    request.url = fmt::format("http://127.0.0.1:{}/prefix/api/v2/alerts", am.app->ports()[0]);
    request.headers.Add("Origin", "http://elsewhere.test");
    request.headers.Add("Access-Control-Request-Method", row.method);
    if (!row.names.empty()) request.headers.Add("Access-Control-Request-Headers", row.names);
    const auto response = am.client->DoBlocking(std::move(request));
    REQUIRE(response.ok());
    CHECK(response->status == 204);
    CHECK(response->headers.Get("Access-Control-Allow-Methods") == row.allowed);
    CHECK(response->headers.Get("Access-Control-Allow-Origin") == (row.allowed.empty() ? "" : "*"));
    CHECK_FALSE(response->headers.Has("Allow"));
  }
}

TEST_CASE("the front page shows alerts and silences, and nothing of them as markup") {
  Running am;
  CHECK_THAT(am.Get("/"), Catch::Contains("<h2>Alerts (0)</h2>"));
  const auto post = [&](std::string_view path, const std::string& body) {
    CHECK(am.Do("POST", path, body).status == 200);
  };
  post("/api/v2/alerts",
       R"([{"labels":{"alertname":"A<1>","job":"x\"y"},"annotations":{"summary":"<script>"},)"
       R"("generatorURL":"http://p.test/graph?a=1&b=2"},)"
       R"({"labels":{"alertname":"B"},"generatorURL":"javascript:alert"},)"
       R"({"labels":{"alertname":"C"},"startsAt":"2020-01-01T00:00:00Z",)"
       R"("endsAt":"2020-01-02T00:00:00Z"}])");
  post("/api/v2/silences",
       R"({"matchers":[{"name":"alertname","value":"B","isRegex":false}],"createdBy":"<me>",)"
       R"("comment":"c & d","startsAt":"2020-01-01T00:00:00Z","endsAt":"2199-01-01T00:00:00Z"})");
  const std::string page = am.Get("/");
  INFO(page);
  CHECK_THAT(page, Catch::Contains("<h2>Alerts (2)</h2>"));
  CHECK_THAT(page, Catch::Contains("<a href=\"http://p.test/graph?a=1&amp;b=2\" "
                                   "rel=\"noreferrer\">A&lt;1&gt;</a></td><td>active</td>"));
  CHECK_THAT(page, Catch::Contains("<td>B</td><td>suppressed</td>"));
  CHECK_THAT(page, Catch::Contains("summary: &lt;script&gt;"));
  CHECK_THAT(page, Catch::Contains("<td>&lt;me&gt;</td><td>c &amp; d</td>"));
  CHECK_THAT(page, !Catch::Contains("javascript:") && !Catch::Contains("<script"));
}

// What is wrong with a command line; the options when nothing is.
struct CommandLine {
  explicit CommandLine(const std::vector<std::string>& arguments) {
    FlagSet flags("alertmanager", "");
    const OptionFlags option_flags(flags);
    Status status = flags.TryParse(arguments);
    if (status.ok()) {
      StatusOr<Options> read = option_flags.Read();
      status = read.status();
      if (read.ok()) options = *std::move(read);
    }
    error = MessageOf(status);
  }
  std::string error;
  Options options;
};

TEST_CASE("flags that are known and not implemented are refused by name") {
  auto read = [](const std::vector<std::string>& arguments) {
    return CommandLine(arguments).error;
  };
  CHECK(read({}).empty());
  CHECK(read({"--web.systemd-socket"}) ==
        "--web.systemd-socket is known to Alertmanager, not implemented here");
  CHECK(read({"--alerts.per-alertname-limit=3"}) ==
        "--alerts.per-alertname-limit is known to Alertmanager, not implemented here");
  CHECK(read({"--enable-feature=nope"}) ==
        "error parsing the feature flag list: unknown option 'nope' for --enable-feature");
  CHECK(read({"--enable-feature=utf8-strict-mode"}).empty());
  CHECK(read({"--enable-feature="}).empty());
  CHECK(read({"--nope"}) != "");
}

TEST_CASE("cluster flags: upstream's verdicts") {
  TempDir dir;
  const std::string tls = dir.path() + "/tls.yml";
  const std::string mesh = "unable to initialize gossip mesh: ";
  struct Row {
    std::vector<std::string> arguments;
    std::string tls, error;
  };
  const Row rows[] = {
      {{"--cluster.listen-address="}, "", ""},
      {{"--cluster.listen-address=", "--cluster.peer=foo"}, "", ""},
      {{"--cluster.listen-address=0.0.0.0:6783", "--cluster.advertise-address=[10.0.0.1]:6783",
        "--cluster.peer=a-0.a-headless:6783", "--cluster.peer=a-1.a-headless:6783"},
       "",
       ""},
      {{"--cluster.advertise-address=:6783"}, "", ""},
      {{"--cluster.settle-timeout=0s", "--cluster.gossip-interval=1s", "--cluster.peer-name=a",
        "--cluster.label=b", "--cluster.reconnect-timeout=1d",
        "--cluster.allow-insecure-public-advertise-address-discovery"},
       "",
       ""},
      {{"--cluster.peer-timeout=x"}, "", "time: invalid duration \"x\""},
      {{"--cluster.listen-address=foo"},
       "",
       mesh + "invalid listen address: address foo: missing port in address"},
      {{"--cluster.listen-address=foo:bar"},
       "",
       mesh + "address foo:bar: invalid port: strconv.Atoi: parsing \"bar\": invalid syntax"},
      {{"--cluster.advertise-address=foo"},
       "",
       mesh + "invalid advertise address: address foo: missing port in address"},
      {{"--cluster.advertise-address=foo:x"},
       "",
       mesh + "address foo:x: invalid port: strconv.Atoi: parsing \"x\": invalid syntax"},
      {{"--cluster.advertise-address=foo:1"},
       "",
       mesh + "create memberlist: Failed to get final advertise address: Failed to parse "
              "advertise address \"foo\""},
      {{"--cluster.peer=foo"},
       "",
       mesh + "resolve peers: split host/port for peer foo: address foo: missing port in address"},
      {{"--cluster.tls-config=" + tls}, "tls_server_config: {}\ntls_client_config: {}\n", ""},
      {{"--cluster.tls-config=" + tls},
       "tls_server_config: {}\nfoo: {}\n",
       "unable to initialize TLS transport configuration for gossip mesh: yaml: unmarshal "
       "errors:\n  line 2: field foo not found in type cluster.TLSTransportConfig"},
      {{"--cluster.tls-config=" + tls},
       "tls_server_config: {}\n",
       "unable to initialize TLS transport configuration for gossip mesh: " + tls +
           " needs tls_server_config and tls_client_config"},
  };
  for (const Row& row : rows) {
    INFO(row.arguments.back() << " " << row.tls);
    std::ofstream(tls) << row.tls;
    CHECK(CommandLine(row.arguments).error == row.error);
  }
  CHECK(CommandLine({"--cluster.listen-address=", "--cluster.tls-config=/nonexistent"})
            .error.starts_with("unable to initialize TLS transport configuration"));
}

TEST_CASE("who asks for a cluster is told that there is none; who does not is left alone") {
  auto warning = [](const std::vector<std::string>& arguments) {
    return CommandLine(arguments).options.warning;
  };
  CHECK(warning({}).empty());
  CHECK(warning({"--cluster.advertise-address=10.0.0.1:6783"}).empty());
  CHECK(warning({"--cluster.listen-address=", "--cluster.peer=a:1"}).empty());
  CHECK(warning({"--cluster.listen-address=0.0.0.0:6783"})
            .starts_with("Clustering is not implemented: "));
  CHECK(warning({"--cluster.peer=a:1", "--cluster.peer=b:2"}) ==
        "Clustering is not implemented: this Alertmanager stands alone. It does not share "
        "silences with a:1, b:2, and each one that hears of an alert notifies about it");
  Running am;
  CHECK(am.GetJson("/api/v2/status")["cluster"]["status"].AsString() == "disabled");
  CHECK(am.Get("/metrics").find("alertmanager_cluster_enabled 0\n") != std::string::npos);
}

TEST_CASE("limits of requests are those of the flags") {
  CHECK(CommandLine({}).options.get_concurrency >= 8);
  CHECK(CommandLine({"--web.get-concurrency=-1"}).options.get_concurrency >= 8);
  CHECK(CommandLine({"--web.get-concurrency=3"}).options.get_concurrency == 3);
  CHECK(CommandLine({"--web.timeout=1m"}).options.timeout_ms == 60'000);
  CHECK(CommandLine({"--web.timeout=-1s"}).options.timeout_ms == 0);
  // Answers come through the time limit as they are.
  Running am(60'000);
  CHECK(am.Do("GET", "/-/ready").body == "OK");
  CHECK(am.Do("GET", "/nope").status == 404);
  CHECK(am.Get("/metrics").find("alertmanager_http_requests_in_flight{method=\"get\"} 1\n") !=
        std::string::npos);
  const http::ClientResponse refused = am.Do("POST", "/api/v2/silences", "{}");
  CHECK(refused.status == 422);
  CHECK(refused.headers.Get("Content-Type") == "application/json");
}

}  // namespace
}  // namespace narthex::am
