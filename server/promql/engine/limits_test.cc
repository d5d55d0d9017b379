// What queries may hold, and what they count.
#include <numeric>
#include <span>
#include <thread>

#include "server/promql/engine/engine.h"
#include "server/promql/testing/memory_storage.h"
#include "tests/catch.h"

namespace narthex::promql {
namespace {

constexpr int kSeries = 400;
constexpr int kSamples = 200;
constexpr TimestampMs kEnd = (kSamples - 1) * 15'000;

// Numbers, buckets and native histograms.
const MemoryStorage& Storage() {
  static const MemoryStorage storage = [] {
    MemoryStorage s;
    for (int i = 0; i < kSeries; ++i) {
      const Labels labels{{"__name__", i % 8 == 0 ? "h" : "m_total"},
                          {"i", std::to_string(i)},
                          {"g", std::to_string(i % 5)},
                          {"le", i % 2 == 0 ? "+Inf" : "1"},
                          {"instance", "a"},
                          {"job", "b"}};
      for (int t = 0; t < kSamples; ++t) {
        if (i % 8 != 0) {
          s.Add(labels, t * 15'000, i + t);
          continue;
        }
        FloatHistogram h;
        h.count = 2.0 * t;
        h.positive_spans = {{0, 2}};
        h.positive_buckets = {t * 1.0, t * 1.0};
        s.Add(labels, t * 15'000, std::move(h));
      }
    }
    return s;
  }();
  return storage;
}

EngineOptions Limited(int64_t one, int64_t all, int threads) {
  EngineOptions options;
  options.threads = threads;
  options.memory_limit = one;
  options.total_memory_limit = all;
  options.parser.experimental_functions = true;
  return options;
}

// Queries that hold much, each in another place.
const std::string_view kGreedy[] = {
    "m_total",
    "{__name__=~\".+\"}",
    "-m_total",
    "rate(m_total[5m])",
    "h",
    "rate(h[5m])",
    "sum by (i) (m_total)",
    "sum by (i) (h)",
    "topk(300, m_total)",
    "quantile by (i) (0.5, m_total)",
    "count_values(\"v\", m_total)",
    "limitk(300, m_total)",
    "m_total * on (i) m_total",
    "m_total or h",
    "m_total and h",
    "label_replace(m_total, \"x\", \"$1\", \"i\", \"(.*)\")",
    "histogram_quantile(0.5, m_total)",
    "max_over_time(m_total[50m:1s])",
    "sort(m_total)",
    "sort_by_label(m_total, \"i\")",
    "info(m_total, {__name__=\"none\"})",
    "max_over_time(sum by (i) (m_total)[50m:1s])",
};

TEST_CASE("a query that would hold too much memory fails by name") {
  for (const int threads : {1, 3}) {
    const Engine roomy(Limited(0, 256 << 20, threads));
    const Engine tight(Limited(64 << 10, 0, threads));
    const Engine crowded(Limited(0, 64 << 10, threads));
    for (const std::string_view query : kGreedy) {
      INFO(query << " with " << threads << " threads");
      const auto good = roomy.Range(Storage(), query, 0, kEnd, 15'000, {});
      INFO(MessageOf(good.status()));
      REQUIRE(good.ok());
      if (query != "m_total and h") CHECK_FALSE(good->matrix.empty());
      CHECK(good->stats.peak_memory_bytes > 64 << 10);
      const auto own = tight.Range(Storage(), query, 0, kEnd, 15'000, {});
      CHECK(ApiErrorType(own.status()) == "execution");
      CHECK(
          MessageOf(own.status()) ==
          "query processing would use more memory than a query may: 64KiB (--query.memory-limit)");
      const auto all = crowded.Range(Storage(), query, 0, kEnd, 15'000, {});
      CHECK(MessageOf(all.status()).find("than is left for queries") != std::string_view::npos);
      CHECK(crowded.memory_held() == 0);
    }
    CHECK(roomy.memory_held() == 0);
  }
}

TEST_CASE("what is counted is near what is held") {
  const Engine engine(Limited(0, 0, 1));
  const auto result = engine.Range(Storage(), "m_total", 0, kEnd, 15'000, {});
  REQUIRE(result.ok());
  // 350 rows of 200 points.
  const int64_t points = 350 * 200 * static_cast<int64_t>(sizeof(Point));
  CHECK(result->stats.peak_memory_bytes > points);
  CHECK(result->stats.peak_memory_bytes < 2 * points);
}

TEST_CASE("instant queries have the same limit") {
  const Engine tight(Limited(32 << 10, 0, 1));
  for (const std::string_view query : {"{__name__=~\".+\"}", "m_total[1h]", "h[1h]"}) {
    INFO(query);
    const auto result = tight.Instant(Storage(), query, kEnd, {});
    CHECK(result.status().code() == StatusCode::kResourceExhausted);
  }
  CHECK(tight.Instant(Storage(), "m_total{i=\"3\"}", kEnd, {}).ok());
}

TEST_CASE("a result counts until it is gone, what led to it does not") {
  const Engine engine(Limited(0, 64 << 20, 2));
  auto large = engine.Range(Storage(), "m_total", 0, kEnd, 15'000, {});
  REQUIRE(large.ok());
  const int64_t held = engine.memory_held();
  CHECK(held > 350 * 200 * static_cast<int64_t>(sizeof(Point)));
  auto small = engine.Range(Storage(), "count(m_total)", 0, kEnd, 15'000, {});
  REQUIRE(small.ok());
  CHECK(engine.memory_held() < held + (64 << 10));
  large = Internal("gone");
  CHECK(engine.memory_held() < 64 << 10);
  small = Internal("gone");
  CHECK(engine.memory_held() == 0);
}

TEST_CASE("small queries go on beside a large one") {
  const Engine engine(Limited(0, 2 << 20, 1));
  // Large ones must leave a quarter.
  auto large = engine.Range(Storage(), "m_total", 0, kEnd, 15'000, {});
  REQUIRE(large.ok());
  REQUIRE(engine.memory_held() > 1 << 20);
  CHECK_FALSE(engine.Range(Storage(), "m_total", 0, kEnd, 15'000, {}).ok());
  CHECK(engine.Instant(Storage(), "m_total{i=\"3\"}", kEnd, {}).ok());
}

TEST_CASE("subqueries of subqueries end at the limit before they are evaluated") {
  const Engine engine(Limited(8 << 20, 16 << 20, 2));
  for (const std::string_view query : {
           "max_over_time(max_over_time(m_total[1h:1s])[10000d:100ms])",
           "sum(sum_over_time(sum_over_time(m_total[1d:1s])[1y:1s]))",
           "count_values(\"v\", max_over_time(vector(time())[30d:10s]))",
       }) {
    INFO(query);
    const auto result = engine.Range(Storage(), query, 0, 11'000'000, 1000, {});
    CHECK(result.status().code() == StatusCode::kResourceExhausted);
  }
  CHECK(engine.memory_held() == 0);
}

// `levels` calls around each other, each of which doubles label x.
std::string Doubled(int levels, std::string_view doubling) {
  std::string query = "label_replace(m_total, \"x\", \"aa\", \"\", \"\")";
  for (int i = 0; i < levels; ++i) {
    query = doubling == "label_join"
                ? fmt::format("label_join({}, \"x\", \"\", \"x\", \"x\")", query)
                : fmt::format("label_replace({}, \"x\", \"$1$1\", \"x\", \"(.*)\")", query);
  }
  return query;
}

TEST_CASE("labels that grow are counted and end at a mebibyte") {
  const Engine roomy(Limited(0, 0, 1));
  const Engine tight(Limited(8 << 20, 0, 1));
  for (const std::string_view doubling : {"label_replace", "label_join"}) {
    const auto good = roomy.Instant(Storage(), Doubled(4, doubling), kEnd, {});
    REQUIRE(good.ok());
    REQUIRE(good->vector.size() == 350);
    CHECK(good->vector[0].metric.Get("x") == std::string(32, 'a'));
    const std::string one = Doubled(60, doubling);
    CHECK(MessageOf(tight.Instant(Storage(), one, kEnd, {}).status()) ==
          "query processing would use more memory than a query may: 8MiB (--query.memory-limit)");
    std::string single = one;
    single.replace(single.find("m_total"), 7, "m_total{i=\"3\"}");
    CHECK(MessageOf(roomy.Instant(Storage(), single, kEnd, {}).status()) ==
          fmt::format("label \"x\" would be longer than 1MiB in {}()", doubling));
  }
}

// A second passes with every look at it.
class FleetingClock final : public Clock {
 public:
  int64_t NowNanos() const override { return 0; }
  int64_t MonotonicNanos() const override { return looks_.fetch_add(1) * 1'000'000'000; }

 private:
  mutable std::atomic<int64_t> looks_{0};
};

TEST_CASE("functions that build long labels look at the clock") {
  const FleetingClock clock;
  EngineOptions options = Limited(0, 0, 1);
  options.clock = &clock;
  const Engine engine(options);
  CHECK(engine.Instant(Storage(), Doubled(0, "label_replace"), kEnd, {}).ok());
  for (const std::string_view doubling : {"label_replace", "label_join"}) {
    const auto slow = engine.Instant(Storage(), Doubled(14, doubling), kEnd, {});
    CHECK(MessageOf(slow.status()) == "query timed out in expression evaluation");
  }
}

TEST_CASE("queries that run at the same time share the budget of all") {
  const Engine engine(Limited(0, 4 << 20, 2));
  std::atomic<int> odd{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 5; ++k) {
        const auto result = engine.Range(Storage(), "m_total", 0, kEnd, 15'000, {});
        if (!result.ok() && result.status().code() != StatusCode::kResourceExhausted) ++odd;
        if (engine.memory_held() > 4 << 20) ++odd;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(odd == 0);
  CHECK(engine.memory_held() == 0);
}

// ---- Statistics ----

QueryStats StatsOf(std::string_view query, bool range, bool ask = true) {
  static MemoryStorage storage = [] {
    MemoryStorage s;
    for (int i = 0; i < 2; ++i) {
      for (int t = 0; t <= 20; ++t) {
        s.Add({{"__name__", "metric"}, {"i", std::to_string(i)}}, t * 10'000, t);
      }
    }
    return s;
  }();
  EngineOptions options;
  options.eval.per_step_stats = true;
  const Engine engine(options);
  QueryOptions query_options;
  query_options.per_step_stats = ask;
  const auto result = range ? engine.Range(storage, query, 100'000, 130'000, 10'000, query_options)
                            : engine.Instant(storage, query, 100'000, query_options);
  INFO(query << MessageOf(result.status()));
  REQUIRE(result.ok());
  return result->stats;
}

// What the statistics of a query over a range of four steps, and of one at its first, must count.
struct CountCase {
  std::string_view query;
  std::vector<int64_t> range;
  int64_t instant;
};

void CheckCounts(std::span<const CountCase> cases, std::vector<int64_t> QueryStats::* per_step,
                 int64_t QueryStats::* total) {
  for (const CountCase& c : cases) {
    INFO(c.query);
    const QueryStats range = StatsOf(c.query, true);
    CHECK(range.*per_step == c.range);
    CHECK(range.*total == std::accumulate(c.range.begin(), c.range.end(), int64_t{0}));
    CHECK(range.start == 100'000);
    CHECK(range.step_ms == 10'000);
    const QueryStats instant = StatsOf(c.query, false);
    CHECK(instant.*per_step == std::vector<int64_t>{c.instant});
    CHECK(instant.*total == c.instant);
    CHECK((StatsOf(c.query, true, false).*per_step).empty());
  }
}

TEST_CASE("samples are counted step by step") {
  const CountCase kCases[] = {
      {"metric", {2, 2, 2, 2}, 2},
      {"sum(metric)", {2, 2, 2, 2}, 2},
      {"metric + metric", {4, 4, 4, 4}, 4},
      {"sum_over_time(metric[30s])", {6, 6, 6, 6}, 6},
      {"sum_over_time(metric[30s] @ 60)", {6, 6, 6, 6}, 6},
      {"metric @ 60", {2, 2, 2, 2}, 2},
      {"metric{i=\"9\"}", {0, 0, 0, 0}, 0},
      {"timestamp(metric)", {2, 2, 2, 2}, 2},
      // The result of a subquery counts, not what it reads.
      {"max_over_time(metric[30s:10s])", {6, 6, 6, 6}, 6},
      {"max_over_time(sum(metric)[30s:5s])", {6, 6, 6, 6}, 6},
      {"max_over_time(sum_over_time(metric[20s])[30s:10s])", {6, 6, 6, 6}, 6},
      {"metric offset 190s", {0, 0, 0, 0}, 0},
      {"metric offset 1m50s", {0, 2, 2, 2}, 0},
      {"1", {0, 0, 0, 0}, 0},
  };
  CheckCounts(kCases, &QueryStats::queryable_samples_per_step,
              &QueryStats::total_queryable_samples);
}

// The documents of later releases name the field; what counts where is ours.
TEST_CASE("samples that are read count at the first step that needs them") {
  const CountCase kCases[] = {
      {"metric", {22, 2, 2, 2}, 2},
      {"metric + metric", {44, 4, 4, 4}, 4},
      {"sum_over_time(metric[30s])", {6, 2, 2, 2}, 6},
      {"sum_over_time(metric[10s] offset 1m)", {2, 2, 2, 2}, 2},
      {"metric @ 60", {2, 0, 0, 0}, 2},
      {"sum_over_time(metric[30s] @ 60)", {6, 0, 0, 0}, 6},
      {"max_over_time(metric[30s:10s])", {28, 0, 0, 0}, 22},
      {"1", {0, 0, 0, 0}, 0},
  };
  CheckCounts(kCases, &QueryStats::samples_read_per_step, &QueryStats::samples_read);
}

}  // namespace
}  // namespace narthex::promql
