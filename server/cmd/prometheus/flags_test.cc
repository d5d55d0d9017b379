#include "server/cmd/prometheus/flags.h"

#include "core/base/file.h"
#include "core/http/route_prefix.h"
#include "server/cmd/prometheus/active_queries.h"
#include "server/cmd/prometheus/features.h"
#include "server/cmd/prometheus/query_log.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

namespace narthex::prometheus {
namespace {

TEST_CASE("flags that cannot act are refused by name, with upstream's exit codes") {
  struct Case {
    std::vector<std::string> arguments;
    int exit_code;  // 0: accepted
    std::string error;
  };
  const Case cases[] = {
      {{}, 0, ""},
      // What the charts and the operator pass.
      {{"--web.console.templates=/x", "--web.console.libraries=/y",
        "--storage.tsdb.retention.time=15d", "--web.enable-lifecycle", "--storage.tsdb.no-lockfile",
        "--no-storage.tsdb.wal-compression", "--storage.tsdb.min-block-duration=2h",
        "--storage.tsdb.max-block-duration=2h", "--auto-gomemlimit.ratio=0.8",
        "--enable-feature=native-histograms,promql-experimental-functions"},
       0,
       ""},
      {{"--agent"}, 1, "flag --agent: known to Prometheus, not implemented here"},
      {{"--storage.agent.path=x"}, 3, "can only be used in agent mode"},
      {{"--web.enable-remote-write-receiver"}, 0, ""},
      {{"--web.remote-write-receiver.accepted-protobuf-messages=prometheus.WriteRequest"}, 0, ""},
      {{"--web.remote-write-receiver.accepted-protobuf-messages=io.prometheus.write.v2.Request"},
       1,
       "not implemented here"},
      {{"--web.remote-write-receiver.accepted-protobuf-messages=foo"},
       1,
       "unknown remote write protobuf message foo"},
      {{"--web.enable-otlp-receiver"}, 1, "flag --web.enable-otlp-receiver=true"},
      {{"--no-web.enable-otlp-receiver"}, 0, ""},
      {{"--storage.tsdb.min-block-duration=1s"}, 2, "'storage.tsdb.min-block-duration' must be"},
      {{"--storage.tsdb.block-reload-interval=10ms"}, 0, ""},
      {{"--storage.tsdb.wal-segment-size=9MB"}, 1, "must be set between 10MB and 256MB"},
      {{"--storage.tsdb.wal-segment-size=257MB"}, 1, "must be set between 10MB and 256MB"},
      {{"--storage.tsdb.max-block-chunk-segment-size=1KB"}, 1, "must be set over 1MB"},
      {{"--storage.remote.read-sample-limit=1e3", "--storage.remote.read-concurrent-limit=0",
        "--storage.remote.read-max-bytes-in-frame=1"},
       0,
       ""},
      {{"--storage.tsdb.samples-per-chunk=30", "--storage.tsdb.head-chunks-write-queue-size=1000"},
       0,
       ""},
      {{"--web.user-assets=/x"}, 1, "flag --web.user-assets=/x"},
      {{"--enable-feature=exemplar-storage,metadata-wal-records"}, 0, ""},
      {{"--enable-feature=created-timestamp-zero-ingestion"}, 0, ""},
      {{"--enable-feature=st-storage"},
       1,
       "--enable-feature=st-storage: known to Prometheus, not implemented here: samples keep no "
       "start timestamps here: the layout of the chunks that would hold them is documented "
       "nowhere"},
      {{"--enable-feature=type-and-unit-labels,histograms-st-encoding"},
       1,
       "--enable-feature=histograms-st-encoding: known to Prometheus, not implemented here: the "
       "layout of these chunks"},
      {{"--enable-feature=type-and-unit-labels"}, 0, ""},
      {{"--enable-feature=no-such-thing"}, 0, ""},
      {{"--auto-gomemlimit.ratio=1.5"}, 1, "--auto-gomemlimit.ratio must be greater than 0"},
      {{"--query.max-concurrency=0"}, 2, "--query.max-concurrency must be greater than 0"},
      {{"--query.lookback-delta=0s"}, 0, ""},
      {{"--query.max-samples=0"}, 2, "--query.max-samples must be greater than 0"},
      {{"--storage.tsdb.head-series-limit=1000000", "--storage.tsdb.memory-budget-ratio=0"}, 0, ""},
      {{"--storage.tsdb.memory-budget-ratio=1"}, 0, ""},
      {{"--storage.tsdb.head-series-limit=-1"}, 2, "--storage.tsdb.head-series-limit must not be"},
      {{"--storage.tsdb.memory-budget-ratio=1.1"}, 2, "memory-budget-ratio must be in [0, 1]"},
      {{"--storage.tsdb.memory-budget-ratio=NaN"}, 2, "memory-budget-ratio must be in [0, 1]"},
  };
  for (const Case& c : cases) {
    Flags flags;
    const Status parsed = flags.set.TryParse(c.arguments);
    INFO(fmt::format("{}", fmt::join(c.arguments, " ")));
    INFO(MessageOf(parsed));
    REQUIRE(parsed.ok());
    int exit_code = 0;
    const Status status = flags.Check(&exit_code);
    INFO(MessageOf(status));
    CHECK(status.ok() == (c.exit_code == 0));
    if (status.ok()) continue;
    CHECK(exit_code == c.exit_code);
    CHECK(std::string(MessageOf(status)).find(c.error) != std::string::npos);
  }
}

TEST_CASE("durations of the storage are durations") {
  const std::pair<const char*, const char*> cases[] = {
      {"--storage.tsdb.retention.time=abc", "not a valid duration string: \"abc\""},
      {"--storage.tsdb.retention.time=300y", "duration out of range"},
      {"--storage.tsdb.max-block-duration=x", "not a valid duration string: \"x\""}};
  for (const auto& [argument, error] : cases) {
    Flags flags;
    const Status parsed = flags.set.TryParse({argument});
    INFO(argument);
    CHECK_FALSE(parsed.ok());
    CHECK(std::string(MessageOf(parsed)).find(error) != std::string::npos);
  }
  Flags flags;
  REQUIRE(flags.set.TryParse({"--storage.tsdb.block-reload-interval=10ms"}).ok());
  int exit_code = 0;
  REQUIRE(flags.Check(&exit_code).ok());
  CHECK(*flags.block_reload_ms == 1000);
  CHECK(*flags.retention_time_ms == 0);
}

TEST_CASE("features are told by category") {
  const auto of = [](const std::vector<std::string>& arguments) {
    Flags flags;
    int exit_code = 0;
    REQUIRE(flags.set.TryParse(arguments).ok());
    REQUIRE(flags.Check(&exit_code).ok());
    return DescribeFeatures(flags);
  };
  const auto plain = of({});
  CHECK(plain.size() == 12);
  // As many as upstream has of each.
  CHECK(plain.at("promql_functions").size() == 90);
  CHECK(plain.at("promql_operators").size() == 35);
  CHECK(plain.at("service_discovery_providers").size() == 37);
  CHECK(plain.at("templating_functions").size() == 29);
  CHECK(plain.at("promql_functions").at("rate"));
  CHECK_FALSE(plain.at("promql_functions").at("mad_over_time"));
  CHECK_FALSE(plain.at("promql_operators").at("limitk"));
  CHECK(plain.at("promql_operators").at("!~"));
  CHECK(plain.at("service_discovery_providers").at("kubernetes"));
  CHECK_FALSE(plain.at("service_discovery_providers").at("azure"));
  CHECK_FALSE(plain.at("promql").at("anchored"));
  CHECK_FALSE(plain.at("api").at("admin"));
  const auto more = of({"--web.enable-admin-api", "--enable-feature=promql-experimental-functions",
                        "--enable-feature=promql-extended-range-selectors"});
  CHECK(more.at("promql_functions").at("mad_over_time"));
  CHECK_FALSE(more.at("promql_functions").at("start_timestamp"));
  CHECK(more.at("promql_operators").at("limitk"));
  CHECK(more.at("promql").at("anchored"));
  CHECK(more.at("api").at("admin"));
}

TEST_CASE("queries may hold a share of the memory there is") {
  constexpr int64_t kGi = 1 << 30;
  CHECK(DefaultQueryMemory(2 * kGi).query == kGi / 2);
  CHECK(DefaultQueryMemory(3 * kGi).total == kGi);
  CHECK(DefaultQueryMemory(64 * kGi).query == kGi);
  CHECK(DefaultQueryMemory(1 << 20).query == 64 << 20);
  CHECK(DefaultQueryMemory(0).total == 2 * kGi);
  Flags flags;
  REQUIRE(flags.set.TryParse({"--query.memory-limit=256MB"}).ok());
  CHECK(*flags.query_memory_limit == 256 << 20);
  CHECK(*flags.query_total_memory_limit > 0);
}

TEST_CASE("every flag of Prometheus is known and shown with its value") {
  Flags flags;
  REQUIRE(
      flags.set
          .TryParse({"--query.timeout=90s", "--web.listen-address=:1", "--web.listen-address=:2"})
          .ok());
  std::map<std::string, std::string> values;
  for (const auto& [name, value] : flags.set.Values()) values[name] = value;
  CHECK(values["query.timeout"] == "1m30s");
  CHECK(values["config.file"] == "prometheus.yml");
  CHECK(values["query.max-samples"] == "50000000");
  CHECK(values["storage.tsdb.head-series-limit"] == "0");
  CHECK(values["storage.tsdb.memory-budget-ratio"] == "0.9");
  for (const char* name : {"agent",
                           "alertmanager.drain-notification-queue-on-shutdown",
                           "alertmanager.notification-queue-capacity",
                           "auto-gomaxprocs",
                           "auto-gomemlimit",
                           "auto-gomemlimit.ratio",
                           "config.auto-reload-interval",
                           "enable-feature",
                           "log.format",
                           "log.level",
                           "query.lookback-delta",
                           "query.max-concurrency",
                           "rules.alert.resend-delay",
                           "rules.max-concurrent-evals",
                           "scrape.adjust-timestamps",
                           "scrape.discovery-reload-interval",
                           "scrape.timestamp-tolerance",
                           "storage.agent.wal-truncate-frequency",
                           "storage.remote.flush-deadline",
                           "storage.tsdb.allow-overlapping-compaction",
                           "storage.tsdb.path",
                           "storage.tsdb.retention.time",
                           "storage.tsdb.wal-compression-type",
                           "web.config.file",
                           "web.cors.origin",
                           "web.external-url",
                           "web.max-connections",
                           "web.page-title",
                           "web.read-timeout",
                           "web.route-prefix",
                           "web.search.max-limit"}) {
    INFO(name);
    CHECK(values.contains(name));
  }
}

TEST_CASE("external URL and route prefix") {
  struct Case {
    std::string url, prefix, want_url, want_prefix;
  };
  const Case cases[] = {
      {"http://h:1/", "", "http://h:1", ""},
      {"https://h/p/q/", "", "https://h/p/q", "/p/q"},
      {"https://h/p", "/", "https://h/p", ""},
      {"https://h/p", "x/", "https://h/p", "/x"},
      {"/p/", "", "/p", "/p"},
  };
  for (const Case& c : cases) {
    const auto url = ResolveExternalUrl(c.url, "0.0.0.0:9090");
    REQUIRE(url.ok());
    CHECK(*url == c.want_url);
    CHECK(*http::RoutePrefix(c.prefix, *url) == c.want_prefix);
  }
  CHECK(ResolveExternalUrl("", "0.0.0.0:9090")->ends_with(":9090"));
  CHECK_FALSE(ResolveExternalUrl("\"http://h\"", ":1").ok());
  CHECK_FALSE(ResolveExternalUrl("not a url", ":1").ok());
}

TEST_CASE("query log lines") {
  promql::QueryLogEntry entry;
  entry.query = "up";
  entry.start = 1000;
  entry.end = 2000;
  entry.step_ms = 1000;
  entry.status = InvalidArgument("bad");
  entry.origin = {{"httpRequest.path", "/api/v1/query"}, {"httpRequest.method", "GET"}};
  const std::string line = FormatQueryLogEntry(entry, 1'500'000'000);
  for (const char* want :
       {"\"query\":\"up\"", "\"start\":\"1970-01-01T00:00:01.000Z\"", "\"step\":1",
        "\"error\":\"bad\"", "\"httpRequest\":{\"method\":\"GET\",\"path\":\"/api/v1/query\"}",
        "\"execTotalTime\":"}) {
    INFO(line);
    CHECK(line.find(want) != std::string::npos);
  }
}

TEST_CASE("queries that a crash cut off are found again") {
  const TempDir folder;
  const std::string& dir = folder.path();
  {
    auto active = ActiveQueries::Open(dir, 2);
    REQUIRE(active.ok());
    CHECK(ReadFile(dir + "/queries.active")->size() == 2001);
    const int done = (*active)->QueryStarted("done");
    const int left = (*active)->QueryStarted("left \"quoted\"");
    CHECK((*active)->QueryStarted("one too many") == -1);
    CHECK(left != done);
    (*active)->QueryEnded(done);
    (*active)->QueryEnded(-1);
    CHECK(UnfinishedQueries(*ReadFile(dir + "/queries.active")) ==
          std::vector<std::string>{"left \"quoted\""});
    (*active)->QueryStarted(std::string(5000, '"'));
    const auto both = UnfinishedQueries(*ReadFile(dir + "/queries.active"));
    REQUIRE(both.size() == 2);
    CHECK((both[0].starts_with("\"\"\"") || both[1].starts_with("\"\"\"")));
  }
  auto again = ActiveQueries::Open(dir, 2);
  REQUIRE(again.ok());
  CHECK(UnfinishedQueries(*ReadFile(dir + "/queries.active")).empty());
  CHECK(UnfinishedQueries("").empty());
  CHECK(UnfinishedQueries(std::string(3000, 'x')).empty());
}

}  // namespace
}  // namespace narthex::prometheus
