#pragma once
// What the tests of the API share: a real server on a real socket over a real storage and engine;
// what lies behind the other sources is made up.

#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/http/client.h"
#include "core/http/server.h"
#include "core/json/reader.h"
#include "server/api/api.h"
#include "server/storage/tsdb/db.h"
#include "tests/catch.h"
#include "tests/eventually.h"
#include "tests/temp_dir.h"

namespace narthex::api {

inline constexpr TimestampMs kNow = 1'700'000'000'000;

struct Fixture {
  explicit Fixture(Options o = {}, bool ready = true, promql::EngineOptions engine_options = {}) {
    tsdb::Options storage;
    storage.dir = dir.path();
    storage.retention_ms = 0;
    storage.max_exemplars = 10;
    storage.clock = &clock;
    storage.maintenance_interval = std::chrono::milliseconds(0);
    auto opened = tsdb::Db::Open(storage);
    INFO(MessageOf(opened.status()));
    REQUIRE(opened.ok());
    db = *std::move(opened);
    engine_options.clock = &Clock::System();
    engine = std::make_unique<promql::Engine>(engine_options);
    o.clock = &clock;
    if (o.external_url.empty()) o.external_url = "http://prom.example:9090";
    auto created = Api::Create(o, MakeSources(), &registry);
    REQUIRE(created.ok());
    api = *std::move(created);
    api->Register(router);
    auto made = http::Server::Create({.listen_addresses = {"127.0.0.1:0"}}, router.AsHandler());
    REQUIRE(made.ok());
    server = *std::move(made);
    REQUIRE(server->Start().ok());
    client = http::Client::Create(runtime, {}).value();
    api->SetStorage(engine.get(), db.get(), db.get());
    if (ready) api->SetState(Api::State::kReady);
  }
  ~Fixture() {
    server->Stop();
    client.reset();
    db.reset();
  }

  Sources MakeSources() {
    Sources s;
    s.targets = [](const std::string& pool) {
      scrape::TargetsSnapshot all;
      scrape::ActiveTarget up;
      up.pool = "node";
      up.discovered_labels = {{"__address__", "localhost:9100"}, {"job", "node"}};
      up.labels = {{"instance", "localhost:9100"}, {"job", "node"}};
      up.scrape_url = "http://localhost:9100/metrics";
      up.health = scrape::Health::kUp;
      up.last_scrape_nanos = kNow * 1'000'000 + 5;
      up.last_scrape_duration_seconds = 0.25;
      up.interval_ms = 15'000;
      up.timeout_ms = 10'000;
      if (pool.empty() || pool == "node") all.active.push_back(up);
      all.dropped.push_back({"old", {{"__address__", "x:1"}}});
      all.dropped_counts = {{"node", 0}, {"old", 1}};
      return all;
    };
    s.scrape_pools = [] { return std::vector<std::string>{"node", "a"}; };
    s.scrape_pool_config = [](const std::string& pool) -> StatusOr<std::string> {
      if (pool == "node") return std::string("job_name: node\n");
      return NotFound("scrape pool {} not found", pool);
    };
    s.scrape_pool_rules = [](const std::string& pool) -> StatusOr<std::vector<RelabelConfig>> {
      if (pool != "node") return NotFound("scrape pool {} not found", pool);
      std::vector<RelabelConfig> rules(3);
      rules[0].source_labels = {"a", "b"};
      rules[0].target_label = "c";
      rules[1].action = RelabelAction::kDrop;
      rules[1].source_labels = {"a"};
      rules[1].regex = "x";
      rules[2].action = RelabelAction::kHashMod;
      rules[2].modulus = 8;
      rules[2].target_label = "h";
      return rules;
    };
    s.metadata = [](const std::string& metric) {
      const Labels a{{"instance", "a"}}, b{{"instance", "b"}};
      std::vector<scrape::TargetMetadata> all = {{a, {"up_total", "counter", "Ups.", "s"}},
                                                 {b, {"up_total", "counter", "Ups.", "s"}},
                                                 {b, {"up_total", "gauge", "Other.", ""}},
                                                 {b, {"zz", "gauge", "Z.", ""}}};
      if (!metric.empty()) {
        std::erase_if(all, [&](const auto& e) { return e.metadata.metric != metric; });
      }
      return all;
    };
    s.rules = [] { return MakeGroups(); };
    s.alertmanagers = [] { return notifier::Alertmanagers{{"http://am/api/v2/alerts"}, {}}; };
    s.config_yaml = [] { return std::string("global:\n  a: <secret>\n"); };
    s.external_labels = [] { return Labels{{"job", "ext"}, {"zone", "z"}}; };
    s.flags = [] {
      return std::vector<std::pair<std::string, std::string>>{{"b", "2"}, {"a", "1"}};
    };
    s.features = [] {
      return Features{{"api", {{"admin", false}}}, {"promql_operators", {{"<", true}}}};
    };
    s.runtime_info = [this] {
      return RuntimeInfo{.cwd = "/",
                         .hostname = "h",
                         .reload_config_success = reload_status.ok(),
                         .gogc = "75",
                         .storage_retention = "15d"};
    };
    s.tsdb_stats = [](size_t limit) {
      TsdbStats stats;
      stats.series = 7;
      stats.min_time = 1;
      stats.series_by_metric_name = {{"up", limit}};
      return stats;
    };
    s.wal_replay = [] { return WalReplay{1, 5, 3}; };
    s.tsdb_blocks = [] { return std::vector<std::string>{R"({"ulid":"a"})", R"({"ulid":"b"})"}; };
    s.delete_series = [this](TimestampMs mint, TimestampMs maxt,
                             std::span<const Matcher> matchers) {
      return db->Delete(mint, maxt, matchers);
    };
    s.clean_tombstones = [this] { return admin_status; };
    s.snapshot = [this](bool skip_head) -> StatusOr<std::string> {
      if (!admin_status.ok()) return admin_status;
      return std::string(skip_head ? "blocks" : "all");
    };
    s.reload = [this] { return reload_status; };
    s.quit = [this] { ++quits; };
    return s;
  }

  static std::vector<rules::GroupStatus> MakeGroups() {
    rules::RuleStatus record;
    record.name = "job:up:sum";
    record.query = "sum by (job) (up)";
    record.labels = {{"team", "a"}};
    record.health = rules::RuleHealth::kOk;
    record.evaluation_seconds = 0.000334166;
    record.last_evaluation_nanos = kNow * 1'000'000;
    rules::RuleStatus alert;
    alert.is_alert = true;
    alert.name = "Always";
    alert.query = "vector(1) > 0";
    alert.labels = {{"severity", "page"}};
    alert.annotations = {{"summary", "<b>"}};
    alert.health = rules::RuleHealth::kError;
    alert.last_error = "bad";
    alert.state = rules::AlertState::kFiring;
    alert.for_ms = 90'000;
    alert.alerts = {{Labels{{"alertname", "Always"}},
                     {{"summary", "<b>"}},
                     rules::AlertState::kFiring,
                     kNow,
                     kNow,
                     1}};
    rules::GroupStatus one, two;
    one.name = "g";
    one.file = "r.yml";
    one.interval_ms = 30'000;
    one.rules = {record, alert};
    two.name = "h";
    two.file = "s.yml";
    two.interval_ms = 60'000;
    two.rules = {record};
    return {one, two};
  }

  // A series a job, values at kNow - 60 s … kNow every 15 s.
  void Fill() {
    auto appender = db->NewAppender();
    for (int i = 0; i <= 4; ++i) {
      for (const char* job : {"a", "b<"}) {
        const Labels labels{{"__name__", "up"}, {"job", job}};
        REQUIRE(appender->Append(labels, kNow - 60'000 + i * 15'000, i + 0.5).ok());
      }
    }
    REQUIRE(appender->Commit().ok());
  }

  http::ClientResponse Do(http::ClientRequest request) {
    request.url = "http://127.0.0.1:" + std::to_string(server->ports()[0]) + request.url;
    auto response = client->DoBlocking(std::move(request));
    INFO(MessageOf(response.status()));
    REQUIRE(response.ok());
    return *std::move(response);
  }
  http::ClientResponse Get(const std::string& path,
                           const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    http::ClientRequest request;
    request.url = path;
    for (const auto& [name, value] : headers) request.headers.Add(name, value);
    return Do(request);
  }
  http::ClientResponse Send(const std::string& method, const std::string& path,
                            const std::string& form = "") {
    http::ClientRequest request;
    request.method = method;
    request.url = path;
    if (!form.empty()) {
      request.headers.Add("Content-Type", "application/x-www-form-urlencoded");
      request.body = form;
    }
    return Do(request);
  }
  // The body of a successful answer behind {"status":"success","data":, or the whole body.
  std::string Data(const std::string& path) {
    const auto response = Get("/api/v1/" + path);
    const std::string head = R"({"status":"success","data":)";
    if (response.status != 200 || !response.body.starts_with(head)) return response.body;
    CHECK(response.headers.Get("Content-Type") == "application/json");
    return response.body.substr(head.size(), response.body.size() - head.size() - 1);
  }
  // "400 bad_data: message"
  std::string Error(const std::string& path) {
    const auto response = Get("/api/v1/" + path);
    auto body = ParseJson(response.body);
    if (!body.ok()) return fmt::format("{} {}", response.status, response.body);
    return fmt::format("{} {}: {}", response.status, (*body)["errorType"].AsString(),
                       (*body)["error"].AsString());
  }
  double Metric(const std::string& name, const std::string& handler, const std::string& code) {
    for (const auto& family : registry.Gather().families) {
      if (family.name != name) continue;
      for (const auto& sample : family.samples) {
        std::string h, c;
        for (const auto& label : sample.labels) (label.name == "handler" ? h : c) = label.value;
        if (h == handler && (code.empty() || c == code)) {
          return sample.buckets.empty() ? sample.value : sample.buckets.back().cumulative_count;
        }
      }
    }
    return -1;
  }

  TempDir dir;
  FakeClock clock{kNow};
  Registry registry;
  std::unique_ptr<tsdb::Db> db;
  std::unique_ptr<promql::Engine> engine;
  std::unique_ptr<Api> api;
  http::Router router;
  std::unique_ptr<http::Server> server;
  http::ClientRuntime runtime;
  std::shared_ptr<http::Client> client;
  Status admin_status;
  Status reload_status;
  std::atomic<int> quits{0};
};

}  // namespace narthex::api
