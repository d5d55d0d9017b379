#include "bench/promql/queries.h"

namespace narthex::bench {

std::vector<BenchQuery> BenchQueries() {
  using enum QueryClass;
  const std::string rate = "rate(bench_requests_total[5m])";
  const std::string errors = "rate(bench_requests_total{code=~\"5..\"}[5m])";
  const std::string buckets = "rate(bench_latency_seconds_bucket[5m])";
  return {
      {"one series, now", kOneSeries, true,
       R"(bench_requests_total{instance="10.0.0.7:8080",path="/api/v1/path3",code="200"})"},
      {"one series, rate now", kOneSeries, true,
       R"(rate(bench_requests_total{instance="10.0.0.7:8080",path="/api/v1/path3",code="200"}[5m]))"},
      {"instant selector", kInstant, true, R"(bench_requests_total{code="500"})"},
      {"count by name", kRaw, true, R"(count by (__name__) ({__name__=~"bench_.+"}))"},
      {"sum by rate, now", kInstant, true, "sum by (job) (" + rate + ")"},
      {"raw matrix, instant", kRaw, true, R"(bench_load{kind="k1"}[RANGE])"},
      {"raw matrix, range", kRaw, false, R"(bench_load{kind=~"k[12]"})"},
      {"one series, range", kRange, false,
       R"(rate(bench_requests_total{instance="10.0.0.7:8080",path="/api/v1/path3",code="200"}[5m]))"},
      {"sum", kRange, false, "sum(bench_requests_total)"},
      {"count by name, range", kRaw, false, R"(count by (__name__) ({__name__=~"bench_.+"}))"},
      {"sum(rate)", kRange, false, "sum(" + rate + ")"},
      {"sum by (job) (rate)", kRange, false, "sum by (job) (" + rate + ")"},
      {"sum by (instance, code) (rate)", kRange, false, "sum by (instance, code) (" + rate + ")"},
      {"histogram_quantile", kRange, false,
       "histogram_quantile(0.99, sum by (le) (" + buckets + "))"},
      {"histogram_quantile by handler", kRange, false,
       "histogram_quantile(0.9, sum by (le, handler, job) (" + buckets + "))"},
      {"topk", kRange, false, "topk(10, " + rate + ")"},
      {"topk of sums", kRange, false, "topk(5, sum by (instance) (" + rate + "))"},
      {"regex matchers", kRange, false,
       R"(sum by (code) (rate(bench_requests_total{path=~"/api/v1/path1.*",instance!~".*[13579]:8080"}[5m])))"},
      {"share of errors", kRange, false,
       "sum by (job) (" + errors + ") / sum by (job) (" + rate + ")"},
      {"join with group_left", kRange, false,
       "sum by (version) (rate(bench_requests_total{code=\"200\"}[5m]) * on (instance) group_left "
       "(version) bench_info)"},
      {"subquery", kRange, false,
       R"(max_over_time(sum by (job) (rate(bench_requests_total{code="500"}[5m]))[30m:1m]))"},
      {"avg_over_time", kRange, false, "avg by (kind) (avg_over_time(bench_load[10m]))"},
      {"quantile_over_time", kRange, false, "max(quantile_over_time(0.9, bench_load[10m]))"},
      {"stddev_over_time", kRange, false, "max by (kind) (stddev_over_time(bench_load[10m]))"},
      {"long max_over_time", kRange, false, "max by (kind) (max_over_time(bench_load[RANGE]))"},
      {"long increase, now", kInstant, true,
       "sum by (job) (increase(bench_requests_total{code=\"200\"}[RANGE]))"},
  };
}

}  // namespace narthex::bench
