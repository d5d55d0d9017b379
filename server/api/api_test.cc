// Black-box tests: a real server on a real socket over a real storage and engine; what lies behind
// the other sources is made up. Expected bodies were compared with the original server's.
#include "server/api/api.h"

#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "core/http/client.h"
#include "core/http/server.h"
#include "core/json/reader.h"
#include "server/api/answer.h"
#include "server/api/group_token.h"
#include "server/api/params.h"
#include "server/storage/tsdb/db.h"
#include "tests/catch.h"

namespace narthex::api {
namespace {

constexpr TimestampMs kNow = 1'700'000'000'000;

struct Fixture {
  explicit Fixture(Options o = {}, bool ready = true) {
    std::string pattern = std::filesystem::temp_directory_path() / "api_test.XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    dir = pattern;
    tsdb::Options storage;
    storage.dir = dir;
    storage.retention_ms = 0;
    storage.max_exemplars = 10;
    storage.clock = &clock;
    storage.maintenance_interval = std::chrono::milliseconds(0);
    auto opened = tsdb::Db::Open(storage);
    INFO(MessageOf(opened.status()));
    REQUIRE(opened.ok());
    db = *std::move(opened);
    promql::EngineOptions engine_options;
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
    std::filesystem::remove_all(dir);
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
    s.metadata = [](const std::string& metric) {
      const Labels a{{"instance", "a"}}, b{{"instance", "b"}};
      std::vector<scrape::TargetMetadata> all = {
          {a, {"up_total", "counter", "Ups.", "s"}}, {b, {"up_total", "counter", "Ups.", "s"}},
          {b, {"up_total", "gauge", "Other.", ""}}, {b, {"zz", "gauge", "Z.", ""}}};
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
    s.runtime_info = [this] {
      return RuntimeInfo{.cwd = "/",
                         .hostname = "h",
                         .reload_config_success = reload_status.ok(),
                         .failed_reload_nanos = kNow * 1'000'000,
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
    s.delete_series = [this](TimestampMs mint, TimestampMs maxt, std::span<const Matcher> matchers) {
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
    alert.alerts = {{Labels{{"alertname", "Always"}}, {{"summary", "<b>"}},
                     rules::AlertState::kFiring, kNow, kNow, 1}};
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
  http::ClientResponse Get(const std::string& path) {
    http::ClientRequest request;
    request.url = path;
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

  std::string dir;
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

TEST_CASE("instant queries") {
  Fixture f;
  f.Fill();
  CHECK(f.Data("query?query=up") ==
        R"({"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},)"
        R"("value":[1700000000,"4.5"]},{"metric":{"__name__":"up","job":"b\u003c"},)"
        R"("value":[1700000000,"4.5"]}]})");
  CHECK(f.Data("query?query=1e30&time=1.25") == R"({"resultType":"scalar","result":[1.25,"1e+30"]})");
  CHECK(f.Data("query?query=%22a%3Cb%22&time=2026-01-01T00:00:00Z") ==
        R"({"resultType":"string","result":[1767225600,"a\u003cb"]})");
  CHECK(f.Data("query?query=nope") == R"({"resultType":"vector","result":[]})");
  CHECK(f.Data("query?query=sum(up)") ==
        R"({"resultType":"vector","result":[{"metric":{},"value":[1700000000,"9"]}]})");
  CHECK(f.Data("query?query=up%7Bjob=%22a%22%7D%5B20s%5D&time=1699999999.5") ==
        R"({"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},)"
        R"("values":[[1699999985,"3.5"]]}]})");
  const auto posted = f.Send("POST", "/api/v1/query?time=6", "query=time()&time=5.001");
  CHECK(posted.body == R"({"status":"success","data":{"resultType":"scalar","result":[5.001,"5.001"]}})");
  const auto limited = f.Get("/api/v1/query?query=up&limit=1");
  CHECK(limited.body.find(R"("job":"b)") == std::string::npos);
  CHECK(limited.body.ends_with(R"(,"warnings":["results truncated due to limit"]})"));
  const auto stats = ParseJson(f.Get("/api/v1/query?query=up&stats=true").body).value();
  CHECK(stats["data"]["stats"]["timings"].Has("execTotalTime"));
  CHECK(stats["data"]["stats"]["samples"]["totalQueryableSamples"].AsInt() == 2);
}

TEST_CASE("range queries") {
  Fixture f;
  f.Fill();
  CHECK(f.Data("query_range?query=up&start=1699999970&end=1700000000&step=15s") ==
        R"({"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},)"
        R"("values":[[1699999970,"2.5"],[1699999985,"3.5"],[1700000000,"4.5"]]},)"
        R"({"metric":{"__name__":"up","job":"b\u003c"},)"
        R"("values":[[1699999970,"2.5"],[1699999985,"3.5"],[1700000000,"4.5"]]}]})");
  CHECK(f.Data("query_range?query=vector(1e30)&start=1&end=2&step=0.5") ==
        R"({"resultType":"matrix","result":[{"metric":{},)"
        R"("values":[[1,"1e+30"],[1.500,"1e+30"],[2,"1e+30"]]}]})");
  CHECK(f.Data("query_range?query=nope&start=1&end=2&step=1") ==
        R"({"resultType":"matrix","result":[]})");
  // A matrix that goes out in several chunks arrives whole.
  const auto big = ParseJson(
      f.Get("/api/v1/query_range?query=label_replace(up,%22x%22,%22y%22,%22%22,%22%22)"
            "%20or%20vector(1)&start=1699900000&end=1700000000&step=10").body);
  REQUIRE(big.ok());
  const auto& series = (*big)["data"]["result"].items();
  REQUIRE(series.size() == 3);
  CHECK(series[0]["values"].items().size() == 10'001);
}

TEST_CASE("query errors say what the original says") {
  Fixture f;
  CHECK(f.Error("query") ==
        "400 bad_data: invalid parameter \"query\": unknown position: parse error: no expression "
        "found in input");
  CHECK(f.Error("query?query=sum(") ==
        "400 bad_data: invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis");
  CHECK(f.Error("query?query=up&time=abc") ==
        "400 bad_data: invalid parameter \"time\": Invalid time value for 'time': cannot parse "
        "\"abc\" to a valid timestamp");
  CHECK(f.Error("query?query=up&timeout=x") ==
        "400 bad_data: invalid parameter \"timeout\": cannot parse \"x\" to a valid duration");
  CHECK(f.Error("query?query=up&timeout=1e30") ==
        "400 bad_data: invalid parameter \"timeout\": cannot parse \"1e30\" to a valid duration. It "
        "overflows int64");
  CHECK(f.Error("query?query=up&limit=-1") ==
        "400 bad_data: invalid parameter \"limit\": limit must be non-negative");
  CHECK(f.Error("query?query=up&lookback_delta=x") ==
        "400 bad_data: error parsing lookback delta duration: cannot parse \"x\" to a valid duration");
  CHECK(f.Error("query_range?query=up&start=1&end=0&step=1") ==
        "400 bad_data: invalid parameter \"end\": end timestamp must not be before start time");
  CHECK(f.Error("query_range?query=up&start=1&end=2&step=0") ==
        "400 bad_data: invalid parameter \"step\": zero or negative query resolution step widths are "
        "not accepted. Try a positive integer");
  CHECK(f.Error("query_range?query=up&start=1&end=200000&step=1") ==
        "400 bad_data: exceeded maximum resolution of 11,000 points per timeseries. Try decreasing "
        "the query resolution (?step=XX)");
  CHECK(f.Error("query_range?query=up&end=2&step=1") ==
        "400 bad_data: invalid parameter \"start\": cannot parse \"\" to a valid timestamp");
  CHECK(f.Error("query_range?query=up&start=1&end=2") ==
        "400 bad_data: invalid parameter \"step\": cannot parse \"\" to a valid duration");
  CHECK(f.Error("query_range?query=up%5B5m%5D&start=1&end=2&step=1") ==
        "400 bad_data: invalid parameter \"query\": invalid expression type \"range vector\" for "
        "range query, must be Scalar or instant Vector");
  CHECK(f.Error("query_range?query=up&start=-292273086-05-16T16:47:06Z&end=1&step=1").starts_with(
      "400 bad_data: exceeded maximum resolution"));
  CHECK(f.Send("POST", "/api/v1/query", "query=%zz").status == 400);
}

TEST_CASE("series, label names and label values") {
  Fixture f;
  f.Fill();
  CHECK(f.Data("series?match%5B%5D=up") ==
        R"([{"__name__":"up","job":"a"},{"__name__":"up","job":"b\u003c"}])");
  CHECK(f.Data("series?match%5B%5D=up&match%5B%5D=%7Bjob=%22a%22%7D&match%5B%5D=nope") ==
        R"([{"__name__":"up","job":"a"},{"__name__":"up","job":"b\u003c"}])");
  CHECK(f.Get("/api/v1/series?match%5B%5D=up&limit=1").body ==
        R"({"status":"success","data":[{"__name__":"up","job":"a"}],)"
        R"("warnings":["results truncated due to limit"]})");
  CHECK(f.Data("series?match%5B%5D=nope") == "[]");
  CHECK(f.Error("series") == "400 bad_data: no match[] parameter provided");
  CHECK(f.Error("series?match%5B%5D=%7B%7D") ==
        "400 bad_data: invalid parameter \"match[]\": match[] must contain at least one non-empty "
        "matcher");
  CHECK(f.Error("labels?match%5B%5D=%7Ba=%22%22%7D") ==
        "400 bad_data: match[] must contain at least one non-empty matcher");
  CHECK(f.Data("labels") == R"(["__name__","job"])");
  CHECK(f.Data("labels?match%5B%5D=nope") == "[]");
  CHECK(f.Data("labels?limit=1") == R"(["__name__"],"warnings":["results truncated due to limit"])");
  CHECK(f.Error("labels?start=abc") ==
        "400 bad_data: invalid parameter \"start\": Invalid time value for 'start': cannot parse "
        "\"abc\" to a valid timestamp");
  CHECK(f.Data("label/job/values") == R"(["a","b\u003c"])");
  CHECK(f.Data("label/U__job/values") == R"(["a","b\u003c"])");
  CHECK(f.Data("label/job/values?match%5B%5D=up%7Bjob=%22a%22%7D") == R"(["a"])");
  CHECK(f.Data("label/nope/values") == "[]");
  CHECK(f.Error("label/%ff/values") == "400 bad_data: invalid label name: \"\\xff\"");
  CHECK(f.Send("POST", "/api/v1/labels", "match[]=up").status == 200);
}

TEST_CASE("targets, pools and metadata") {
  Fixture f({.listen_address = "0.0.0.0:9090"});
  const std::string active =
      R"({"discoveredLabels":{"__address__":"localhost:9100","job":"node"},)"
      R"("labels":{"instance":"localhost:9100","job":"node"},"scrapePool":"node",)"
      R"("scrapeUrl":"http://localhost:9100/metrics",)"
      R"("globalUrl":"http://prom.example:9100/metrics","lastError":"",)"
      R"("lastScrape":"2023-11-14T22:13:20.000000005Z","lastScrapeDuration":0.25,"health":"up",)"
      R"("scrapeInterval":"15s","scrapeTimeout":"10s"})";
  const std::string dropped =
      R"({"discoveredLabels":{"__address__":"x:1"},"scrapePool":"old"})";
  CHECK(f.Data("targets") == R"({"activeTargets":[)" + active + R"(],"droppedTargets":[)" + dropped +
                                 R"(],"droppedTargetCounts":{"node":0,"old":1}})");
  CHECK(f.Data("targets?state=active") == R"({"activeTargets":[)" + active +
                                              R"(],"droppedTargets":[],"droppedTargetCounts":null})");
  CHECK(f.Data("targets?state=Dropped&scrapePool=x").starts_with(
      R"({"activeTargets":[],"droppedTargets":[{)"));
  CHECK(f.Data("scrape_pools") == R"({"scrapePools":["a","node"]})");
  CHECK(f.Data("scrape_pools/config?scrapePool=node") == R"({"yaml":"job_name: node\n"})");
  CHECK(f.Error("scrape_pools/config?scrapePool=x").starts_with("404 not_found: "));
  CHECK(f.Data("metadata") ==
        R"({"up_total":[{"type":"counter","help":"Ups.","unit":"s"},)"
        R"({"type":"gauge","help":"Other.","unit":""}],"zz":[{"type":"gauge","help":"Z.","unit":""}]})");
  CHECK(f.Data("metadata?limit=1&limit_per_metric=1") ==
        R"({"up_total":[{"type":"counter","help":"Ups.","unit":"s"}]})");
  CHECK(f.Data("metadata?metric=nope") == "{}");
  CHECK(f.Error("metadata?limit=x") == "400 bad_data: limit must be a number");
  CHECK(f.Data("targets/metadata?metric=zz") ==
        R"([{"target":{"instance":"b"},"type":"gauge","help":"Z.","unit":""}])");
  CHECK(f.Data("targets/metadata?match_target=%7Binstance=%22b%22%7D&limit=1") ==
        R"([{"target":{"instance":"b"},"metric":"up_total","type":"counter","help":"Ups.","unit":"s"}])");
}

TEST_CASE("rules, alerts and alertmanagers") {
  Fixture f;
  const std::string record =
      R"x({"name":"job:up:sum","query":"sum by (job) (up)","labels":{"team":"a"},"health":"ok",)x"
      R"("evaluationTime":0.000334166,"lastEvaluation":"2023-11-14T22:13:20Z","type":"recording"})";
  const std::string alert =
      R"({"labels":{"alertname":"Always"},"annotations":{"summary":"\u003cb\u003e"},)"
      R"("state":"firing","activeAt":"2023-11-14T22:13:20Z",)"
      R"("keepFiringSince":"2023-11-14T22:13:20Z","value":"1e+00"})";
  const std::string alerting =
      R"({"state":"firing","name":"Always","query":"vector(1) \u003e 0","duration":90,)"
      R"("keepFiringFor":0,"labels":{"severity":"page"},"annotations":{"summary":"\u003cb\u003e"},)"
      R"("alerts":[)" + alert + R"(],"health":"err","lastError":"bad","evaluationTime":0,)"
      R"("lastEvaluation":"0001-01-01T00:00:00Z","type":"alerting"})";
  auto group = [](std::string name, std::string file, std::string rules, int interval) {
    return fmt::format(R"({{"name":"{}","file":"{}","rules":[{}],"interval":{},"limit":0,)"
                       R"("evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z"}})",
                       name, file, rules, interval);
  };
  auto groups = [](std::string list) { return R"({"groups":[)" + list + "]}"; };
  const std::string h = group("h", "s.yml", record, 60);
  CHECK(f.Data("rules") == groups(group("g", "r.yml", record + "," + alerting, 30) + "," + h));
  CHECK(f.Data("rules?type=alert") == groups(group("g", "r.yml", alerting, 30)));
  CHECK(f.Data("rules?type=record&file%5B%5D=s.yml") == groups(h));
  CHECK(f.Data("rules?rule_name%5B%5D=Always&rule_group%5B%5D=g") ==
        groups(group("g", "r.yml", alerting, 30)));
  CHECK(f.Data("rules?match%5B%5D=%7Bseverity=%22page%22%7D") ==
        groups(group("g", "r.yml", alerting, 30)));
  CHECK(f.Data("rules?rule_name%5B%5D=nope") == groups(""));
  CHECK(f.Data("rules?exclude_alerts=true").find(R"("alerts":[])") != std::string::npos);
  CHECK(f.Error("rules?type=foo") ==
        "400 bad_data: invalid parameter \"type\": not supported value \"foo\"");
  CHECK(f.Error("rules?group_limit=0").find("greater than 0") != std::string::npos);
  CHECK(f.Error("rules?group_next_token=x").find("needs to be present") != std::string::npos);
  CHECK(f.Error("rules?group_limit=1&group_next_token=x").find("were rule groups changed") !=
        std::string::npos);
  const auto page = ParseJson(f.Get("/api/v1/rules?group_limit=1").body).value()["data"];
  CHECK(page["groups"].items().size() == 1);
  CHECK(page["groupNextToken"].AsString() == GroupToken("s.yml", "h"));
  CHECK(f.Data("rules?group_limit=1&group_next_token=" + GroupToken("s.yml", "h")) == groups(h));
  CHECK(f.Data("alerts") == R"({"alerts":[)" + alert + "]}");
  CHECK(f.Data("alertmanagers") ==
        R"({"activeAlertmanagers":[{"url":"http://am/api/v2/alerts"}],"droppedAlertmanagers":[]})");
}

TEST_CASE("status pages") {
  Fixture f;
  CHECK(f.Data("status/config") == R"({"yaml":"global:\n  a: \u003csecret\u003e\n"})");
  CHECK(f.Data("status/flags") == R"({"a":"1","b":"2"})");
  const auto info = ParseJson(f.Get("/api/v1/status/runtimeinfo").body).value()["data"];
  CHECK(info["serverTime"].AsString() == "2023-11-14T22:13:20Z");
  CHECK(info["storageRetention"].AsString() == "15d");
  CHECK(info["GOGC"].AsString() == "75");
  const auto build = ParseJson(f.Get("/api/v1/status/buildinfo").body).value()["data"];
  CHECK(build["version"].AsString().starts_with("3."));
  CHECK(build.Has("goVersion"));
  CHECK(f.Data("status/tsdb?limit=3") ==
        R"({"headStats":{"numSeries":7,"numLabelPairs":0,"chunkCount":0,"minTime":1,"maxTime":0},)"
        R"("seriesCountByMetricName":[{"name":"up","value":3}],"labelValueCountByLabelName":[],)"
        R"("memoryInBytesByLabelName":[],"seriesCountByLabelValuePair":[]})");
  CHECK(f.Error("status/tsdb?limit=0") == "400 bad_data: limit must be a positive number");
  CHECK(f.Error("status/tsdb?limit=10001").starts_with("400 "));
  CHECK(f.Data("status/walreplay") == R"({"min":1,"max":5,"current":3})");
  CHECK(f.Send("POST", "/api/v1/admin/tsdb/snapshot").body ==
        R"({"status":"error","errorType":"unavailable","error":"admin APIs disabled"})");
  CHECK(ParseJson(f.Get("/version").body).value()["version"].AsString().starts_with("3."));
}

TEST_CASE("the storage is administered over HTTP") {
  Options options;
  options.enable_admin_api = true;
  Fixture f(options);
  const std::string admin = "/api/v1/admin/tsdb/";
  const auto error = [&](const std::string& path) {
    const auto body = ParseJson(f.Send("POST", admin + path).body).value();
    return body["errorType"].AsString() + ": " + body["error"].AsString();
  };
  CHECK(f.Data("status/tsdb/blocks") == R"({"blocks":[{"ulid":"a"},{"ulid":"b"}]})");
  CHECK(f.Send("POST", admin + "snapshot").body == R"({"status":"success","data":{"name":"all"}})");
  CHECK(f.Send("PUT", admin + "snapshot?skip_head=T").body ==
        R"({"status":"success","data":{"name":"blocks"}})");
  CHECK(error("snapshot?skip_head=maybe") ==
        "bad_data: invalid parameter \"skip_head\": unable to parse boolean: "
        "strconv.ParseBool: parsing \"maybe\": invalid syntax");
  CHECK(error("delete_series") == "bad_data: no match[] parameter provided");
  CHECK(error("delete_series?match[]=up&start=x").starts_with("bad_data: invalid parameter \"start\""));
  CHECK(error("delete_series?match[]=up{").starts_with("bad_data: invalid parameter \"match[]\""));
  const auto cleaned = f.Send("POST", admin + "clean_tombstones");
  CHECK(cleaned.status == 204);
  CHECK(cleaned.body.empty());

  auto appender = f.db->NewAppender();
  for (const char* name : {"goes", "stays"}) {
    for (int64_t t = 0; t < 3; ++t) {
      REQUIRE(appender->Append(Labels{{"__name__", name}}, kNow - 3000 + t * 1000, 1).ok());
    }
  }
  REQUIRE(appender->Commit().ok());
  const std::string end = std::to_string(kNow / 1000 - 2);
  CHECK(f.Send("POST", admin + "delete_series?match[]=goes&end=" + end).status == 204);
  CHECK(f.Data("query?query=count_over_time(goes[10s])").find("\"1\"") != std::string::npos);
  CHECK(f.Data("query?query=count_over_time(stays[10s])").find("\"3\"") != std::string::npos);
  f.admin_status = ResourceExhausted("no space left");
  CHECK(error("clean_tombstones") == "internal: no space left");
  CHECK(error("snapshot") == "internal: no space left");
}

TEST_CASE("exemplars of the series an expression selects") {
  Fixture f;
  auto appender = f.db->NewAppender();
  for (const char* name : {"a", "b", "c"}) {
    const Labels series{{"__name__", name}, {"job", "x"}};
    REQUIRE(appender->Append(series, kNow, 1).ok());
    REQUIRE(appender
                ->AppendExemplar(series, {.labels = Labels{{"trace_id", "t\""}},
                                          .value = 0.25,
                                          .timestamp = kNow + 250})
                .ok());
  }
  REQUIRE(appender->Commit().ok());
  const std::string of_a =
      R"({"seriesLabels":{"__name__":"a","job":"x"},"exemplars":[{"labels":{"trace_id":"t\""},)"
      R"("value":"0.25","timestamp":1700000000.250}]})";
  CHECK(f.Data("query_exemplars?query=rate(a%5B5m%5D)&start=1700000000&end=1700000001") ==
        "[" + of_a + "]");
  const std::string both = f.Data("query_exemplars?query=sum(a)/b");
  CHECK(both.starts_with("[" + of_a + ",{"));
  CHECK(both.find("\"c\"") == std::string::npos);
  CHECK(f.Data("query_exemplars?query=a&start=1700000001") == "[]");
  CHECK(f.Data("query_exemplars?query=1") == "[]");
}

TEST_CASE("queries are formatted and taken apart") {
  Fixture f;
  CHECK(f.Data("format_query?query=sum(up)by(job)") == "\"sum by (job) (up)\"");
  CHECK(f.Error("format_query?query=sum(") ==
        "400 bad_data: invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis");
  CHECK(f.Data("parse_query?query=-rate(up%7Bjob!=%22x%22%7D%5B5m%5D%20offset%201m)%20%2B%20bool%201")
            .find("error") != std::string::npos);
  CHECK(f.Data("parse_query?query=sum(rate(up%5B5m%5D))%20%3E%20bool%202") ==
        R"({"type":"binaryExpr","bool":true,"lhs":{"type":"aggregation","expr":{"type":"call",)"
        R"("args":[{"type":"matrixSelector","anchored":false,"matchers":[{"name":"__name__",)"
        R"("type":"=","value":"up"}],"name":"up","smoothed":false,"offset":0,"startOrEnd":null,)"
        R"("timestamp":null,"range":300000}],"func":{"argTypes":["matrix"],"name":"rate",)"
        R"("returnType":"vector","variadic":0}},"grouping":[],"op":"sum","param":null,)"
        R"("without":false},"matching":null,"op":"\u003e","rhs":{"type":"numberLiteral","val":"2"}})");
  CHECK(f.Data("query_exemplars?query=up&start=1&end=2") == "[]");
  CHECK(f.Error("query_exemplars?query=up(").starts_with("400 bad_data: "));
}

TEST_CASE("until it is ready and once it stops the server says so") {
  Fixture f({}, /*ready=*/false);
  CHECK(f.Get("/-/healthy").body == "Prometheus Server is Healthy.\n");
  for (const char* path : {"/-/ready", "/api/v1/query?query=1", "/api/v1/status/config"}) {
    const auto response = f.Get(path);
    CHECK(response.status == 503);
    CHECK(response.body == "Service Unavailable");
    CHECK(response.headers.Get("X-Prometheus-Stopping") == "false");
  }
  CHECK(f.Get("/api/v1/status/walreplay").status == 200);
  CHECK(f.Get("/metrics").status == 200);
  CHECK(f.Get("/version").status == 200);
  CHECK(f.Get("/metrics").body.find("\nprometheus_ready 0\n") != std::string::npos);
  f.api->SetState(Api::State::kReady);
  CHECK(f.Get("/-/ready").body == "Prometheus Server is Ready.\n");
  CHECK(f.Get("/metrics").body.find("\nprometheus_ready 1\n") != std::string::npos);
  CHECK(f.Send("HEAD", "/-/ready").status == 200);
  f.api->SetState(Api::State::kStopping);
  CHECK(f.Get("/-/ready").headers.Get("X-Prometheus-Stopping") == "true");
  CHECK(f.Get("/-/healthy").status == 200);
}

TEST_CASE("reload and quit need the lifecycle API and a writing method") {
  Fixture off;
  for (const char* path : {"/-/reload", "/-/quit"}) {
    const auto refused = off.Send("POST", path);
    CHECK(refused.status == 403);
    CHECK(refused.body == "Lifecycle API is not enabled.");
    CHECK(off.Get(path).status == 405);
  }
  Fixture on({.enable_lifecycle = true});
  CHECK(on.Send("POST", "/-/reload").status == 200);
  on.reload_status = InvalidArgument("line 3: bad");
  const auto failed = on.Send("PUT", "/-/reload");
  CHECK(failed.status == 500);
  CHECK(failed.body == "failed to reload config: line 3: bad\n");
  CHECK(on.Get("/-/reload").status == 405);
  CHECK(on.Get("/-/reload").body == "Only POST or PUT requests allowed");
  CHECK(on.quits == 0);
  CHECK(on.Send("PUT", "/-/quit").body == "Requesting termination... Goodbye!");
  CHECK(on.quits == 1);
}

TEST_CASE("unknown paths, other methods and CORS") {
  Fixture f({.cors_origin = "https?://(a|b)\\.example"});
  CHECK(f.Get("/api/v1/nope").status == 404);
  CHECK(f.Get("/api/v1/nope").body == "404 page not found\n");
  CHECK(f.Send("DELETE", "/api/v1/query").status == 405);
  CHECK(f.Send("POST", "/api/v1/targets").status == 405);
  http::ClientRequest request;
  request.url = "/api/v1/labels";
  auto plain = f.Do(request);
  CHECK(plain.headers.Get("Vary").find("Origin") != std::string_view::npos);
  CHECK_FALSE(plain.headers.Has("Access-Control-Allow-Origin"));
  request.headers.Add("Origin", "http://a.example");
  auto known = f.Do(request);
  CHECK(known.headers.Get("Access-Control-Allow-Origin") == "http://a.example");
  CHECK(known.headers.Get("Access-Control-Expose-Headers") == "Date");
  request.headers.Set("Origin", "http://evil.example");
  CHECK_FALSE(f.Do(request).headers.Has("Access-Control-Allow-Origin"));
  request.method = "OPTIONS";
  CHECK(f.Do(request).status == 204);
  Fixture any;
  CHECK(any.Do(request).headers.Get("Access-Control-Allow-Origin") == "*");
  CHECK_FALSE(Api::Create({.cors_origin = "(("}, {}, &any.registry).ok());
}

TEST_CASE("requests are counted by route, below a prefix too") {
  Fixture f({.external_url = "http://x/p", .route_prefix = "/p"});
  const std::string count = "prometheus_http_requests_total";
  CHECK(f.Metric(count, "/api/v1/query", "200") == 0);
  CHECK(f.Get("/p/api/v1/query?query=1").status == 200);
  CHECK(f.Get("/p/api/v1/query?query=(").status == 400);
  CHECK(f.Get("/p/api/v1/label/job/values").status == 200);
  CHECK(f.Get("/api/v1/query?query=1").status == 404);
  CHECK(f.Metric(count, "/api/v1/query", "200") == 1);
  CHECK(f.Metric(count, "/api/v1/query", "400") == 1);
  CHECK(f.Metric(count, "/api/v1/label/:name/values", "200") == 1);
  CHECK(f.Metric("prometheus_http_request_duration_seconds", "/api/v1/query", "") == 2);
  CHECK(f.Metric("prometheus_http_response_size_bytes", "/api/v1/query", "") == 2);
}

TEST_CASE("a query ends when its client goes or the server stops") {
  Fixture f;
  std::atomic<bool> answered{false};
  // The engine polls while it evaluates: a query heavy enough to be still at work.
  std::thread slow([&] {
    const auto response =
        f.Get("/api/v1/query?query=count_over_time((vector(time())%5E2)%5B100000000s:1s%5D)&time="
              "1700000000&timeout=60");
    answered = true;
    CHECK(response.status != 200);
  });
  while (!answered && f.server->stats().requests == 0) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  f.api->SetState(Api::State::kStopping);
  slow.join();
  CHECK(answered);
}

TEST_CASE("timestamps and times") {
  auto stamp = [](TimestampMs ms) {
    std::string out;
    AppendTimestamp(&out, ms);
    return out;
  };
  CHECK(stamp(0) == "0");
  CHECK(stamp(1) == "0.001");
  CHECK(stamp(-1) == "-0.001");
  CHECK(stamp(1250) == "1.250");
  CHECK(stamp(1'700'000'000'000) == "1700000000");
  CHECK(stamp(-9'223'372'036'854'775'807 - 1) == "-9223372036854775.808");
  CHECK(ParseTime("1.0004").value() == 1000);
  CHECK(ParseTime("1.0005").value() == 1001);
  CHECK(ParseTime("1e300").value() == kMaxTime);
  CHECK(ParseTime("-292273086-05-16T16:47:06Z").value() == kMinTime);
  CHECK(ParseTime("292277025-08-18T07:12:54.999999999Z").value() == kMaxTime);
  CHECK(ParseTime("1969-12-31T23:59:59.9999Z").value() == -1);
  CHECK_FALSE(ParseTime("NaN").ok());
  CHECK_FALSE(ParseTime("").ok());
  CHECK(ParseDurationNanos("1.5").value() == 1'500'000'000);
  CHECK(ParseDurationNanos("1h").value() == 3'600'000'000'000);
  CHECK(GroupToken("", "").size() == 64);
  // sha256sum of "r.yml;g"
  CHECK(GroupToken("r.yml", "g") ==
        "25584567aac5cc53b06cd53d545b9ed46dedafacb6ce5bff68ea22a8605166ac");
}

TEST_CASE("federation: the newest samples, with the server's labels where there are none") {
  Fixture f;
  f.Fill();
  auto appender = f.db->NewAppender();
  const auto append = [&](const char* name, const char* job, TimestampMs t, double v) {
    REQUIRE(appender->Append({{"__name__", name}, {"instance", "i"}, {"job", job}}, t, v).ok());
  };
  append("up", "gone", kNow - 1000, 1);
  append("up", "gone", kNow, storage::StaleNaN());
  append("up", "old", kNow - 301'000, 1);
  append("a", "new", kNow - 299'000, 7);
  append("a", "future", kNow + 1000, 7);
  REQUIRE(appender->Commit().ok());
  const auto answer = f.Get("/federate?match%5B%5D=up&match%5B%5D=a&match%5B%5D=up%7Bjob=%22a%22%7D");
  CHECK(answer.status == 200);
  CHECK(answer.headers.Get("Content-Type") ==
        "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  CHECK(answer.body ==
        "# TYPE a untyped\na{instance=\"i\",job=\"new\",zone=\"z\"} 7 1699999701000\n"
        "# TYPE up untyped\nup{job=\"a\",instance=\"\",zone=\"z\"} 4.5 1700000000000\n"
        "up{job=\"b<\",instance=\"\",zone=\"z\"} 4.5 1700000000000\n");
  CHECK(f.Get("/federate").body.empty());
  CHECK(f.Get("/federate?match%5B%5D=%7B%7D").body.empty());
  const auto bad = f.Get("/federate?match%5B%5D=up%7B");
  CHECK(bad.status == 400);
  CHECK(bad.body == "1:4: parse error: unexpected end of input inside braces\n");
  CHECK(f.Send("POST", "/federate?match%5B%5D=up", "").status == 405);
  CHECK(Fixture({}, false).Get("/federate?match%5B%5D=up").status == 503);
}

TEST_CASE("notifications tell what an operator should know, also before the server is ready") {
  Fixture f({}, false);
  const std::string date = R"(","date":"2023-11-14T22:13:20Z","active":true})";
  CHECK(f.Data("notifications") ==
        R"([{"text":"Prometheus is starting and replaying the write-ahead log (WAL).)" + date + "]");
  f.api->SetState(Api::State::kReady);
  CHECK(f.Data("notifications") == "[]");
  f.reload_status = InvalidArgument("no");
  CHECK(f.Data("notifications") == R"([{"text":"Configuration reload has failed.)" + date + "]");
  f.api->SetState(Api::State::kStopping);
  CHECK(f.Data("notifications") ==
        R"([{"text":"Prometheus is shutting down and gracefully stopping all operations.)" + date +
            R"(,{"text":"Configuration reload has failed.)" + date + "]");
}

}  // namespace
}  // namespace narthex::api
