#include "server/storage/tsdb/chunkenc/histogram_chunk.h"

#include <random>

#include "server/storage/tsdb/chunkenc/chunk_list.h"
#include "server/storage/tsdb/chunkenc/histogram_corpus.h"
#include "server/storage/tsdb/chunkenc/open_chunk.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

using storage::SampleColumns;

std::vector<EncodedChunk> Encode(const std::vector<CorpusSample>& samples) {
  ChunkListEncoder encoder;
  for (const CorpusSample& s : samples) s.AddTo(&encoder);
  return encoder.Take();
}

// As a series of the head makes chunks.
class HeadSeries {
 public:
  void Add(const CorpusSample& s) {
    if (s.kind == SampleKind::kFloat) Add(s.time, s.bits);
    if (s.kind == SampleKind::kHistogram) Add(s.time, s.histogram);
    if (s.kind == SampleKind::kFloatHistogram) Add(s.time, s.floats);
  }
  std::vector<EncodedChunk> Take() {
    Seal();
    return std::move(done_);
  }

 private:
  static constexpr ChunkLimits kLimits{.range = 7'200'000};
  template <typename Value>
  void Add(int64_t t, const Value& value) {
    const auto next = open_.Add(t, value, kLimits);
    if (!next) return;
    Seal();
    open_.Begin(t, value, kLimits, *next);
  }
  void Seal() {
    if (open_.count() == 0) return;
    done_.push_back({open_.first_time(), open_.last_time(), open_.encoding(), open_.bytes()});
    open_.Clear();
  }
  OpenChunk open_;
  std::vector<EncodedChunk> done_;
};

// What Prometheus 3.5 made of the same samples, written by it into chunks_head.
TEST_CASE("Chunks equal Prometheus' bytes") {
  const std::vector<CorpusSeries> corpus = ReadCorpus("testdata/histogram_chunks.txt");
  REQUIRE(corpus.size() > 30);
  for (const CorpusSeries& series : corpus) {
    INFO(series.name);
    HeadSeries head;
    for (const CorpusSample& s : series.samples) head.Add(s);
    const std::vector<EncodedChunk> ours = head.Take();
    REQUIRE(ours.size() == series.chunks.size());
    for (size_t i = 0; i < ours.size(); ++i) {
      INFO("chunk " << i);
      CHECK(ours[i].mint == series.chunks[i].mint);
      CHECK(ours[i].maxt == series.chunks[i].maxt);
      CHECK(ours[i].encoding == series.chunks[i].encoding);
      CHECK(Hex(ours[i].data) == Hex(series.chunks[i].data));
    }
  }
}

// A bucket that a sample does not have is empty; all else comes back as it went in.
FloatHistogram Comparable(FloatHistogram h) {
  for (const bool positive : {true, false}) {
    auto& spans = positive ? h.positive_spans : h.negative_spans;
    auto& buckets = positive ? h.positive_buckets : h.negative_buckets;
    std::vector<BucketSpan> kept;
    std::vector<double> counts;
    int64_t index = 0, end = 0;
    size_t i = 0;
    for (const BucketSpan& span : spans) {
      index += span.offset;
      for (uint32_t k = 0; k < span.length; ++k, ++index, ++i) {
        if (buckets[i] == 0) continue;
        kept.push_back({static_cast<int32_t>(index - end), 1});
        counts.push_back(buckets[i]);
        end = index + 1;
      }
    }
    spans = kept;
    buckets = counts;
  }
  h.reset = CounterResetHint::kUnknown;
  if (storage::IsStaleNaN(h.sum)) {
    const double sum = h.sum;
    h = FloatHistogram();
    h.sum = sum;
  }
  return h;
}

TEST_CASE("Chunks give back what they were made of") {
  for (const CorpusSeries& series : ReadCorpus("testdata/histogram_chunks.txt")) {
    INFO(series.name);
    SampleColumns columns;
    size_t i = 0;
    for (const EncodedChunk& chunk : series.chunks) {
      REQUIRE(DecodeChunk(chunk.encoding, chunk.data, INT64_MIN, INT64_MAX, &columns).ok());
      const auto it = NewChunkIterator(chunk.view());
      for (; it->Next() != SampleKind::kNone; ++i) {
        REQUIRE(i < series.samples.size());
        const CorpusSample& in = series.samples[i];
        REQUIRE(it->kind() == in.kind);
        REQUIRE(it->time() == in.time);
        REQUIRE(columns.timestamps[i] == in.time);
        if (in.kind == SampleKind::kFloat) {
          REQUIRE(it->bits() == in.bits);
          REQUIRE_FALSE(columns.IsHistogram(i));
          REQUIRE(std::bit_cast<uint64_t>(columns.values[i]) == in.bits);
          continue;
        }
        FloatHistogram out;
        it->Get(&out);
        REQUIRE(SameBits(Comparable(out), Comparable(in.AsFloat())));
        REQUIRE(columns.IsHistogram(i));
        REQUIRE(SameBits(columns.histograms[columns.histogram_index[i]], out));
        if (in.kind != SampleKind::kHistogram) continue;
        IntHistogram integers;
        it->Get(&integers);
        REQUIRE(SameBits(ToFloat(integers), out));
      }
      REQUIRE(it->status().ok());
    }
    REQUIRE(i == series.samples.size());
  }
}

TEST_CASE("Ranges of histogram chunks") {
  const auto chunks = Encode([] {
    std::vector<CorpusSample> samples;
    for (int i = 0; i < 10; ++i) {
      CorpusSample s;
      s.time = 100 * i;
      s.kind = SampleKind::kHistogram;
      s.histogram.count = s.histogram.zero_count = static_cast<uint64_t>(i);
      samples.push_back(s);
    }
    return samples;
  }());
  REQUIRE(chunks.size() == 1);
  CHECK(chunks[0].samples() == 10);
  SampleColumns columns;
  REQUIRE(DecodeChunk(chunks[0].encoding, chunks[0].data, 200, 500, &columns).ok());
  CHECK(columns.timestamps == std::vector<int64_t>{200, 300, 400, 500});
  CHECK(columns.histograms[0].zero_count == 2);
  CHECK(columns.histograms[0].reset == CounterResetHint::kNotReset);
  // Floats behind histograms are told apart.
  XorChunk floats;
  floats.Append(1000, 7);
  REQUIRE(DecodeChunk(Encoding::kXor, floats.bytes(), 0, 2000, &columns).ok());
  CHECK(columns.IsHistogram(3));
  CHECK_FALSE(columns.IsHistogram(4));
}

TEST_CASE("A list cuts chunks at 120 samples") {
  ChunkListEncoder encoder;
  for (int i = 0; i < 250; ++i) encoder.Add(i, uint64_t{1});
  IntHistogram h;
  for (int i = 0; i < 121; ++i) {
    h.count = h.zero_count = static_cast<uint64_t>(i);
    encoder.Add(1000 + i, h);
  }
  std::vector<uint16_t> counts;
  std::vector<EncodedChunk> chunks = encoder.Take();
  for (const EncodedChunk& chunk : chunks) counts.push_back(chunk.samples());
  CHECK(counts == std::vector<uint16_t>{120, 120, 10, 120, 1});
  // Adding what the chunks hold makes the same chunks.
  ChunkListEncoder again;
  for (const EncodedChunk& chunk : chunks) {
    const auto it = NewChunkIterator(chunk.view());
    while (it->Next() != SampleKind::kNone) again.Add(*it);
  }
  const std::vector<EncodedChunk> copies = again.Take();
  REQUIRE(copies.size() == chunks.size());
  for (size_t i = 0; i < chunks.size(); ++i) CHECK(copies[i].data == chunks[i].data);
  CHECK(again.Take().empty());
}

TEST_CASE("Damaged chunks are told from whole ones") {
  for (const CorpusSeries& series : ReadCorpus("testdata/histogram_chunks.txt")) {
    for (const EncodedChunk& chunk : series.chunks) {
      for (size_t cut = 0; cut < chunk.data.size(); cut += 1 + chunk.data.size() / 20) {
        const auto it =
            NewChunkIterator(chunk.encoding, std::string_view(chunk.data).substr(0, cut));
        size_t n = 0;
        while (it->Next() != SampleKind::kNone) ++n;
        if (n >= chunk.samples()) FAIL(series.name << " cut at " << cut << " reads whole");
        if (cut >= 3 && it->status().ok()) FAIL(series.name << " cut at " << cut << " is fine");
      }
    }
  }
  CHECK(NewChunkIterator(Encoding::kXor2, "")->status().code() == StatusCode::kUnimplemented);
  CHECK(NewChunkIterator(static_cast<Encoding>(9), "")->status().code() == StatusCode::kDataLoss);
  CHECK(NewChunkIterator(static_cast<Encoding>(9), "")->Next() == SampleKind::kNone);
}

// Prometheus 3.5 repeats a bucket (-7 here) when several empty buckets go and new ones come in one
// sample; such a chunk is in people's blocks, so it is read as it is.
TEST_CASE("A layout that repeats a bucket") {
  const std::string chunk = Unhex(
      "000a80ff3f50624dd2f1a9fc9523b78e22318e1ab2dc4af194f0d19ff0000c5e7f49c484e6804800"
      "0000000000000f83a98fe00000005f5e4ec68df506f98e83eb649fc0000000bebc201fdfffffff41"
      "43e0009f8f97d83117f7ffffffd050d8b46c21be63a0fad927f7ffffffd050f807f00000002faf08"
      "004779ec1bf1f45d6bc3000000000000002f10f15eac9a50f14e7bf4e0317b53c565ed4e72ca3af5"
      "9e92b8434572580f1b1fb274f6a778ac9eeb5be8e321dd60723c44147888c8fb247c6dc0c82cb36d"
      "77631be5846feddd2f11e233f6e6bdb9b182ca4abbcdb432d78807b737c466e335e24a96b689309d"
      "0e327670275000");
  const auto it = NewChunkIterator(Encoding::kHistogram, chunk);
  FloatHistogram h;
  int n = 0;
  while (it->Next() != SampleKind::kNone && ++n) it->Get(&h);
  CHECK(it->status().ok());
  CHECK(n == 10);
  CHECK(h.negative_spans == std::vector<BucketSpan>{{-8, 2}, {-1, 2}, {2, 1}, {6, 3}, {3, 1}});
}

TEST_CASE("Random bytes never hurt the histogram decoders") {
  std::mt19937_64 random(17);
  const auto corpus = ReadCorpus("testdata/histogram_chunks.txt");
  for (int round = 0; round < 20000; ++round) {
    const auto& chunks = corpus[random() % corpus.size()].chunks;
    const EncodedChunk& chunk = chunks[random() % chunks.size()];
    std::string bytes = chunk.data;
    for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] ^= static_cast<char>(random());
    const auto it = NewChunkIterator(chunk.encoding, bytes);
    FloatHistogram h;
    size_t buckets = 0;
    size_t n = 0;
    while (it->Next() != SampleKind::kNone && ++n < 1000) {
      it->Get(&h);
      buckets = std::max(buckets, h.positive_buckets.size() + h.negative_buckets.size());
    }
    REQUIRE(buckets <= bytes.size() * 8);
  }
}

}  // namespace
}  // namespace narthex::tsdb
