// What instrumentation costs the instrumented: updates, look-ups of children, a gather.

#include <benchmark/benchmark.h>

#include "core/metrics/registry.h"

namespace narthex {
namespace {

void BM_CounterInc(benchmark::State& state) {
  static Counter counter;
  for (auto _ : state) counter.Inc();
}
BENCHMARK(BM_CounterInc)->Threads(1)->Threads(2);

void BM_VecWith(benchmark::State& state) {
  static MetricVec<Counter> vec({"code", "method", "handler"}, {});
  for (auto _ : state) vec.With({"200", "get", "/api/v1/query"}).Inc();
}
BENCHMARK(BM_VecWith)->Threads(1)->Threads(2);

void BM_HistogramObserve(benchmark::State& state) {
  static Histogram histogram(HistogramOptions{.buckets = DefaultBuckets()});
  double v = 0;
  for (auto _ : state) histogram.Observe(v = v > 9 ? 0 : v + 0.01);
}
BENCHMARK(BM_HistogramObserve)->Threads(1)->Threads(2);

void BM_NativeHistogramObserve(benchmark::State& state) {
  Histogram histogram(HistogramOptions{.native_bucket_factor = 1.1, .native_max_buckets = 160});
  double v = 0;
  for (auto _ : state) histogram.Observe(v = v > 9 ? 0.01 : v + 0.01);
}
BENCHMARK(BM_NativeHistogramObserve);

void BM_SummaryObserve(benchmark::State& state) {
  Summary summary(SummaryOptions{.objectives = {{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}}});
  double v = 0;
  for (auto _ : state) summary.Observe(v = v > 9 ? 0 : v + 0.01);
}
BENCHMARK(BM_SummaryObserve);

void BM_Gather(benchmark::State& state) {
  Registry registry;
  auto& vec = registry.AddCounterVec("requests_total", "Requests.", {"code", "path"});
  for (int i = 0; i < state.range(0); ++i) vec.With({"200", std::to_string(i)}).Inc();
  for (auto _ : state) benchmark::DoNotOptimize(registry.Gather());
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Gather)->Arg(1000)->Arg(10000);

}  // namespace
}  // namespace narthex
