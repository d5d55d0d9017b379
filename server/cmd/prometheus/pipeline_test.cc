// From a target's text to a query's answer through the real storage and the real engine.

#include "core/base/file.h"
#include "core/exposition/family_writers.h"
#include "server/promql/engine/engine.h"
#include "server/scrape/manager_rig.h"
#include "server/scrape/raw_server.h"
#include "server/storage/tsdb/db.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

namespace narthex::prometheus {
namespace {

using scrape::HttpAnswer;
using scrape::ManagerRig;
using scrape::RawServer;

struct Pipeline {
  TempDir folder;
  const std::string dir = folder.path();
  uint64_t max_series = 0;
  Registry registry;
  std::unique_ptr<tsdb::Db> db;
  std::unique_ptr<scrape::Manager> manager;
  promql::Engine engine{promql::EngineOptions{}};

  Pipeline() { Open(); }
  ~Pipeline() { Close(); }
  void Open() {
    tsdb::Options options;
    options.dir = dir;
    options.max_series = max_series;
    auto opened = tsdb::Db::Open(options);
    REQUIRE(opened.ok());
    db = *std::move(opened);
    scrape::Options scrape_options;
    scrape_options.reload_interval_ms = 1;
    manager = std::make_unique<scrape::Manager>(scrape_options, db.get(), &registry);
    manager->Start();
  }
  void Close() {
    if (manager != nullptr) manager->Stop();
    manager.reset();
    if (db != nullptr) CHECK(db->Close().ok());
    db.reset();
  }
  void Target(const std::string& address, const std::string& keys = "",
              const std::string& interval = "100ms") {
    REQUIRE(manager->ApplyConfig(ManagerRig::OneJob(keys, interval)).ok());
    auto group = std::make_shared<discovery::TargetGroup>();
    group->targets.push_back(Labels{{"__address__", address}});
    auto sets = std::make_shared<discovery::TargetSets>();
    (*sets)["j"] = {group};
    manager->UpdateTargets(std::move(sets));
  }
  // The values of an instant query, by metric: "a{…}=1 b{…}=2".
  std::string Query(const std::string& expr) {
    const auto result = engine.Instant(*db, expr, Clock::System().NowMs(), promql::QueryOptions{});
    if (!result.ok()) return std::string(MessageOf(result.status()));
    std::string out;
    for (const auto& sample : result->vector) {
      out +=
          fmt::format("{}{}={}", out.empty() ? "" : " ", sample.metric.ToMetricString(), sample.v);
    }
    return out;
  }
  bool Becomes(const std::string& expr, const std::string& want) {
    std::string got;
    const bool ok = Eventually([&] { return (got = Query(expr)) == want; });
    if (!ok) UNSCOPED_INFO(expr << " = " << got);
    return ok;
  }
};

TEST_CASE("scraped, stored, queried, ended, and still there after a restart") {
  Mutex mutex;
  std::string body = "# TYPE c counter\nc 1\ng{x=\"y\"} 5\nold 7\nts 3 {now}\n";
  RawServer server([&](const RawServer::Peer& peer) {
    MutexLock lock(mutex);
    std::string text = body;
    const size_t at = text.find("{now}");
    if (at != std::string::npos) text.replace(at, 5, std::to_string(Clock::System().NowMs()));
    peer.Send(HttpAnswer(text));
  });
  Pipeline p;
  p.Target(server.address());
  const std::string id = fmt::format("instance=\"{}\", job=\"j\"", server.address());
  CHECK(p.Becomes("up", "up{" + id + "}=1"));
  CHECK(p.Becomes("g", "g{" + id + ", x=\"y\"}=5"));
  CHECK(p.Becomes("ts", "ts{" + id + "}=3"));
  CHECK(p.Becomes("count({job=\"j\"})", "{}=9"));
  CHECK(p.Becomes("scrape_series_added", "scrape_series_added{" + id + "}=0"));
  {
    MutexLock lock(mutex);
    body = "# TYPE c counter\nc 11\ng{x=\"y\"} 6\n";
  }
  CHECK(p.Becomes("g", "g{" + id + ", x=\"y\"}=6"));
  CHECK(p.Becomes("old", ""));  // ended by a stale marker, long before the lookback delta
  CHECK(p.Becomes("increase(c[1m]) > bool 0", "{" + id + "}=1"));
  {
    MutexLock lock(mutex);
    body = "{broken";
  }
  CHECK(p.Becomes("up", "up{" + id + "}=0"));
  CHECK(p.Becomes("g", ""));
  {
    MutexLock lock(mutex);
    body = "c 12\nold 8\n";
  }
  CHECK(p.Becomes("old", "old{" + id + "}=8"));
  const std::string before = p.Query("count_over_time(c[1m])");
  CHECK_FALSE(before.empty());

  p.Close();
  p.Open();
  CHECK(p.Query("old") == "old{" + id + "}=8");
  p.Target(server.address());
  CHECK(p.Becomes("changes(old[1m])", "{" + id + "}=1"));
  {
    MutexLock lock(mutex);
    body = "c 13\n";
  }
  CHECK(p.Becomes("c", "c{" + id + "}=13"));
}

size_t ResidentMiB() {
  const std::string text = ReadFile("/proc/self/statm").value();
  return std::stoull(text.substr(text.find(' ') + 1)) * static_cast<size_t>(getpagesize()) >> 20;
}

TEST_CASE("a body of a million lines is taken, and its memory is bounded") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int kLines = 50'000;
#else
  constexpr int kLines = 1'000'000;
#endif
  std::string body;
  for (int i = 0; i < kLines; ++i) body += fmt::format("m{{i=\"{}\"}} {}\n", i, i);
  const std::string answer = HttpAnswer(body);
  RawServer server([&](const RawServer::Peer& peer) { peer.Send(answer); });
  Pipeline p;
  const size_t before = ResidentMiB();
  p.Target(server.address(), "", "2s");
  const std::string id = fmt::format("instance=\"{}\", job=\"j\"", server.address());
  CHECK(p.Becomes("count_over_time(scrape_samples_scraped[1m]) > bool 1", "{" + id + "}=1"));
  CHECK(p.Query("up") == "up{" + id + "}=1");
  CHECK(p.Query("scrape_samples_scraped") ==
        fmt::format("scrape_samples_scraped{{{}}}={}", id, kLines));
  CHECK(
      p.Query(fmt::format("m{{i=\"{}\"}}", kLines - 1)).ends_with(fmt::format("={}", kLines - 1)));
  const size_t grown = ResidentMiB() - before;
  UNSCOPED_INFO("grew by " << grown << " MiB");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(grown < 2048);
#endif
}

TEST_CASE("native histograms and exemplars from an exporter's protobuf to a query") {
  Mutex mutex;
  double count = 6;
  RawServer server([&](const RawServer::Peer& peer) {
    MutexLock lock(mutex);
    const auto id = [](std::string value) {
      return std::vector<MetricLabel>{{"trace_id", std::move(value)}};
    };
    NativeHistogram native{.schema = 3,
                           .zero_threshold = 0.001,
                           .zero_count = count - 4,
                           .positive_spans = {{-1, 2}},
                           .positive_deltas = {1, 2}};
    native.exemplars = {{.labels = id("h"), .value = 0.9, .timestamp_ms = 1000}};
    MetricFamily histogram{.name = "h", .type = MetricType::kHistogram, .samples = {{}}};
    MetricSample& sample = histogram.samples[0];
    sample.sample_count = count;
    sample.sample_sum = 1.5;
    sample.buckets = {{.upper_bound = 1, .cumulative_count = 4}};
    sample.native = std::make_shared<const NativeHistogram>(native);
    MetricFamily counter{.name = "c_total", .type = MetricType::kCounter, .samples = {{}}};
    counter.samples[0].value = count;
    counter.samples[0].exemplar =
        MetricExemplar{.labels = id("c"), .value = 1, .timestamp_ms = 2000};
    std::string body;
    AppendProtobufFamily(histogram, NameEscaping::kAllowUtf8, &body);
    AppendProtobufFamily(counter, NameEscaping::kAllowUtf8, &body);
    peer.Send(HttpAnswer(body,
                         "application/vnd.google.protobuf; "
                         "proto=io.prometheus.client.MetricFamily; encoding=delimited"));
  });
  Pipeline p;
  p.db->SetMaxExemplars(10);
  p.Target(server.address(),
           "  scrape_native_histograms: true\n  always_scrape_classic_histograms: true\n");
  const std::string id = fmt::format("instance=\"{}\", job=\"j\"", server.address());
  const auto buckets = [&] { return p.Query("h_bucket{le=\"1.0\"}"); };
  CHECK(p.Becomes("h_count", "h_count{" + id + "}=6"));
  CHECK(buckets() == "h_bucket{" + id + ", le=\"1.0\"}=4");
  const auto newest = [&]() -> FloatHistogram {
    const int64_t now = Clock::System().NowMs();
    auto querier = p.db->NewQuerier(now - 60'000, now);
    const Matcher name = Matcher::Equal("__name__", "h");
    auto list = (*querier)->Select({}, std::span(&name, 1));
    REQUIRE((*list)->size() == 1);
    storage::SampleColumns columns;
    REQUIRE((*list)->Read(0, now - 60'000, now, &columns).ok());
    REQUIRE_FALSE(columns.histograms.empty());
    return columns.histograms.back();
  };
  const FloatHistogram want{.reset = CounterResetHint::kUnknown,
                            .schema = 3,
                            .zero_threshold = 0.001,
                            .zero_count = 2,
                            .count = 6,
                            .sum = 1.5,
                            .positive_spans = {{-1, 2}},
                            .positive_buckets = {1, 3}};
  CHECK(ToString(newest()) == ToString(want));
  {
    MutexLock lock(mutex);
    count = 9;
  }
  CHECK(Eventually([&] { return newest().count == 9; }));
  const auto exemplars = [&](const std::string& metric) {
    const std::vector<Matcher> selector{Matcher::Equal("__name__", metric)};
    const auto found = p.db->SelectExemplars(0, 10'000, std::span(&selector, 1));
    REQUIRE(found.ok());
    std::string out;
    for (const auto& series : *found) {
      for (const auto& e : series.exemplars) {
        out += fmt::format("{}@{}{}", e.value, e.timestamp, e.labels.ToString());
      }
    }
    return out;
  };
  CHECK(exemplars("h") == R"(0.9@1000{trace_id="h"})");
  CHECK(exemplars("c_total") == R"(1@2000{trace_id="c"})");
  // A target that goes leaves a stale marker; all is there again after a restart.
  p.Close();
  p.Open();
  CHECK(newest().count == 9);
}

TEST_CASE("relabelling while running") {
  RawServer server([&](const RawServer::Peer& peer) { peer.Send(HttpAnswer("a 1\nb 2\n")); });
  Pipeline p;
  p.Target(server.address());
  CHECK(p.Becomes("count({__name__=~\"a|b\"})", "{}=2"));
  p.Target(server.address(),
           "  metric_relabel_configs:\n  - {source_labels: [__name__], regex: b, target_label: "
           "__name__, replacement: z}\n");
  CHECK(p.Becomes("count(b) or count(z)", "{}=1"));
  CHECK(p.Becomes("sum(z)", "{}=2"));
  CHECK(p.Becomes("b", ""));
  CHECK(p.Becomes("sum(a)", "{}=1"));
}

TEST_CASE("a full head keeps the series it has and takes no new ones") {
  Mutex mutex;
  std::string body = "a 1\nb 2\n";
  RawServer server([&](const RawServer::Peer& peer) {
    MutexLock lock(mutex);
    peer.Send(HttpAnswer(body));
  });
  Pipeline p;
  p.Target(server.address());
  const std::string id = fmt::format("instance=\"{}\", job=\"j\"", server.address());
  REQUIRE(p.Becomes("a", "a{" + id + "}=1"));
  REQUIRE(p.Becomes("scrape_series_added", "scrape_series_added{" + id + "}=0"));
  p.Close();
  {
    MutexLock lock(mutex);
    body = "a 5\nb 6\nnew 7\n";
  }
  p.max_series = 1;
  p.Open();
  p.Target(server.address());
  CHECK(p.Becomes("a", "a{" + id + "}=5"));
  CHECK(p.Becomes("b", "b{" + id + "}=6"));
  CHECK(p.Becomes("scrape_samples_scraped", "scrape_samples_scraped{" + id + "}=3"));
  CHECK(p.Becomes("up", "up{" + id + "}=1"));
  CHECK(p.Query("new").empty());
}

}  // namespace
}  // namespace narthex::prometheus
