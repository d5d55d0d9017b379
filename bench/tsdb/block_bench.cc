// Writing and reading blocks: 100,000 series of ten labels, two hours of samples every 15 s.
//
//   block_bench --benchmark_filter=Select

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "server/storage/tsdb/block/block.h"
#include "server/storage/tsdb/block/block_writer.h"
#include "server/storage/tsdb/block/select.h"
#include "server/storage/tsdb/chunkenc/xor_chunk.h"

namespace narthex::tsdb {
namespace {

constexpr int kInstances = 1000;
constexpr int kMetrics = 100;
constexpr int64_t kChunkMs = 30 * 60 * 1000;

// The same four chunks for every series: what is measured is the block, not the encoder.
class BenchSet final : public ChunkSeriesSet {
 public:
  BenchSet() {
    for (int64_t k = 0; k < 4; ++k) {
      XorChunk chunk;
      for (int64_t t = 0; t < kChunkMs; t += 15'000) {
        chunk.Append(k * kChunkMs + t, std::bit_cast<uint64_t>(static_cast<double>(t / 30'000)));
      }
      data_.push_back(chunk.bytes());
    }
    for (int64_t k = 0; k < 4; ++k) {
      chunks_.push_back({k * kChunkMs, (k + 1) * kChunkMs - 15'000, Encoding::kXor,
                         data_[static_cast<size_t>(k)]});
    }
    for (int m = 0; m < kMetrics; ++m) {
      for (int i = 0; i < kInstances; ++i) series_.push_back(MakeLabels(m, i));
    }
    std::sort(series_.begin(), series_.end());
  }
  void Rewind() { next_ = 0; }

  StatusOr<std::vector<std::string>> Symbols() override {
    std::vector<std::string> all;
    for (const Labels& labels : series_) {
      for (const Label& label : labels) all.emplace_back(label.name), all.emplace_back(label.value);
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }
  bool Next() override { return next_++ < series_.size(); }
  const Labels& labels() const override { return series_[next_ - 1]; }
  std::span<const ChunkView> chunks() const override { return chunks_; }
  Status status() const override { return OkStatus(); }
  size_t size() const { return series_.size(); }

 private:
  static Labels MakeLabels(int metric, int instance) {
    LabelsBuilder labels;
    labels.Set("__name__", fmt::format("metric_{:03}_total", metric));
    labels.Set("instance", fmt::format("host-{:04}:9100", instance));
    labels.Set("job", fmt::format("job-{}", instance % 20));
    labels.Set("pod", fmt::format("pod-{:x}", instance * 7919));
    labels.Set("namespace", fmt::format("ns-{}", instance % 50));
    for (const char* name : {"cluster", "region", "zone", "env", "team"}) {
      labels.Set(name, fmt::format("{}-{}", name, instance % 4));
    }
    return labels.Build();
  }
  std::vector<std::string> data_;
  std::vector<ChunkView> chunks_;
  std::vector<Labels> series_;
  size_t next_ = 0;
};

BenchSet& Set() {
  static BenchSet* set = new BenchSet();
  set->Rewind();
  return *set;
}

// Removed at exit.
const std::string& Directory() {
  static const std::string path = [] {
    std::string pattern = (std::filesystem::temp_directory_path() / "block-bench-XXXXXX").string();
    const std::string made = ::mkdtemp(pattern.data());
    std::atexit([] { std::filesystem::remove_all(Directory()); });
    return made;
  }();
  return path;
}

BlockMeta WriteOne() {
  BlockMeta meta;
  meta.max_time = 4 * kChunkMs;
  return BlockWriter(Directory()).Write(meta, &Set()).value();
}

const std::shared_ptr<Block>& OpenOne() {
  static const auto* block = new std::shared_ptr<Block>(
      Block::Open(Directory() + "/" + WriteOne().ulid.ToString()).value());
  return *block;
}

void Write(benchmark::State& state) {
  const size_t series = Set().size();
  for (auto _ : state) {
    const BlockMeta meta = WriteOne();
    state.PauseTiming();
    std::filesystem::remove_all(Directory() + "/" + meta.ulid.ToString());
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * series));
}
BENCHMARK(Write)->Unit(benchmark::kMillisecond);

void OpenBlock(benchmark::State& state) {
  const std::string dir = OpenOne()->dir();
  for (auto _ : state) benchmark::DoNotOptimize(Block::Open(dir));
  state.counters["memory"] = static_cast<double>(OpenOne()->index().memory_bytes());
}
BENCHMARK(OpenBlock)->Unit(benchmark::kMicrosecond);

void Select(benchmark::State& state,
            std::vector<std::pair<MatchType, std::pair<const char*, const char*>>> spec) {
  std::vector<Matcher> matchers;
  for (const auto& [type, pair] : spec) {
    matchers.push_back(*Matcher::Create(type, pair.first, pair.second));
  }
  size_t found = 0;
  for (auto _ : state) found = SelectSeries(OpenOne()->index(), matchers)->size();
  state.counters["series"] = static_cast<double>(found);
}
using enum MatchType;
BENCHMARK_CAPTURE(Select, name, {{kEqual, {"__name__", "metric_042_total"}}});
BENCHMARK_CAPTURE(Select, one,
                  {{kEqual, {"__name__", "metric_042_total"}},
                   {kEqual, {"instance", "host-0500:9100"}}});
BENCHMARK_CAPTURE(Select, regex,
                  {{kEqual, {"__name__", "metric_042_total"}},
                   {kRegex, {"instance", "host-0[1-3].*"}}});
BENCHMARK_CAPTURE(Select, not_equal, {{kNotEqual, {"job", "job-3"}}, {kEqual, {"zone", "zone-1"}}});
BENCHMARK_CAPTURE(Select, all_of_a_label, {{kRegex, {"pod", ".+"}}});

void LabelsOfSeries(benchmark::State& state) {
  const auto list = OpenOne()->NewQuerier(0, INT64_MAX)->Select({}, {}).value();
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(list->labels(i++ % list->size()));
}
BENCHMARK(LabelsOfSeries);

void ReadSeries(benchmark::State& state) {
  const auto list = OpenOne()->NewQuerier(0, INT64_MAX)->Select({}, {}).value();
  storage::SampleColumns columns;
  size_t i = 0;
  int64_t samples = 0;
  for (auto _ : state) {
    columns.Clear();
    if (!list->Read(i++ % list->size(), 0, INT64_MAX, &columns).ok()) state.SkipWithError("read");
    samples += static_cast<int64_t>(columns.size());
  }
  state.SetItemsProcessed(samples);
}
BENCHMARK(ReadSeries);

}  // namespace
}  // namespace narthex::tsdb
