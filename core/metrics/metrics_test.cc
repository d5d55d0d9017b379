// The instruments by themselves: values, buckets, quantiles, vectors under contention.

#include <cmath>
#include <random>
#include <thread>

#include "core/metrics/native_buckets.h"
#include "core/metrics/quantile_stream.h"
#include "core/metrics/registry.h"
#include "tests/catch.h"

namespace narthex {
namespace {

const double kInf = std::numeric_limits<double>::infinity();

TEST_CASE("counters only go up") {
  Counter c;
  c.Inc();
  c.Add(2.5);
  c.Add(-1);
  c.Add(std::nan(""));
  CHECK(c.value() == 3.5);
}

TEST_CASE("gauges go both ways") {
  Gauge g;
  g.Set(10);
  g.Dec();
  g.Add(-4);
  CHECK(g.value() == 5);
}

TEST_CASE("updates from many threads are all counted") {
  Counter c;
  Histogram h(HistogramOptions{.buckets = {1, 2}});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        c.Inc();
        h.Observe(i % 3);
      }
    });
  }
  // Collections in between always see count, sum and buckets that belong together.
  for (int i = 0; i < 200; ++i) {
    MetricSample s;
    h.Collect(&s);
    const double zeros_and_ones = s.buckets[0].cumulative_count;
    const double twos = s.buckets[1].cumulative_count - zeros_and_ones;
    REQUIRE(s.buckets[1].cumulative_count == s.sample_count);
    REQUIRE(s.sample_sum >= 2 * twos);
    REQUIRE(s.sample_sum <= 2 * twos + zeros_and_ones);
  }
  for (auto& t : threads) t.join();
  MetricSample s;
  h.Collect(&s);
  CHECK(c.value() == 20000);
  CHECK(s.sample_count == 20000);
  CHECK(s.sample_sum == 4 * (1667 * 1 + 1666 * 2));
}

TEST_CASE("classic histogram") {
  Histogram h(HistogramOptions{.buckets = {1, 2.5, kInf}});
  for (double v : {0.5, 1.0, 1.1, 2.5, 99.0, kInf}) h.Observe(v);
  h.ObserveWithExemplar(2, {{"trace_id", "x"}}, 1234);
  MetricSample s;
  h.Collect(&s);
  CHECK(s.sample_count == 7);
  CHECK(std::isinf(s.sample_sum));
  REQUIRE(s.buckets.size() == 2);
  CHECK(s.buckets[0].upper_bound == 1);
  CHECK(s.buckets[0].cumulative_count == 2);
  CHECK_FALSE(s.buckets[0].exemplar.has_value());
  CHECK(s.buckets[1].cumulative_count == 5);
  REQUIRE(s.buckets[1].exemplar.has_value());
  CHECK(s.buckets[1].exemplar->value == 2);
  CHECK(s.buckets[1].exemplar->timestamp_ms == 1234);
  h.Observe(std::nan(""));
  h.ObserveWithExemplar(7, {}, 1);
  h.Collect(&s);
  REQUIRE(s.buckets.size() == 3);  // +Inf appears for its exemplar
  CHECK(s.buckets[2].cumulative_count == 9);
  CHECK(s.sample_count == 9);
  CHECK(std::isnan(s.sample_sum));
}

TEST_CASE("bucket helpers") {
  CHECK(LinearBuckets(1, 2, 3) == std::vector<double>{1, 3, 5});
  CHECK(ExponentialBuckets(1, 10, 3) == std::vector<double>{1, 10, 100});
  CHECK(DefaultBuckets().size() == 11);
}

// Decodes spans and deltas back to (index, count).
std::map<int, int64_t> Decode(const std::vector<NativeHistogram::Span>& spans,
                              const std::vector<int64_t>& deltas) {
  std::map<int, int64_t> out;
  int index = 0;
  int64_t count = 0;
  size_t at = 0;
  for (const auto& span : spans) {
    index += span.offset;
    for (uint32_t i = 0; i < span.length; ++i, ++index) {
      count += deltas.at(at++);
      if (count != 0) out[index] = count;
    }
  }
  CHECK(at == deltas.size());
  return out;
}

TEST_CASE("the growth factor picks the schema") {
  const std::pair<double, int> cases[] = {{1.1, 3},  {1.05, 4},   {2, 0},      {4, -1},
                                          {1.5, 1},  {65536, -4}, {1e300, -4}, {1.0001, 8},
                                          {1.09, 4}, {16, -2},    {1.00271, 8}};
  for (const auto& [factor, schema] : cases) {
    CAPTURE(factor);
    CHECK(NativeBuckets(factor, 0).schema() == schema);
  }
}

TEST_CASE("native buckets hold (lower, upper]") {
  // Schema 0: bucket i is (2^(i-1), 2^i].
  NativeBuckets b(2, 0);
  for (double v : {1.0, 1.5, 2.0, 3.0, 4.0, 4.1, -0.3, 0.0, -0.0, 1e-300}) b.Observe(v);
  b.Observe(std::nan(""));
  b.Observe(kInf);
  NativeHistogram h = b.Snapshot();
  CHECK(h.schema == 0);
  CHECK(h.zero_count == 3);
  CHECK(h.zero_threshold == std::ldexp(1, -128));
  CHECK(Decode(h.positive_spans, h.positive_deltas) ==
        std::map<int, int64_t>{{0, 1}, {1, 2}, {2, 2}, {3, 1}, {1025, 1}});
  CHECK(Decode(h.negative_spans, h.negative_deltas) == std::map<int, int64_t>{{-1, 1}});
}

TEST_CASE("every value falls into the bucket of its schema") {
  std::mt19937_64 rng(7);
  std::uniform_real_distribution<double> exponent(-20, 20);
  for (double factor : {1.0028, 1.02, 1.1, 1.5, 2.0, 4.0, 300.0, 65536.0}) {
    for (int i = 0; i < 30; ++i) {
      NativeBuckets b(factor, 0);
      const double v = std::exp2(exponent(rng));
      b.Observe(v);
      const auto h = b.Snapshot();
      const int index = Decode(h.positive_spans, h.positive_deltas).begin()->first;
      const double width = std::exp2(-h.schema);
      if (!(std::exp2((index - 1) * width) < v && v <= std::exp2(index * width))) {
        FAIL("value " << v << " in bucket " << index << " of schema " << h.schema);
      }
    }
  }
}

TEST_CASE("too many native buckets halve the resolution and lose nothing") {
  NativeBuckets b(1.1, 10);
  for (int i = 1; i <= 200; ++i) b.Observe(i * 0.37);
  const auto h = b.Snapshot();
  const auto counts = Decode(h.positive_spans, h.positive_deltas);
  CHECK(counts.size() <= 10);
  CHECK(h.schema < 3);
  int64_t total = 0;
  const double width = std::exp2(-h.schema);
  for (const auto& [index, n] : counts) {
    int64_t expected = 0;
    for (int i = 1; i <= 200; ++i) {
      const double v = i * 0.37;
      expected += std::exp2((index - 1) * width) < v && v <= std::exp2(index * width);
    }
    CHECK(n == expected);
    total += n;
  }
  CHECK(total == 200);
}

TEST_CASE("an empty native histogram is told by an empty span") {
  Histogram h(HistogramOptions{.native_bucket_factor = 1.1});
  MetricSample s;
  h.Collect(&s);
  REQUIRE(s.native != nullptr);
  REQUIRE(s.native->positive_spans.size() == 1);
  CHECK(s.native->positive_spans[0].length == 0);
  CHECK(s.buckets.empty());
  h.Observe(3);
  h.Collect(&s);
  CHECK(s.native->positive_deltas == std::vector<int64_t>{1});
  CHECK(s.sample_count == 1);
}

TEST_CASE("quantiles stay within the allowed error, in whatever order values come") {
  const std::vector<std::pair<double, double>> targets = {{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}};
  constexpr int kCount = 50000;
  std::vector<double> values(kCount);
  for (int i = 0; i < kCount; ++i) values[i] = i + 1;
  for (int order = 0; order < 3; ++order) {
    if (order == 1) std::reverse(values.begin(), values.end());
    if (order == 2) std::shuffle(values.begin(), values.end(), std::mt19937(3));
    QuantileStream stream(targets);
    for (double v : values) stream.Insert(v);
    for (const auto& [quantile, error] : targets) {
      CAPTURE(order, quantile);
      CHECK(std::fabs(stream.Query(quantile) - quantile * kCount) <= error * kCount + 1);
    }
    CHECK(stream.samples() < 1500);
    CHECK(stream.count() == kCount);
  }
}

TEST_CASE("few values give exact quantiles") {
  const std::vector<std::pair<double, double>> targets = {{0.5, 0.05}, {0.99, 0.001}};
  QuantileStream stream(targets);
  CHECK(std::isnan(stream.Query(0.5)));
  for (double v : {5.0, 1.0, 3.0}) stream.Insert(v);
  CHECK(stream.Query(0.5) == 3);
  CHECK(stream.Query(0.99) == 5);
  stream.Reset();
  CHECK(std::isnan(stream.Query(0.99)));
}

TEST_CASE("a summary forgets what is older than its window") {
  FakeClock clock(1'000'000);
  Summary summary(SummaryOptions{.objectives = {{0.9, 0.01}, {0.5, 0.05}},
                                 .max_age_ms = 10'000,
                                 .age_buckets = 5,
                                 .clock = &clock});
  MetricSample s;
  for (int i = 1; i <= 100; ++i) summary.Observe(i);
  summary.Collect(&s);
  REQUIRE(s.quantiles.size() == 2);
  CHECK(s.quantiles[0].quantile == 0.5);  // sorted
  CHECK(std::fabs(s.quantiles[0].value - 50) <= 6);
  CHECK(std::fabs(s.quantiles[1].value - 90) <= 2);
  CHECK(s.sample_count == 100);
  CHECK(s.sample_sum == 5050);

  clock.Advance(std::chrono::seconds(6));
  for (int i = 0; i < 1000; ++i) summary.Observe(1000);
  summary.Collect(&s);
  CHECK(s.quantiles[0].value == 1000);
  clock.Advance(std::chrono::seconds(8));
  summary.Observe(7);
  clock.Advance(std::chrono::seconds(8));
  summary.Collect(&s);
  CHECK(s.quantiles[1].value == 7);
  clock.Advance(std::chrono::hours(5));
  summary.Collect(&s);
  CHECK(std::isnan(s.quantiles[0].value));
  CHECK(s.sample_count == 1101);
  summary.Observe(std::nan(""));
  summary.Observe(3);
  summary.Collect(&s);
  CHECK(s.quantiles[0].value == 3);
}

TEST_CASE("a summary without objectives only counts") {
  Summary summary(SummaryOptions{});
  summary.Observe(2);
  MetricSample s;
  summary.Collect(&s);
  CHECK(s.quantiles.empty());
  CHECK(s.sample_sum == 2);
}

TEST_CASE("vector children are found again, removed and made anew") {
  MetricVec<Counter> vec({"code", "method"}, {});
  vec.With({"200", "get"}).Inc();
  vec.With({"200", "get"}).Inc();
  vec.With({"20", "0get"}).Inc();
  Counter& old = vec.With({"200", "get"});
  CHECK(old.value() == 2);
  CHECK(vec.Remove({"200", "get"}));
  CHECK_FALSE(vec.Remove({"200", "get"}));
  old.Inc();  // still alive
  CHECK(vec.With({"200", "get"}).value() == 0);
  CHECK(vec.RemoveIf([](const auto& values) { return values[0] == "20"; }) == 1);
  int seen = 0;
  vec.ForEach([&](const auto& values, const Counter&) {
    CHECK(values[0] == "200");
    ++seen;
  });
  CHECK(seen == 1);
}

TEST_CASE("labels of a child come sorted by name") {
  MetricVec<Gauge> vec({"z", "a"}, {});
  CHECK(vec.LabelsOf({"1", "2"}) == std::vector<MetricLabel>{{"a", "2"}, {"z", "1"}});
}

TEST_CASE("children are created once, also by many threads at once") {
  MetricVec<Counter> vec({"n"}, {});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 3000; ++i) vec.With({std::to_string(i % 500)}).Inc();
    });
  }
  for (auto& t : threads) t.join();
  int children = 0;
  double total = 0;
  vec.ForEach([&](const auto&, const Counter& c) {
    ++children;
    total += c.value();
  });
  CHECK(children == 500);
  CHECK(total == 12000);
}

}  // namespace
}  // namespace narthex
