// The hot paths of the storage: one tick of a group, row encoding, chunk decoding, replay.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "core/log/log.h"
#include "server/storage/tsdb/chunkenc/xor_chunk.h"
#include "server/storage/tsdb/db.h"
#include "server/storage/tsdb/head/value_stream.h"
#include "server/storage/tsdb/series/matching.h"
#include "server/storage/tsdb/wal/row_codec.h"

namespace narthex::tsdb {
namespace {

constexpr int64_t kT0 = 1'700'000'000'000;

class Directory {
 public:
  Directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tsdb-bench-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
    SetLogLevel(LogLevel::kError);
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string path_;
};

Options BenchOptions(const std::string& dir) {
  Options options;
  options.dir = dir;
  options.maintenance_interval = std::chrono::milliseconds(0);
  return options;
}

void AddMembers(storage::GroupWriter& group, int target, size_t n) {
  bool created;
  for (size_t i = 0; i < n; ++i) {
    (void)*group.AddMember(Labels{{"__name__", fmt::format("metric_{}", i % 97)},
                                  {"instance", fmt::format("host-{}:9100", target)},
                                  {"job", "node"},
                                  {"series", fmt::format("{}", i)}},
                           &created);
  }
}

// 30 % of the values change: counters, decimals, floats.
void Change(std::vector<double>* values, int tick) {
  for (size_t i = static_cast<size_t>(tick) % 10; i < values->size(); i += 10) {
    (*values)[i] += static_cast<double>(i % 7 + 1);
  }
  for (size_t i = static_cast<size_t>(tick + 3) % 10; i < values->size(); i += 10) {
    (*values)[i] = static_cast<double>(tick * 31 % 1000) / 100;
  }
  for (size_t i = static_cast<size_t>(tick + 7) % 10; i < values->size(); i += 10) {
    (*values)[i] = static_cast<double>(tick) * 0.731 + static_cast<double>(i);
  }
}

void BM_Tick(benchmark::State& state) {
  Directory dir;
  auto db = *Db::Open(BenchOptions(dir.path_));
  const auto n = static_cast<size_t>(state.range(0));
  auto group = db->NewGroup();
  AddMembers(*group, 0, n);
  std::vector<double> values(n);
  int tick = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Change(&values, tick);
    state.ResumeTiming();
    benchmark::DoNotOptimize(group->CommitTick(kT0 + ++tick * 15000, values).appended);
  }
  state.counters["ns/sample"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(n) * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  group.reset();
}
BENCHMARK(BM_Tick)->Arg(1000)->Arg(10000);

// Ticks of many groups, each `churn` per cent of whose members others have taken the place of in
// every tick before.
void BM_TickAfterChurn(benchmark::State& state) {
  constexpr int kGroups = 100, kTicksBefore = 40;
  constexpr size_t kMembers = 1000;
  Directory dir;
  auto db = *Db::Open(BenchOptions(dir.path_));
  struct Source {
    std::unique_ptr<storage::GroupWriter> group;
    std::vector<uint32_t> members;  // by place in the exposition
    std::vector<double> shown, values;
    size_t next = 0;
  };
  std::vector<Source> sources(kGroups);
  int generation = 0, tick = 0;
  const auto add = [&](Source& source, size_t i) {
    bool created;
    source.members[i] = *source.group->AddMember(
        Labels{{"__name__", fmt::format("metric_{}", i % 97)},
               {"generation", fmt::format("{}", generation)},
               {"instance", fmt::format("host-{}:9100", &source - sources.data())},
               {"series", fmt::format("{}", i)}},
        &created);
  };
  const auto commit = [&](Source& source) {
    source.values.resize(source.group->member_count());
    for (size_t i = 0; i < kMembers; ++i) source.values[source.members[i]] = source.shown[i];
    return source.group->CommitTick(kT0 + tick * 5000, source.values).appended;
  };
  for (Source& source : sources) {
    source.group = db->NewGroup();
    source.members.resize(kMembers);
    source.shown.resize(kMembers);
    for (size_t i = 0; i < kMembers; ++i) add(source, i);
  }
  const auto churned = kMembers * static_cast<size_t>(state.range(0)) / 100;
  while (++tick < kTicksBefore) {
    ++generation;
    for (Source& source : sources) {
      for (size_t k = 0; k < churned; ++k) {
        const size_t i = source.next++ % kMembers;
        source.group->RetireMember(source.members[i]);
        add(source, i);
      }
      Change(&source.shown, tick);
      commit(source);
    }
  }
  for (auto _ : state) {
    state.PauseTiming();
    ++tick;
    for (Source& source : sources) Change(&source.shown, tick);
    state.ResumeTiming();
    for (Source& source : sources) benchmark::DoNotOptimize(commit(source));
  }
  state.counters["ns/sample"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * kGroups * static_cast<double>(kMembers) * 1e-9,
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  for (Source& source : sources) source.group.reset();
}
BENCHMARK(BM_TickAfterChurn)->Arg(0)->Arg(5)->Iterations(40)->Unit(benchmark::kMillisecond);

void BM_RowEncode(benchmark::State& state) {
  std::vector<double> before(1000), after(1000);
  Change(&before, 1);
  after = before;
  Change(&after, 2);
  RowScratch scratch;
  for (auto _ : state) {
    RowBuilder row(false, &scratch);
    row.Reserve(before.size());
    for (size_t i = 0; i < before.size(); ++i) {
      row.Add(std::bit_cast<uint64_t>(before[i]), std::bit_cast<uint64_t>(after[i]));
    }
    benchmark::DoNotOptimize(row.Build({.group = 1}));
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(BM_RowEncode);

void BM_XorDecode(benchmark::State& state) {
  XorChunk chunk;
  for (int i = 0; i < 120; ++i) chunk.Append(kT0 + i * 15000, std::bit_cast<uint64_t>(i / 2 * 7.0));
  storage::SampleColumns columns;
  for (auto _ : state) {
    columns.Clear();
    benchmark::DoNotOptimize(DecodeXorChunk(chunk.bytes(), INT64_MIN, INT64_MAX, &columns).ok());
  }
  state.SetItemsProcessed(state.iterations() * 120);
}
BENCHMARK(BM_XorDecode);

void BM_StreamDecode(benchmark::State& state) {
  Slab slab;
  ValueState s;
  for (int i = 0; i < 120; ++i) AppendValue(slab, &s, std::bit_cast<uint64_t>(i * i % 7 + 0.25));
  uint64_t out[kMaxStreamValues];
  for (auto _ : state) {
    DecodeValues(s, slab.Address(s.buffer), out);
    benchmark::DoNotOptimize(out[119]);
  }
  state.SetItemsProcessed(state.iterations() * 120);
}
BENCHMARK(BM_StreamDecode);

// A regular expression over 20,000 values of a label, as one query after the other asks for it, and
// asked for the first time each time.
void BM_SelectByRegex(benchmark::State& state, bool again) {
  SeriesIndex index;
  for (uint64_t i = 0; i < 20000; ++i) {
    (void)index.Create(Labels{{"__name__", "up"}, {"instance", fmt::format("host-{:05}:9100", i)}},
                       i + 1, nullptr);
  }
  size_t found = 0;
  uint64_t n = 0;
  for (auto _ : state) {
    const std::string expression = fmt::format("host-.*[37]:9100|{}", again ? 0 : ++n);
    const Matcher matchers[] = {*Matcher::Create(MatchType::kRegex, "instance", expression)};
    found += SelectSeries(index, matchers).size();
  }
  benchmark::DoNotOptimize(found);
}
BENCHMARK_CAPTURE(BM_SelectByRegex, first, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_SelectByRegex, again, true)->Unit(benchmark::kMicrosecond);

void BM_Replay(benchmark::State& state) {
  Directory dir;
  constexpr size_t kSeries = 20000;
  constexpr int kTicks = 100;
  {
    auto db = *Db::Open(BenchOptions(dir.path_));
    for (int target = 0; target < 20; ++target) {
      auto group = db->NewGroup();
      AddMembers(*group, target, kSeries / 20);
      std::vector<double> values(kSeries / 20);
      for (int t = 1; t <= kTicks; ++t) {
        Change(&values, t);
        group->CommitTick(kT0 + t * 15000, values);
      }
    }
  }
  for (auto _ : state)
    benchmark::DoNotOptimize((*Db::Open(BenchOptions(dir.path_)))->series_count());
  state.counters["ns/sample"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kSeries * kTicks * 1e-9,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_Replay)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace narthex::tsdb
