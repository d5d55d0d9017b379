#include "server/storage/tsdb/compact/chunk_joiner.h"

#include <random>

#include "server/storage/tsdb/compact/testing.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

// Chunks of these many samples, one sample every 15 s.
std::vector<EncodedChunk> Chunks(const std::vector<size_t>& counts, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  std::vector<EncodedChunk> out;
  int64_t t = 1'700'000'000'000;
  for (const size_t count : counts) {
    ChunkListEncoder encoder;
    for (size_t i = 0; i < count; ++i, t += 15000) encoder.Add(t, random());
    for (EncodedChunk& chunk : encoder.Take()) out.push_back(std::move(chunk));
  }
  return out;
}

std::vector<ChunkView> ViewsOf(const std::vector<EncodedChunk>& chunks) {
  std::vector<ChunkView> out;
  for (const EncodedChunk& chunk : chunks) out.push_back(chunk.view());
  return out;
}

Samples Decode(std::span<const ChunkView> chunks) {
  Samples out;
  int64_t end = INT64_MIN;
  for (const ChunkView& chunk : chunks) {
    REQUIRE(chunk.mint > end);
    const auto it = NewChunkIterator(chunk);
    for (bool first = true; it->Next() != SampleKind::kNone; first = false) {
      if (first) REQUIRE(it->time() == chunk.mint);
      end = it->time();
      REQUIRE(out.emplace(it->time(), it->bits()).second);
    }
    REQUIRE(it->status().ok());
    REQUIRE(end == chunk.maxt);
  }
  return out;
}

TEST_CASE("Chunks are joined until there are as many as Prometheus makes") {
  struct Case {
    std::vector<size_t> counts, want;
  };
  const Case cases[] = {
      {{}, {}},
      {{1}, {1}},
      {{1, 1}, {2}},
      {{60, 60}, {120}},
      {{120, 120, 120, 120}, {120, 120, 120, 120}},
      {{75, 120, 120, 120, 45}, {120, 120, 120, 120}},
      {{64, 64, 64, 64, 64, 64, 64, 32}, {120, 120, 120, 120}},
      {{120, 120, 1}, {120, 121}},
      {{115, 117}, {115, 117}},
      {{115, 116}, {231}},
      {{40, 240, 40}, {160, 160}},
      {{1, 1, 1, 1, 345}, {116, 116, 117}},
  };
  ChunkJoiner joiner;
  for (const Case& c : cases) {
    // Longer than the encoder makes them are joined ones.
    std::vector<EncodedChunk> chunks;
    int64_t t = 0;
    for (const size_t count : c.counts) {
      XorChunk chunk;
      for (size_t i = 0; i < count; ++i, t += 15000) chunk.Append(t, i / 50);
      chunks.push_back({chunk.first_time(), chunk.last_time(), Encoding::kXor, chunk.bytes()});
    }
    const std::vector<ChunkView> views = ViewsOf(chunks);
    const auto joined = joiner.Join(views);
    std::vector<size_t> got;
    for (const ChunkView& chunk : joined) got.push_back(SamplesOf(chunk.data));
    CHECK(got == c.want);
    CHECK(Decode(joined) == Decode(views));
  }
}

TEST_CASE("Chunks are as long as they shall be, but end behind a kilobyte") {
  struct Case {
    int samples_per_chunk;
    std::vector<size_t> counts, want;
  };
  const Case cases[] = {
      {30, {15, 30, 30, 30, 15}, {15, 30, 30, 30, 15}},  // 120 by 24 are five
      {30, {30, 30, 30, 30}, {30, 30, 30, 30}},
      {240, {120, 120, 120, 120}, {240, 240}},
      {1000, {120, 120, 120, 120}, {480}},
      {100'000, {120, 120, 120, 120}, {480}},
      {1, {1, 1}, {1, 1}},
      {0, {1, 1}, {1, 1}},
  };
  for (const Case& c : cases) {
    std::vector<EncodedChunk> chunks;
    int64_t t = 0;
    for (const size_t count : c.counts) {
      XorChunk chunk;
      for (size_t i = 0; i < count; ++i, t += 15000) chunk.Append(t, 7);
      chunks.push_back({chunk.first_time(), chunk.last_time(), Encoding::kXor, chunk.bytes()});
    }
    const std::vector<ChunkView> views = ViewsOf(chunks);
    ChunkJoiner joiner(c.samples_per_chunk);
    std::vector<size_t> got;
    for (const ChunkView& chunk : joiner.Join(views)) got.push_back(SamplesOf(chunk.data));
    INFO(c.samples_per_chunk);
    CHECK(got == c.want);
  }
  // Noise of some ten bytes a sample.
  const auto noise = Chunks({50, 50, 50, 50, 50, 50, 50, 50});
  const auto views = ViewsOf(noise);
  ChunkJoiner joiner(1000);
  const auto joined = joiner.Join(views);
  CHECK(joined.size() == 4);
  for (const ChunkView& chunk : joined) CHECK(chunk.data.size() <= 1024);
}

TEST_CASE("Any chunks hold the same samples when they were joined") {
  std::mt19937 random(5);
  ChunkJoiner joiner;
  for (int round = 0; round < 300; ++round) {
    std::vector<size_t> counts(random() % 20);
    for (size_t& count : counts) count = random() % 120 + 1;
    const auto chunks = Chunks(counts, random());
    const auto views = ViewsOf(chunks);
    const auto joined = joiner.Join(views);
    CHECK(joined.size() <= views.size());
    CHECK(Decode(joined) == Decode(views));
  }
}

TEST_CASE("Full chunks and histograms are not touched, damaged ones neither") {
  auto chunks = Chunks({60, 30});
  EncodedChunk histogram{chunks[1].maxt + 1, chunks[1].maxt + 1, Encoding::kHistogram, {}};
  IntHistogramChunk one;
  one.Begin(histogram.mint, IntHistogram{.schema = 1}, ResetHeader::kUnknown);
  histogram.data = one.bytes();
  chunks.push_back(histogram);
  auto views = ViewsOf(chunks);
  ChunkJoiner joiner;
  auto joined = joiner.Join(views);
  REQUIRE(joined.size() == 2);
  CHECK(SamplesOf(joined[0].data) == 90);
  CHECK(joined[1].data.data() == views[2].data.data());

  views[0].data = views[0].data.substr(0, 100);  // says 60 samples
  joined = joiner.Join(views);
  REQUIRE(joined.size() == 3);
  for (size_t i = 0; i < 3; ++i) CHECK(joined[i].data.data() == views[i].data.data());
}

}  // namespace
}  // namespace narthex::tsdb
