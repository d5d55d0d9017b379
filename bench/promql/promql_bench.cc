// The PromQL engine over series in memory: what a query costs beyond storage. "ns/cell" is time per
// series and step.

#include <benchmark/benchmark.h>

#include "server/promql/engine/engine.h"
#include "server/promql/testing/memory_storage.h"

namespace narthex::promql {
namespace {

constexpr size_t kSeries = 10'000;
constexpr int64_t kScrape = 15'000;
constexpr int64_t kEnd = 3'600'000 * 2;

const MemoryStorage& Storage() {
  static const MemoryStorage* const storage = [] {
    auto* s = new MemoryStorage();
    for (size_t i = 0; i < kSeries; ++i) {
      const std::string instance = std::to_string(i % 100);
      const std::string path = std::to_string(i / 100);
      const Labels labels{
          {"__name__", "requests_total"}, {"job", "bench"}, {"instance", instance}, {"path", path}};
      double v = static_cast<double>(i);
      for (int64_t t = 0; t <= kEnd; t += kScrape) {
        s->Add(labels, t, v);
        v += static_cast<double>((i + static_cast<size_t>(t / kScrape)) % 7);
      }
    }
    return s;
  }();
  return *storage;
}

void Run(benchmark::State& state, const char* query, int64_t step_ms) {
  const Engine engine(EngineOptions{});
  const MemoryStorage& storage = Storage();
  const int64_t start = 3'600'000;
  const auto steps = static_cast<size_t>((kEnd - start) / step_ms) + 1;
  for (auto _ : state) {
    auto result = engine.Range(storage, query, start, kEnd, step_ms, {});
    if (!result.ok()) state.SkipWithError(std::string(MessageOf(result.status())).c_str());
    benchmark::DoNotOptimize(result);
  }
  state.counters["ns/cell"] = benchmark::Counter(
      static_cast<double>(kSeries * steps) / 1e9,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void Selector(benchmark::State& s) { Run(s, "requests_total", s.range(0)); }
void SumSelector(benchmark::State& s) { Run(s, "sum(requests_total)", s.range(0)); }
void SumRate(benchmark::State& s) { Run(s, "sum(rate(requests_total[5m]))", s.range(0)); }
void SumByRate(benchmark::State& s) {
  Run(s, "sum by (instance) (rate(requests_total[5m]))", s.range(0));
}
void AvgOverTime(benchmark::State& s) {
  Run(s, "sum(avg_over_time(requests_total[5m]))", s.range(0));
}
void TopK(benchmark::State& s) { Run(s, "topk(10, rate(requests_total[5m]))", s.range(0)); }
void Ratio(benchmark::State& s) {
  Run(s, "sum by (path) (requests_total / ignoring () requests_total)", s.range(0));
}

BENCHMARK(Selector)->Arg(15'000)->Unit(benchmark::kMillisecond);
BENCHMARK(SumSelector)->Arg(15'000)->Unit(benchmark::kMillisecond);
BENCHMARK(SumRate)->Arg(15'000)->Arg(60'000)->Unit(benchmark::kMillisecond);
BENCHMARK(SumByRate)->Arg(15'000)->Unit(benchmark::kMillisecond);
BENCHMARK(AvgOverTime)->Arg(15'000)->Unit(benchmark::kMillisecond);
BENCHMARK(TopK)->Arg(15'000)->Unit(benchmark::kMillisecond);
BENCHMARK(Ratio)->Arg(15'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace narthex::promql
