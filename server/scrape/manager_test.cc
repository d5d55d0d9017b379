#include "server/scrape/manager.h"

#include "core/base/file.h"
#include "core/compress/gzip.h"
#include "server/scrape/manager_rig.h"
#include "server/scrape/raw_server.h"
#include "tests/temp_dir.h"

namespace narthex::scrape {
namespace {

// A target whose body the test changes.
struct Exporter {
  Mutex mutex;
  std::string body GUARDED_BY(mutex) = "a 1\n";
  std::string type GUARDED_BY(mutex) = "text/plain; version=0.0.4";
  std::string status GUARDED_BY(mutex) = "200 OK";
  std::string last_head GUARDED_BY(mutex);
  std::atomic<int> scrapes{0};
  RawServer server{[this](const RawServer::Peer& peer) {
    std::string answer;
    {
      MutexLock lock(mutex);
      last_head = peer.head();
      answer = HttpAnswer(body, type, status);
    }
    ++scrapes;
    peer.Send(answer);
  }};

  void Set(std::string text, std::string content_type = "text/plain; version=0.0.4",
           std::string code = "200 OK") {
    MutexLock lock(mutex);
    body = std::move(text);
    type = std::move(content_type);
    status = std::move(code);
  }
  std::string head() {
    MutexLock lock(mutex);
    return last_head;
  }
  std::string Series(const std::string& name) const {
    return fmt::format("{}{{instance=\"{}\", job=\"j\"}}", name, server.address());
  }
};

bool EndsStale(const FakeStorage::Samples& samples) {
  return !samples.empty() && storage::IsStaleNaN(samples.back().second);
}
bool EndsWith(const FakeStorage::Samples& samples, double v) {
  return !samples.empty() && samples.back().second == v;
}

TEST_CASE("what is scraped before the storage is there waits for it") {
  ManagerRig rig({}, /*hold=*/true);
  Exporter exporter;
  rig.Apply(ManagerRig::OneJob(""));
  rig.SetTargets({exporter.server.address()});
  REQUIRE(Eventually([&] { return exporter.scrapes >= 1; }));
  const TimestampMs scraped_before = Clock::System().NowMs();
  // Later turns are missed, not queued: another target's scrapes take several of them.
  Exporter other;
  rig.SetTargets({exporter.server.address(), other.server.address()});
  REQUIRE(Eventually([&] { return other.scrapes >= 1; }));
  CHECK(exporter.scrapes == 1);
  CHECK(rig.storage.Get(exporter.Series("a")).empty());
  rig.manager->Release();
  REQUIRE(Eventually([&] { return rig.storage.Get(exporter.Series("a")).size() >= 3; }));
  const auto samples = rig.storage.Get(exporter.Series("a"));
  CHECK(samples.front().first <= scraped_before);
  CHECK(samples.front().second == 1);
}

TEST_CASE("a manager stops while scrapes wait for the storage") {
  ManagerRig rig({}, /*hold=*/true);
  Exporter exporter;
  rig.Apply(ManagerRig::OneJob(""));
  rig.SetTargets({exporter.server.address()});
  REQUIRE(Eventually([&] { return exporter.scrapes >= 1; }));
  rig.manager->Stop();
  CHECK(rig.storage.Get(exporter.Series("a")).empty());
}

TEST_CASE("a target is scraped on its grid, with upstream's request and report series") {
  ManagerRig rig;
  Exporter exporter;
  rig.Apply(ManagerRig::OneJob("  extra_scrape_metrics: true\n  sample_limit: 50\n"));
  rig.SetTargets({exporter.server.address()});
  REQUIRE(Eventually([&] { return rig.storage.Get(exporter.Series("a")).size() >= 5; }));
  const auto samples = rig.storage.Get(exporter.Series("a"));
  for (const auto& [t, v] : samples) CHECK(v == 1);
  CHECK(EndsWith(rig.storage.Get(exporter.Series("up")), 1));
  CHECK(EndsWith(rig.storage.Get(exporter.Series("scrape_samples_scraped")), 1));
  CHECK(EndsWith(rig.storage.Get(exporter.Series("scrape_samples_post_metric_relabeling")), 1));
  CHECK(rig.storage.Get(exporter.Series("scrape_series_added"))[0].second == 1);
  CHECK(EndsWith(rig.storage.Get(exporter.Series("scrape_series_added")), 0));
  CHECK(EndsWith(rig.storage.Get(exporter.Series("scrape_timeout_seconds")), 0.1));
  CHECK(EndsWith(rig.storage.Get(exporter.Series("scrape_sample_limit")), 50));
  CHECK(EndsWith(rig.storage.Get(exporter.Series("scrape_body_size_bytes")), 4));
  const double duration = rig.storage.Get(exporter.Series("scrape_duration_seconds"))[0].second;
  CHECK(duration > 0);
  const std::string head = exporter.head();
  CHECK(head.starts_with("GET /metrics HTTP/1.1\r\n"));
  for (const char* want :
       {"Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/"
        "*;q=0.2",
        "Accept-Encoding: gzip", "X-Prometheus-Scrape-Timeout-Seconds: 0.1",
        "User-Agent: Prometheus/test"}) {
    INFO(head);
    CHECK(head.find(want) != std::string::npos);
  }
  const TargetsSnapshot targets = rig.manager->Targets("j");
  REQUIRE(targets.active.size() == 1);
  CHECK(targets.active[0].health == Health::kUp);
  CHECK(targets.active[0].scrape_url == "http://" + exporter.server.address() + "/metrics");
  CHECK(targets.active[0].last_scrape_nanos > 0);
  CHECK(rig.manager->PoolNames() == std::vector<std::string>{"j"});
  CHECK(rig.manager->Targets("other").active.empty());
}

TEST_CASE("what goes wrong stands in lastError, up is 0 and the series end") {
  struct Case {
    std::string body, type, status, keys, error;
  };
  const Case cases[] = {
      {"a 1\n", "text/plain", "503 Service Unavailable", "",
       "server returned HTTP status 503 Service Unavailable"},
      {"a 1\n", "", "200 OK", "",
       "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol "
       "specified for target"},
      {"a 1\n", "text/html", "200 OK", "",
       "received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol specified "
       "for target"},
      {"<html>", "text/plain", "200 OK", "", "expected"},
      {"a 1\nb 2\n", "text/plain", "200 OK", "  sample_limit: 1\n", "sample limit exceeded"},
      {"a{long=\"label\"} 1\n", "text/plain", "200 OK", "  label_limit: 3\n",
       "label_limit exceeded"},
      {"a 1\nb 2\nc 3\nd 4\n", "text/plain", "200 OK", "  body_size_limit: 10B\n",
       "body size limit exceeded"},
  };
  for (const Case& c : cases) {
    INFO(c.error);
    ManagerRig rig;
    Exporter exporter;
    exporter.Set("a 1\n");
    rig.Apply(ManagerRig::OneJob(c.keys));
    rig.SetTargets({exporter.server.address()});
    REQUIRE(Eventually([&] { return EndsWith(rig.storage.Get(exporter.Series("up")), 1); }));
    exporter.Set(c.body, c.type, c.status);
    CHECK(Eventually([&] { return EndsWith(rig.storage.Get(exporter.Series("up")), 0); }));
    CHECK(EndsStale(rig.storage.Get(exporter.Series("a"))));
    CHECK(rig.LastError().find(c.error) == 0);
    exporter.Set("a 1\n");
    CHECK(Eventually([&] { return EndsWith(rig.storage.Get(exporter.Series("up")), 1); }));
    CHECK(Eventually([&] { return EndsWith(rig.storage.Get(exporter.Series("a")), 1); }));
    CHECK(rig.LastError().empty());
  }
}

TEST_CASE("a fallback protocol saves a target without Content-Type") {
  ManagerRig rig;
  Exporter exporter;
  exporter.Set("a 1\n", "");
  rig.Apply(ManagerRig::OneJob("  fallback_scrape_protocol: PrometheusText0.0.4\n"));
  rig.SetTargets({exporter.server.address()});
  CHECK(Eventually([&] { return EndsWith(rig.storage.Get(exporter.Series("a")), 1); }));
}

TEST_CASE("gzip bodies are read, and bounded after decompression") {
  ManagerRig rig;
  const std::string body = "a 1\n" + std::string(2'000'000, '\n');
  RawServer server([&](const RawServer::Peer& peer) {
    peer.Send(HttpAnswer(GzipCompress(peer.path() == "/bomb" ? body : "a 1\n"), "text/plain",
                         "200 OK", "Content-Encoding: gzip\r\n"));
  });
  const std::string series = fmt::format("a{{instance=\"{}\", job=\"j\"}}", server.address());
  rig.Apply(ManagerRig::OneJob("  body_size_limit: 100KB\n"));
  rig.SetTargets({server.address()});
  REQUIRE(Eventually([&] { return EndsWith(rig.storage.Get(series), 1); }));
  rig.Apply(ManagerRig::OneJob("  body_size_limit: 100KB\n  metrics_path: /bomb\n"));
  CHECK(Eventually([&] { return rig.LastError() == "body size limit exceeded"; }));
  CHECK(rig.Metric("prometheus_target_scrapes_exceeded_body_size_limit_total") >= 1);
}

TEST_CASE("a vanished target ends after the usual delay, one that returns in time does not") {
  ManagerRig rig;
  Exporter exporter;
  rig.Apply(ManagerRig::OneJob(""));
  rig.SetTargets({exporter.server.address()});
  REQUIRE(Eventually([&] { return EndsWith(rig.storage.Get(exporter.Series("up")), 1); }));
  rig.SetTargets({});
  REQUIRE(Eventually([&] { return rig.manager->Targets().active.empty(); }));
  CHECK(Eventually([&] { return EndsStale(rig.storage.Get(exporter.Series("up"))); }));
  CHECK(EndsStale(rig.storage.Get(exporter.Series("a"))));
  rig.SetTargets({exporter.server.address()});
  CHECK(Eventually([&] { return EndsWith(rig.storage.Get(exporter.Series("up")), 1); }));

  // Gone and back between two scrapes of a slow job: nothing ends.
  ManagerRig slow;
  slow.Apply(ManagerRig::OneJob("", "1s"));
  slow.SetTargets({exporter.server.address()});
  REQUIRE(Eventually([&] { return slow.storage.Get(exporter.Series("up")).size() == 1; }));
  slow.SetTargets({});
  REQUIRE(Eventually([&] { return slow.manager->Targets().active.empty(); }));
  slow.SetTargets({exporter.server.address()});
  REQUIRE(Eventually([&] { return slow.storage.Get(exporter.Series("up")).size() >= 4; }));
  for (const auto& [t, v] : slow.storage.Get(exporter.Series("up"))) CHECK(v == 1);
}

TEST_CASE("no stale markers when the server stops") {
  ManagerRig rig;
  Exporter exporter;
  rig.Apply(ManagerRig::OneJob(""));
  rig.SetTargets({exporter.server.address()});
  REQUIRE(Eventually([&] { return EndsWith(rig.storage.Get(exporter.Series("up")), 1); }));
  rig.manager->Stop();
  for (const auto& [series, samples] : rig.storage.All()) CHECK_FALSE(EndsStale(samples));
}

TEST_CASE("reload: unchanged pools stay, relabelling takes effect, removed jobs end") {
  ManagerRig rig;
  Exporter exporter;
  exporter.Set("a 1\nb 2\n");
  rig.Apply(ManagerRig::OneJob(""));
  rig.SetTargets({exporter.server.address()});
  REQUIRE(Eventually([&] { return EndsWith(rig.storage.Get(exporter.Series("b")), 2); }));
  rig.Apply(ManagerRig::OneJob(""));
  CHECK(rig.Metric("prometheus_target_scrape_pool_reloads_total") == 0);
  rig.Apply(ManagerRig::OneJob(
      "  metric_relabel_configs:\n  - {source_labels: [__name__], regex: b, action: drop}\n"));
  CHECK(rig.Metric("prometheus_target_scrape_pool_reloads_total") == 1);
  CHECK(Eventually([&] { return EndsStale(rig.storage.Get(exporter.Series("b"))); }));
  CHECK(EndsWith(rig.storage.Get(exporter.Series("a")), 1));
  // Another interval: the target keeps its series.
  rig.Apply(ManagerRig::OneJob("", "50ms"));
  CHECK(Eventually([&] {
    const auto active = rig.manager->Targets().active;
    return active.size() == 1 && active[0].interval_ms == 50 &&
           EndsWith(rig.storage.Get(exporter.Series("b")), 2);
  }));
  for (const auto& [t, v] : rig.storage.Get(exporter.Series("a"))) CHECK(v == 1);
  rig.Apply(*config::Load("scrape_configs: []\n", "/", "t.yml"));
  CHECK(Eventually([&] { return EndsStale(rig.storage.Get(exporter.Series("a"))); }));
  CHECK(rig.manager->PoolNames().empty());
}

TEST_CASE("target_limit fails every target, dropped targets are listed") {
  ManagerRig rig;
  Exporter one, two;
  rig.Apply(ManagerRig::OneJob("  target_limit: 1\n"));
  rig.SetTargets({one.server.address(), two.server.address()});
  REQUIRE(Eventually([&] { return EndsWith(rig.storage.Get(two.Series("up")), 0); }));
  for (const ActiveTarget& t : rig.manager->Targets().active) {
    if (t.health == Health::kUnknown) continue;
    CHECK(t.last_error == "target_limit exceeded (number of targets: 2, limit: 1)");
  }
  CHECK(one.scrapes == 0);
  rig.SetTargets({one.server.address()});
  CHECK(Eventually([&] { return EndsWith(rig.storage.Get(one.Series("up")), 1); }));

  rig.Apply(
      ManagerRig::OneJob("  keep_dropped_targets: 1\n  relabel_configs:\n  - {source_labels: "
                         "[__address__], regex: 'x.*', action: drop}\n"));
  rig.SetTargets({"x1", "x2", "http://bad/x"});
  REQUIRE(Eventually([&] { return rig.manager->Targets().dropped_counts["j"] == 2; }));
  CHECK(rig.manager->Targets().dropped.size() == 1);
  CHECK(rig.manager->Targets("another").dropped_counts["j"] == 2);  // as upstream
  CHECK(rig.Metric("prometheus_target_sync_failed_total") >= 1);
}

TEST_CASE("of targets that come to the same one is scraped, and the last one is shown") {
  ManagerRig rig;
  Exporter exporter;
  rig.Apply(ManagerRig::OneJob(""));
  auto sets = std::make_shared<discovery::TargetSets>();
  for (const char* from : {"first", "second", "third"}) {
    auto group = std::make_shared<discovery::TargetGroup>();
    group->source = from;
    group->targets = {Labels{{"__address__", exporter.server.address()}}};
    group->labels = Labels{{"__meta_from", from}};
    (*sets)["j"].push_back(std::move(group));
  }
  rig.manager->UpdateTargets(std::move(sets));
  REQUIRE(Eventually([&] { return rig.manager->Targets().active.size() == 1; }));
  const Labels discovered = rig.manager->Targets().active[0].discovered_labels;
  CHECK(discovered.Get("__meta_from") == "third");
}

TEST_CASE("a job whose files are not there yet begins when they are, and delays nobody") {
  ManagerRig rig;
  Exporter exporter;
  const TempDir scratch;
  const std::string& dir = scratch.path();
  const auto config = config::Load(
      fmt::format(
          "scrape_configs:\n- {{job_name: j, scrape_interval: 50ms, scrape_timeout: 50ms}}\n"
          "- {{job_name: late, tls_config: {{ca_file: {}/ca.pem}}}}\n",
          dir),
      "/", "t.yml");
  REQUIRE(config.ok());
  CHECK(rig.manager->ApplyConfig(*config).ok());
  rig.SetTargets({exporter.server.address()});
  CHECK(Eventually([&] { return EndsWith(rig.storage.Get(exporter.Series("a")), 1); }));
  CHECK(rig.manager->PoolNames() == std::vector<std::string>{"j"});
  CHECK(rig.Metric("prometheus_target_scrape_pools_failed_total") >= 1);
  REQUIRE(std::system(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                       "-subj /CN=x -days 1 -keyout /dev/null -out " +
                       dir + "/ca.pem 2>/dev/null")
                          .c_str()) == 0);
  rig.SetTargets({exporter.server.address()}, Labels{{"x", "y"}});
  CHECK(Eventually([&] { return rig.manager->PoolNames().size() == 2; }));

  // A failure log that cannot be written is told, and the old configuration stays.
  const auto log = config::Load(
      fmt::format("scrape_configs:\n- {{job_name: k, scrape_failure_log_file: {}/none/x}}\n", dir),
      "/", "t.yml");
  REQUIRE(log.ok());
  CHECK_FALSE(rig.manager->ApplyConfig(*log).ok());
  CHECK(rig.manager->PoolNames().size() == 2);
}

TEST_CASE("metadata of active targets; the failure log") {
  ManagerRig rig;
  Exporter exporter;
  exporter.Set("# HELP a Some help.\n# TYPE a gauge\na 1\n");
  const TempDir scratch;
  const std::string& dir = scratch.path();
  rig.Apply(ManagerRig::OneJob("  scrape_failure_log_file: " + dir + "/fail.log\n"));
  rig.SetTargets({exporter.server.address()});
  REQUIRE(Eventually([&] { return rig.manager->Metadata().size() == 1; }));
  const TargetMetadata m = rig.manager->Metadata("a")[0];
  CHECK(m.metadata == MetricMetadata{"a", "gauge", "Some help.", ""});
  CHECK(m.target.Get("job") == "j");
  CHECK(rig.Metric("prometheus_target_metadata_cache_entries") == 1);
  exporter.Set("{", "text/plain");
  REQUIRE(Eventually([&] { return ReadFile(dir + "/fail.log").value().size() > 0; }));
  const std::string log = *ReadFile(dir + "/fail.log");
  CHECK(log.find("\"job_name\":\"j\"") != std::string::npos);
  CHECK(log.find("\"target\":\"http://" + exporter.server.address()) != std::string::npos);
}

}  // namespace
}  // namespace narthex::scrape
