#include "server/promql/engine/engine.h"

#include <thread>

#include "server/promql/engine/gate.h"
#include "server/promql/testing/memory_storage.h"
#include "server/promql/testing/result_text.h"
#include "tests/catch.h"

namespace narthex::promql {
namespace {

MemoryStorage SomeSeries(int series, int samples) {
  MemoryStorage storage;
  for (int i = 0; i < series; ++i) {
    const std::string id = std::to_string(i);
    for (int t = 0; t < samples; ++t) {
      storage.Add({{"__name__", "m_total"}, {"i", id}, {"half", i % 2 ? "b" : "a"}}, t * 15'000,
                  i + t * 0.1);
    }
  }
  return storage;
}

// A storage whose every method fails or that cancels the query that reads it.
class TrickyStorage final : public storage::Queryable {
 public:
  explicit TrickyStorage(std::function<void()> on_query) : on_query_(std::move(on_query)) {}
  StatusOr<std::unique_ptr<storage::Querier>> NewQuerier(TimestampMs mint,
                                                         TimestampMs maxt) const override {
    on_query_();
    if (fail) return Internal("disk on fire");
    mint_ = mint;
    maxt_ = maxt;
    return empty_.NewQuerier(mint, maxt);
  }
  bool fail = false;
  mutable TimestampMs mint_ = 0, maxt_ = 0;

 private:
  std::function<void()> on_query_;
  MemoryStorage empty_;
};

// Floats, gaps, histograms and resets, in so many series that tiles are shared out.
MemoryStorage ManyKinds() {
  MemoryStorage storage;
  for (int i = 0; i < 900; ++i) {
    const Labels labels{{"__name__", i % 9 == 0 ? "h_total" : "m_total"},
                        {"i", std::to_string(i)},
                        {"g", std::to_string(i % 7)},
                        {"le", i % 3 == 0 ? "+Inf" : std::to_string(i % 3)}};
    for (int t = 0; t < 60; ++t) {
      if ((i + t) % 13 == 0) continue;
      if (i % 9 == 0) {
        FloatHistogram h;
        h.count = t + i;
        h.sum = t * 0.1 + i;
        h.positive_spans = {{i % 3, 2}};
        h.positive_buckets = {t * 1.0, i * 1.0};
        storage.Add(labels, t * 15'000, std::move(h));
      } else {
        storage.Add(labels, t * 15'000, (t % 20) * 0.1 * i + 1.0 / (i + t + 1));
      }
    }
  }
  return storage;
}

TEST_CASE("answers do not depend on the number of threads") {
  const MemoryStorage storage = ManyKinds();
  const std::string_view queries[] = {
      "m_total",
      "sum(m_total)",
      "avg by (g) ({__name__=~\".+\"})",
      "sum by (g) (rate(m_total[1m]))",
      "rate(h_total[2m])",
      "avg(h_total)",
      "histogram_quantile(0.9, sum by (le) (rate(m_total[1m])))",
      "histogram_quantile(0.9, h_total)",
      "topk(3, m_total)",
      "quantile(0.3, m_total)",
      "m_total * on (i) group_left m_total",
      "m_total > 5 or h_total",
      "stddev_over_time(m_total[1m])",
      "max_over_time(sum by (g) (m_total)[2m:15s])",
      "count_values(\"v\", m_total)",
      "sum(m_total) + sum({__name__=~\".+\"})",
      "m_total + on (g) m_total",  // many-to-many: the error is always the same one
  };
  for (const std::string_view query : queries) {
    std::string want;
    for (const int threads : {1, 2, 7}) {
      EngineOptions options;
      options.threads = threads;
      const Engine engine(options);
      std::string got;
      for (const auto& result : {engine.Range(storage, query, 0, 885'000, 15'000, {}),
                                 engine.Instant(storage, query, 600'000, {})}) {
        got += result.ok() ? ResultToText(*result) : std::string(MessageOf(result.status()));
        if (!result.ok()) continue;
        for (const auto& text : result->annotations.warnings) got += text + "\n";
        for (const auto& text : result->annotations.infos) got += text + "\n";
        got += std::to_string(result->stats.total_queryable_samples) + "\n";
      }
      if (threads == 1) want = got;
      INFO(query << " with " << threads << " threads");
      CHECK(got.size() > 10);
      CHECK((got == want));
    }
  }
}

TEST_CASE("errors and cancellation end queries of several threads") {
  const MemoryStorage storage = ManyKinds();
  EngineOptions options;
  options.threads = 7;
  options.max_samples = 1000;
  const Engine engine(options);
  const auto result = engine.Range(storage, "sum(m_total)", 0, 885'000, 15'000, {});
  CHECK(MessageOf(result.status()) ==
        "query processing would load too many samples into memory in query execution");
}

TEST_CASE("kinds of errors") {
  const MemoryStorage storage = SomeSeries(2, 10);
  const Engine engine(EngineOptions{});
  const auto kind = [&](std::string_view query) {
    return std::string(ApiErrorType(engine.Instant(storage, query, 60'000, {}).status()));
  };
  CHECK(kind("m_total +") == "bad_data");
  CHECK(kind("rate(m_total)") == "bad_data");
  CHECK(kind("m_total + on (half) group_left m_total") == "execution");

  const auto range = engine.Range(storage, "m_total[5m]", 0, 1000, 1000, {});
  CHECK(
      MessageOf(range.status()) ==
      "invalid expression type \"range vector\" for range query, must be Scalar or instant Vector");
  CHECK(ApiErrorType(range.status()) == "bad_data");
  CHECK(ApiErrorType(engine.Range(storage, "m_total", 0, 1000, 0, {}).status()) == "bad_data");
  CHECK(ApiErrorType(engine.Range(storage, "m_total", 1000, 0, 5, {}).status()) == "bad_data");

  TrickyStorage burning([] {});
  burning.fail = true;
  CHECK(ApiErrorType(engine.Instant(burning, "up", 0, {}).status()) == "internal");
}

TEST_CASE("the storage is asked for what the query needs") {
  TrickyStorage storage([] {});
  const Engine engine(EngineOptions{});
  REQUIRE(engine.Instant(storage, "up", 600'000, {}).ok());
  CHECK(storage.mint_ == 300'001);
  CHECK(storage.maxt_ == 600'000);
  REQUIRE(engine.Range(storage, "rate(up[10m] offset 1m)", 600'000, 900'000, 1000, {}).ok());
  CHECK(storage.mint_ == -60'000 + 1);
  CHECK(storage.maxt_ == 840'000);
  REQUIRE(engine.Instant(storage, "max_over_time(up[1h:1m] @ 50)", 600'000, {}).ok());
  CHECK(storage.mint_ == 50'000 - 3'600'000 - 300'000 + 1);
  CHECK(storage.maxt_ == 50'000);
  REQUIRE(engine.Instant(storage, "up", 600'000, {.lookback_delta_ms = 1000}).ok());
  CHECK(storage.mint_ == 599'001);
}

TEST_CASE("limit on samples") {
  const MemoryStorage storage = SomeSeries(10, 100);
  EngineOptions options;
  options.max_samples = 500;
  const Engine engine(options);
  CHECK(engine.Range(storage, "sum(m_total)", 0, 40 * 15'000, 15'000, {}).ok());
  const auto r = engine.Range(storage, "sum(m_total)", 0, 90 * 15'000, 15'000, {});
  CHECK(MessageOf(r.status()) ==
        "query processing would load too many samples into memory in query execution");
  CHECK(ApiErrorType(r.status()) == "execution");
  // A subquery of a billion steps is refused before it is made.
  const auto s = engine.Instant(storage, "sum_over_time(vector(1)[100y:1ms])", 0, {});
  CHECK(ApiErrorType(s.status()) == "execution");
}

TEST_CASE("times at the ends of what is possible") {
  const MemoryStorage storage = SomeSeries(2, 10);
  const Engine engine(EngineOptions{});
  // The extreme times the API takes literally, in milliseconds.
  constexpr int64_t kMin = -9223309901257974000;
  constexpr int64_t kMax = 9223309901257974000;
  const char* query = "sum(rate(m_total[5m] offset 1y)) + sum_over_time(m_total[100y:50y] @ 9e15)";
  CHECK(engine.Instant(storage, query, kMin, {}).ok());
  CHECK(engine.Instant(storage, query, kMax, {}).ok());
  CHECK_FALSE(engine.Range(storage, query, kMin, kMax, 1000, {}).ok());
  CHECK_FALSE(engine.Range(storage, "1", 0, kMax, 1000, {}).ok());
  CHECK(engine.Range(storage, query, 0, kMax, kMax / 2, {}).ok());
}

TEST_CASE("deep queries fit a small stack") {
  std::string deep = "m_total";
  for (int i = 0; i < 490; ++i) deep = (i % 2 ? "(" : "abs(") + deep + ")";
  std::string wide = "1";
  for (int i = 0; i < 490; ++i) wide += " + 1";
  const MemoryStorage storage = SomeSeries(2, 10);
  const Engine engine(EngineOptions{});
  CHECK(engine.Instant(storage, deep, 60'000, {})->vector.size() == 2);
  CHECK(engine.Instant(storage, wide, 60'000, {})->scalar.v == 491);
}

TEST_CASE("cancellation and time-out") {
  FakeClock clock(0);
  EngineOptions options;
  options.clock = &clock;
  options.timeout_ms = 1000;
  const Engine engine(options);
  std::atomic<bool> cancelled{false};
  const TrickyStorage cancelling([&] { cancelled = true; });
  auto r = engine.Instant(cancelling, "up", 0, {.cancelled = &cancelled});
  CHECK(MessageOf(r.status()) == "query was canceled in expression evaluation");
  CHECK(ApiErrorType(r.status()) == "canceled");

  const TrickyStorage slow([&] { clock.Advance(std::chrono::milliseconds(500)); });
  CHECK(engine.Instant(slow, "up", 0, {}).ok());
  r = engine.Instant(slow, "up", 0, {.timeout_ms = 100});
  CHECK(MessageOf(r.status()) == "query timed out in expression evaluation");
  CHECK(ApiErrorType(r.status()) == "timeout");
  // A query cannot ask for more time than the engine gives.
  const TrickyStorage slower([&] { clock.Advance(std::chrono::milliseconds(1500)); });
  CHECK(ApiErrorType(engine.Instant(slower, "up", 0, {.timeout_ms = 9999}).status()) == "timeout");
}

TEST_CASE("rules have places of their own and go first") {
  FakeClock clock(0);
  constexpr int64_t kNever = int64_t{1} << 60;
  QueryGate gate(4);
  for (int i = 0; i < 4; ++i) REQUIRE(gate.Enter(clock, kNever, nullptr).ok());
  clock.Advance(std::chrono::seconds(1));
  CHECK_FALSE(gate.Enter(clock, 100, nullptr).ok());
  REQUIRE(QueryGate::Places(4) == 5);
  CHECK(gate.Enter(clock, 100, nullptr, true).ok());
  CHECK_FALSE(gate.Enter(clock, 100, nullptr, true).ok());
  gate.Leave();
  CHECK_FALSE(gate.Enter(clock, 100, nullptr).ok());  // the rule still holds a place
  gate.Leave();
  CHECK(gate.Enter(clock, 100, nullptr).ok());
}

TEST_CASE("gate") {
  QueryGate gate(1);
  FakeClock clock(0);
  REQUIRE(gate.Enter(clock, 100, nullptr).ok());
  CHECK(gate.running() == 1);
  clock.Advance(std::chrono::seconds(1));
  CHECK(MessageOf(gate.Enter(clock, 100, nullptr)) == "query timed out in query queue");
  const std::atomic<bool> cancelled{true};
  CHECK(MessageOf(gate.Enter(clock, 1LL << 60, &cancelled)) == "query was canceled in query queue");
  std::thread waiting([&] {
    CHECK(gate.Enter(clock, 1LL << 60, nullptr).ok());
    gate.Leave();
  });
  gate.Leave();
  waiting.join();
  CHECK(gate.running() == 0);
}

TEST_CASE("query log, observer, metrics, statistics") {
  struct Observer final : QueryObserver {
    int QueryStarted(std::string_view query) override {
      seen.emplace_back(query);
      return 42;
    }
    void QueryEnded(int handle) override { ended += handle; }
    std::vector<std::string> seen;
    int ended = 0;
  } observer;
  Registry registry;
  EngineOptions options;
  options.registry = &registry;
  options.observer = &observer;
  Engine engine(options);
  std::vector<QueryLogEntry> log;
  engine.SetQueryLog([&](const QueryLogEntry& e) { log.push_back(e); });
  const MemoryStorage storage = SomeSeries(3, 41);
  const auto r = engine.Range(storage, "rate(m_total[1m])", 300'000, 600'000, 60'000,
                              {.origin = {{"a", "b"}}});
  REQUIRE(r.ok());
  CHECK(r->stats.total_queryable_samples == 3 * 6 * 4);
  CHECK(r->stats.samples_read == 3 * 24);
  CHECK(r->stats.peak_samples == 18);
  CHECK_FALSE(engine.Instant(storage, "m_total + on () m_total", 0, {}).ok());
  REQUIRE(log.size() == 2);
  CHECK(log[0].query == "rate(m_total[1m])");
  CHECK(log[0].step_ms == 60'000);
  CHECK(log[0].origin.size() == 1);
  CHECK(log[0].stats.total_queryable_samples == 72);
  CHECK(log[1].instant);
  CHECK_FALSE(log[1].status.ok());
  engine.SetQueryLog(nullptr);
  CHECK(engine.Instant(storage, "1", 0, {}).ok());
  CHECK(log.size() == 2);
  CHECK(observer.seen.size() == 3);
  CHECK(observer.ended == 3 * 42);
  CHECK_FALSE(engine.Instant(storage, "1 +", 0, {}).ok());  // not worth a place
  CHECK(observer.seen.size() == 3);

  bool found = false;
  for (const MetricFamily& f : registry.Gather().families) {
    if (f.name != "prometheus_engine_query_duration_seconds") continue;
    found = true;
    CHECK(f.samples.size() == 4);
    for (const MetricSample& s : f.samples) CHECK(s.sample_count >= 2);
  }
  CHECK(found);
}

TEST_CASE("tiles: many series, long ranges, and the same answer step by step") {
  // 150 series make several tiles; 700 steps make several words of presence bits.
  MemoryStorage storage;
  for (int i = 0; i < 150; ++i) {
    const std::string id = std::to_string(i);
    for (int t = i; t < 700 - i; ++t) {
      if ((t * 7 + i) % 11 == 0) continue;
      storage.Add({{"__name__", "m_total"}, {"i", id}, {"g", std::to_string(i % 7)}}, t * 15'000,
                  (t * 31 % 97) * 0.3 + i);
    }
  }
  const Engine engine(EngineOptions{});
  const int64_t end = 700 * 15'000;
  for (const char* query :
       {"sum by (g) (m_total)", "avg by (g) (rate(m_total[2m]))", "stddev(m_total)", "max(m_total)",
        "quantile by (g) (0.3, m_total)", "topk(3, m_total)", "m_total - on (i) m_total offset 1m",
        "sum(m_total > 50) or vector(0)", "count(m_total unless m_total > 40)",
        "sum_over_time(m_total[3m])", "max_over_time(sum(m_total)[5m:30s])", "abs(-m_total)"}) {
    INFO(query);
    const auto range = engine.Range(storage, query, 0, end, 15'000, {});
    REQUIRE(range.ok());
    std::map<std::string, std::map<int64_t, double>> by_step;
    for (const Series& s : range->matrix) {
      for (const Point& p : s.points) by_step[s.metric.ToMetricString()][p.t] = p.v;
    }
    size_t points = 0;
    for (const auto& [labels, list] : by_step) points += list.size();
    size_t compared = 0;
    bool same = true;
    for (int64_t t = 0; t <= end; t += 15'000) {
      const auto instant = engine.Instant(storage, query, t, {});
      REQUIRE(instant.ok());
      for (const VectorSample& s : instant->vector) {
        const auto series = by_step.find(s.metric.ToMetricString());
        same = same && series != by_step.end() && series->second.contains(t) &&
               std::bit_cast<uint64_t>(series->second[t]) == std::bit_cast<uint64_t>(s.v);
        ++compared;
      }
    }
    CHECK(same);
    CHECK(compared == points);
    CHECK(points > 0);
  }
}

TEST_CASE("queries at once") {
  const MemoryStorage storage = SomeSeries(20, 50);
  EngineOptions options;
  options.max_concurrent = 2;
  const Engine engine(options);
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 10; ++k) {
        const auto r =
            engine.Range(storage, "sum by (half) (rate(m_total[1m]))", 0, 600'000, 15'000, {});
        good += r.ok() && r->matrix.size() == 2;
      }
    });
  }
  for (auto& t : threads) t.join();
  CHECK(good == 40);
}

}  // namespace
}  // namespace narthex::promql
