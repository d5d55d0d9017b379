// Decoding of XOR chunks as a query does it: a day of a series at a time, twelve chunks of 120
// samples, of so many series that no branch is learned by heart.
//
//   chunk_bench --benchmark_filter=Decode/decimals

#include <benchmark/benchmark.h>

#include <bit>
#include <cmath>
#include <random>

#include "server/storage/tsdb/chunkenc/xor_chunk.h"

namespace narthex::tsdb {
namespace {

constexpr int kTargets = 8;
constexpr int kSeriesOfTarget = 32;
constexpr int kChunks = 12;
constexpr int64_t kIntervalMs = 60'000;

enum class Values { kConstant, kIdle, kSlow, kCounter, kDecimals, kFloats };
// On the grid; off it at every eighth scrape; the same, of every series on its own.
enum class Times { kGrid, kJitter, kOwn };

class Series {
 public:
  Series(Values values, Times times, int target, int number)
      : values_(values),
        times_(times),
        clock_(static_cast<uint64_t>(times == Times::kOwn ? 1000 * number + target : target)),
        random_(static_cast<uint64_t>(target * kSeriesOfTarget + number)),
        time_(1'700'000'000'000 + target * 37) {}

  std::string NextChunk() {
    XorChunk chunk;
    for (int i = 0; i < kSamplesPerChunk; ++i) {
      const bool late = times_ != Times::kGrid && clock_() % 8 == 0;
      chunk.Append(time_ + (late ? static_cast<int64_t>(clock_() % 4) : 0),
                   std::bit_cast<uint64_t>(value_));
      time_ += kIntervalMs;
      Step();
    }
    return chunk.bytes();
  }

 private:
  void Step() {
    switch (values_) {
      case Values::kConstant: return;
      case Values::kIdle:  // one of twenty changes
        if (random_() % 20 == 0) value_ += static_cast<double>(random_() % 20);
        return;
      case Values::kSlow:  // three of ten change
        if (random_() % 10 < 3) value_ += static_cast<double>(random_() % 20);
        return;
      case Values::kCounter: value_ += static_cast<double>(random_() % 20); return;
      case Values::kDecimals:
        value_ = std::round((value_ + static_cast<double>(random_() % 200) / 100 - 1) * 100) / 100;
        return;
      case Values::kFloats: value_ = std::normal_distribution<double>(100, 10)(random_); return;
    }
  }

  const Values values_;
  const Times times_;
  std::mt19937_64 clock_, random_;
  int64_t time_;
  double value_ = 500;
};

void BM_Decode(benchmark::State& state, Values values, Times times) {
  std::vector<std::string> data;
  for (int target = 0; target < kTargets; ++target) {
    for (int number = 0; number < kSeriesOfTarget; ++number) {
      Series series(values, times, target, number);
      for (int k = 0; k < kChunks; ++k) data.push_back(series.NextChunk());
    }
  }
  size_t bytes = 0;
  for (const std::string& chunk : data) bytes += chunk.size();
  storage::SampleColumns columns;
  for (auto _ : state) {
    for (size_t i = 0; i < data.size(); ++i) {
      if (i % kChunks == 0) columns.Clear();
      benchmark::DoNotOptimize(DecodeXorChunk(data[i], INT64_MIN, INT64_MAX, &columns).ok());
    }
  }
  const auto samples = static_cast<double>(data.size() * kSamplesPerChunk);
  state.counters["bytes/sample"] = static_cast<double>(bytes) / samples;
  state.counters["ns/sample"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * samples * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void RegisterAll() {
  const std::pair<const char*, Values> kinds[] = {
      {"constant", Values::kConstant}, {"idle", Values::kIdle},
      {"slow", Values::kSlow},         {"counter", Values::kCounter},
      {"decimals", Values::kDecimals}, {"floats", Values::kFloats}};
  const std::pair<const char*, Times> clocks[] = {
      {"grid", Times::kGrid}, {"jitter", Times::kJitter}, {"own", Times::kOwn}};
  for (const auto& [kind, values] : kinds) {
    for (const auto& [clock, times] : clocks) {
      const std::string name = std::string("Decode/") + kind + "/" + clock;
      benchmark::RegisterBenchmark(name.c_str(), BM_Decode, values, times)
          ->Unit(benchmark::kMicrosecond);
    }
  }
}

[[maybe_unused]] const bool registered = (RegisterAll(), true);

}  // namespace
}  // namespace narthex::tsdb
