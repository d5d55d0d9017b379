#include "server/storage/tsdb/compact/merge_set.h"

#include <fmt/format.h>

#include <random>
#include <set>

#include "server/storage/tsdb/chunkenc/chunk_list.h"
#include "server/storage/tsdb/compact/chunk_merger.h"
#include "server/storage/tsdb/compact/testing.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

std::unique_ptr<ChunkSeriesSet> Merge(std::unique_ptr<FakeSet> a, std::unique_ptr<FakeSet> b) {
  std::vector<std::unique_ptr<ChunkSeriesSet>> sets;
  sets.push_back(std::move(a));
  sets.push_back(std::move(b));
  return MergeSeriesSets(std::move(sets));
}

TEST_CASE("Chunks that do not overlap are the same bytes after a merge") {
  auto a = std::make_unique<FakeSet>(Contents{{"x", Regular(0, 3000, 10, 1)}}, 50);
  auto b = std::make_unique<FakeSet>(Contents{{"x", Regular(3000, 6000, 10, 2)}}, 70);
  std::vector<const char*> want;
  for (const FakeSet* set : {a.get(), b.get()}) {
    for (const ChunkView& chunk : set->chunks_of(0)) want.push_back(chunk.data.data());
  }
  auto merged = Merge(std::move(a), std::move(b));
  REQUIRE(merged->Next());
  std::vector<const char*> got;
  for (const ChunkView& chunk : merged->chunks()) got.push_back(chunk.data.data());
  CHECK(got == want);
  Samples all = Regular(0, 3000, 10, 1);
  all.merge(Regular(3000, 6000, 10, 2));
  CHECK(SamplesIn(*merged) == all);
  CHECK_FALSE(merged->Next());
  CHECK(merged->status().ok());
}

TEST_CASE("Of two samples at one time the first set wins") {
  auto merged = Merge(
      std::make_unique<FakeSet>(Contents{{"x", {{1, Bits(1)}, {3, Bits(3)}}}}, 120),
      std::make_unique<FakeSet>(Contents{{"x", {{1, Bits(7)}, {2, Bits(2)}, {4, Bits(4)}}}}, 120));
  REQUIRE(merged->Next());
  CHECK(SamplesIn(*merged) == Samples{{1, Bits(1)}, {2, Bits(2)}, {3, Bits(3)}, {4, Bits(4)}});
  CHECK(merged->chunks().size() == 1);
}

TEST_CASE("A merge ends with the error of an input") {
  auto a = std::make_unique<FakeSet>(
      Contents{{"a", Regular(0, 10, 1, 0)}, {"c", Regular(0, 10, 1, 0)}}, 120);
  auto b = std::make_unique<FakeSet>(
      Contents{{"b", Regular(0, 10, 1, 0)}, {"d", Regular(0, 10, 1, 0)}}, 120);
  b->FailAt(1);
  auto merged = Merge(std::move(a), std::move(b));
  REQUIRE(merged->Next());
  REQUIRE(merged->Next());
  CHECK_FALSE(merged->Next());
  CHECK(merged->status().code() == StatusCode::kDataLoss);
  CHECK_FALSE(merged->Next());
}

TEST_CASE("A merge has every sample of its inputs, once, in order") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::unique_ptr<ChunkSeriesSet>> sets;
    Contents want;
    std::set<std::string> symbols;
    const size_t n = random() % 5 + 1;
    for (size_t s = 0; s < n; ++s) {
      Contents series;
      for (size_t k = random() % 6; k > 0; --k) {
        const std::string name = fmt::format("s{:02}", random() % 8);
        Samples samples;
        auto t = static_cast<int64_t>(random() % 5000) - 1000;
        for (size_t i = random() % 700 + 1; i > 0; --i) {
          samples[t] = Bits(static_cast<double>(random() % 100));
          t += static_cast<int64_t>(random() % 20) + 1;
        }
        series[name] = samples;
      }
      for (const auto& [name, samples] : series) {
        symbols.insert({"__name__", "m", "n", name});
        want[name].insert(samples.begin(), samples.end());
      }
      sets.push_back(std::make_unique<FakeSet>(series, random() % 120 + 1));
    }
    auto merged = MergeSeriesSets(std::move(sets));
    const auto got_symbols = merged->Symbols();
    REQUIRE(got_symbols.ok());
    CHECK(*got_symbols == std::vector<std::string>(symbols.begin(), symbols.end()));
    Contents got;
    Labels last;
    while (merged->Next()) {
      REQUIRE(last < merged->labels());
      last = merged->labels();
      got[std::string(last.Get("n"))] = SamplesIn(*merged);
    }
    REQUIRE(merged->status().ok());
    CHECK(got == want);
  }
}

FloatHistogram Histogram(double count) {
  FloatHistogram h;
  h.count = count;
  h.sum = count;
  h.positive_spans = {{0, 1}};
  h.positive_buckets = {count};
  return h;
}

EncodedChunk HistogramChunk(std::initializer_list<std::pair<int64_t, double>> samples,
                            uint8_t header) {
  ChunkListEncoder encoder;
  for (const auto& [t, count] : samples) encoder.Add(t, Histogram(count));
  std::vector<EncodedChunk> chunks = encoder.Take();
  REQUIRE(chunks.size() == 1);
  auto byte = static_cast<uint8_t>(chunks[0].data[2]);
  chunks[0].data[2] = static_cast<char>((byte & 0x3f) | header);
  return chunks[0];
}

uint8_t HeaderOf(const ChunkView& chunk) { return static_cast<uint8_t>(chunk.data[2]) & 0xc0; }

TEST_CASE("A counter reset header does not survive another neighbour") {
  constexpr uint8_t kReset = 0x80, kNotReset = 0x40, kGauge = 0xc0;
  const EncodedChunk a1 = HistogramChunk({{10, 5}, {20, 6}}, kReset);
  const EncodedChunk a2 = HistogramChunk({{50, 7}, {60, 8}}, kNotReset);
  const EncodedChunk a3 = HistogramChunk({{70, 9}, {80, 10}}, kNotReset);
  const EncodedChunk b = HistogramChunk({{30, 1}, {40, 2}}, kReset);
  const EncodedChunk g = HistogramChunk({{90, 1}, {95, 2}}, kGauge);
  ChunkMerger merger;
  std::vector<ChunkMerger::Input> inputs = {
      {a1.view(), 0}, {a2.view(), 0}, {a3.view(), 0}, {b.view(), 1}, {g.view(), 1}};
  const auto merged = merger.Merge(&inputs);
  REQUIRE(merged.ok());
  REQUIRE(merged->size() == 5);
  CHECK(HeaderOf((*merged)[0]) == kReset);     // still the first
  CHECK(HeaderOf((*merged)[1]) == 0);          // b, now behind a1
  CHECK(HeaderOf((*merged)[2]) == 0);          // a2, now behind b
  CHECK(HeaderOf((*merged)[3]) == kNotReset);  // a3 still follows a2
  CHECK(HeaderOf((*merged)[4]) == kGauge);
  CHECK(merger.recoded() == 0);
}

TEST_CASE("The same chunk in several blocks stays one") {
  const EncodedChunk chunk = HistogramChunk({{10, 5}, {20, 6}}, 0x40);
  ChunkMerger merger;
  std::vector<ChunkMerger::Input> inputs = {
      {chunk.view(), 0}, {chunk.view(), 1}, {chunk.view(), 2}};
  const auto merged = merger.Merge(&inputs);
  REQUIRE(merged.ok());
  REQUIRE(merged->size() == 1);
  CHECK((*merged)[0].data == chunk.data);
  CHECK(merger.recoded() == 0);
}

}  // namespace
}  // namespace narthex::tsdb
