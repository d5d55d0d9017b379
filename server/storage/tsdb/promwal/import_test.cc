// Logs written here, imported and read back from the blocks, against what replay would keep.
#include "server/storage/tsdb/promwal/import.h"

#include <filesystem>
#include <fstream>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "server/storage/tsdb/block/block.h"
#include "server/storage/tsdb/promwal/log_writer.h"
#include "server/storage/tsdb/promwal/records.h"
#include "server/storage/tsdb/promwal/staged_series.h"
#include "server/storage/tsdb/testing.h"
#include "tests/catch.h"

namespace narthex::tsdb::promwal {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kStart = 472'222 * kHour;  // a multiple of two hours

// Label string → samples; histograms as their text.
using Found = std::map<std::string, std::map<int64_t, std::string>>;

std::string Text(double v) { return fmt::format("{:x}", std::bit_cast<uint64_t>(v)); }

Found ReadBlocks(const std::string& dir, const ImportResult& result) {
  Found found;
  for (const BlockMeta& meta : result.blocks) {
    auto block = Block::Open(dir + "/" + meta.ulid.ToString());
    REQUIRE(block.ok());
    auto set = (*block)->NewChunkSeriesSet();
    while (set->Next()) {
      for (const ChunkView& chunk : set->chunks()) {
        CHECK(chunk.mint >= meta.min_time);
        CHECK(chunk.maxt < meta.max_time);
        const auto it = NewChunkIterator(chunk);
        FloatHistogram h;
        while (it->Next() != SampleKind::kNone) {
          std::string text;
          if (it->kind() == SampleKind::kFloat) {
            text = fmt::format("{:x}", it->bits());
          } else {
            it->Get(&h);
            text = (it->kind() == SampleKind::kHistogram ? "int " : "float ") + ToString(h);
          }
          const bool fresh =
              found[set->labels().ToString()].emplace(it->time(), std::move(text)).second;
          CHECK(fresh);
        }
        CHECK(it->status().ok());
      }
    }
    REQUIRE(set->status().ok());
  }
  return found;
}

struct Fixture {
  TempDir dir;
  std::unique_ptr<LogWriter> wal = std::make_unique<LogWriter>(dir.path() + "/wal");
  RecordEncoder encoder;
  std::string record;

  void Series(uint64_t ref, const Labels& labels) {
    const std::vector<std::pair<uint64_t, Labels>> one = {{ref, labels}};
    encoder.Series(one, &record);
    REQUIRE(wal->Append(record).ok());
  }
  void Sample(LogWriter* log, uint64_t ref, int64_t t, double v) {
    const SampleRecord one[] = {{ref, t, std::bit_cast<uint64_t>(v)}};
    encoder.Samples(one, &record);
    REQUIRE(log->Append(record).ok());
  }
  void Sample(uint64_t ref, int64_t t, double v) { Sample(wal.get(), ref, t, v); }
  StatusOr<ImportResult> TryImport(ImportOptions options = {}) {
    REQUIRE(wal->Close().ok());
    options.dir = dir.path();
    return ImportLog(options);
  }
  ImportResult Import(ImportOptions options = {}) {
    auto result = TryImport(options);
    INFO(MessageOf(result.status()));
    REQUIRE(result.ok());
    return *result;
  }
};

TEST_CASE("replay's rules: rising times, one series under two references, stale markers") {
  Fixture f;
  f.Series(1, Labels{{"__name__", "a"}});
  f.Series(2, Labels{{"__name__", "b"}});
  f.Sample(1, kStart + 10, 1);
  f.Sample(1, kStart + 20, 2);
  f.Sample(1, kStart + 20, 99);  // replay keeps the first
  f.Sample(1, kStart + 15, 98);
  f.Sample(2, kStart + 5, storage::StaleNaN());
  f.Series(7, Labels{{"__name__", "a"}});
  f.Sample(7, kStart + 30, 3);
  f.Sample(7, kStart + 25, 97);
  f.Sample(50, kStart + 30, 3);  // nobody knows it
  const ImportResult result = f.Import();
  CHECK(result.series == 2);
  CHECK(result.samples == 4);
  CHECK(result.lost_samples == 1);
  CHECK(result.damaged == 0);
  CHECK(ReadBlocks(f.dir.path(), result) ==
        Found{{R"({__name__="a"})",
               {{kStart + 10, Text(1)}, {kStart + 20, Text(2)}, {kStart + 30, Text(3)}}},
              {R"({__name__="b"})", {{kStart + 5, Text(storage::StaleNaN())}}}});
}

TEST_CASE("one block for each range; the last one ends with its samples") {
  Fixture f;
  f.Series(1, Labels{{"__name__", "a"}});
  for (int64_t t = kStart - kHour; t < kStart + 3 * kHour; t += 60'000)
    f.Sample(1, t, static_cast<double>(t));
  const ImportResult result = f.Import();
  REQUIRE(result.blocks.size() == 3);
  CHECK(result.blocks[0].min_time == kStart - 2 * kHour);
  CHECK(result.blocks[0].max_time == kStart);
  CHECK(result.blocks[1].max_time == kStart + 2 * kHour);
  CHECK(result.blocks[2].max_time == kStart + 3 * kHour - 60'000 + 1);
  CHECK_FALSE(result.blocks[1].compaction.HasHint(kHintOutOfOrder));
  CHECK(result.blocks[2].compaction.HasHint(kHintOutOfOrder));
  CHECK(result.samples == 240);
  CHECK(ReadBlocks(f.dir.path(), result).begin()->second.size() == 240);
}

TEST_CASE("chunks of floats have as many samples as the head's would") {
  const std::pair<int, size_t> cases[] = {{30, 16}, {120, 4}, {240, 2}, {480, 1}};
  for (const auto& [samples_per_chunk, chunks] : cases) {
    INFO(samples_per_chunk);
    Fixture f;
    f.Series(1, Labels{{"__name__", "a"}});
    for (int64_t i = 0; i < 480; ++i) f.Sample(1, kStart + i * 15'000, static_cast<double>(i % 2));
    const ImportResult result = f.Import({.samples_per_chunk = samples_per_chunk});
    REQUIRE(result.blocks.size() == 1);
    CHECK(result.blocks[0].stats.samples == 480);
    CHECK(result.blocks[0].stats.chunks == chunks);
  }
}

TEST_CASE("what an in-order block holds is not imported again") {
  Fixture f;
  f.Series(1, Labels{{"__name__", "a"}});
  f.Sample(1, kStart - 10, 1);
  f.Sample(1, kStart + 10, 2);
  const ImportResult first = f.Import();
  REQUIRE(first.blocks.size() == 2);
  // Again: the first block is in-order and complete, the second is not.
  auto again = ImportLog({.dir = f.dir.path()});
  REQUIRE(again.ok());
  CHECK(again->samples == 1);
  CHECK(again->blocks.size() == 1);
  CHECK(ReadBlocks(f.dir.path(), *again) == Found{{R"({__name__="a"})", {{kStart + 10, Text(2)}}}});
}

TEST_CASE("out-of-order samples are merged in, deletions applied") {
  Fixture f;
  f.Series(1, Labels{{"__name__", "a"}});
  for (int i = 1; i <= 5; ++i) f.Sample(1, kStart + i * 100, i);
  LogWriter wbl(f.dir.path() + "/wbl");
  f.Sample(&wbl, 1, kStart + 250, 25);
  f.Sample(&wbl, 1, kStart - 50, 5);
  f.Sample(&wbl, 1, kStart + 300, 99);  // the in-order one stays
  f.Sample(&wbl, 1, kStart + 250, 98);  // the first one stays
  REQUIRE(wbl.Append("\x05" + std::string(16, '\x01')).ok());
  REQUIRE(wbl.Close().ok());
  const std::vector<TombstoneRecord> deleted = {{1, kStart + 400, kStart + 450}};
  f.encoder.Tombstones(deleted, &f.record);
  REQUIRE(f.wal->Append(f.record).ok());
  const ImportResult result = f.Import();
  CHECK(ReadBlocks(f.dir.path(), result) == Found{{R"({__name__="a"})",
                                                   {{kStart - 50, Text(5)},
                                                    {kStart + 100, Text(1)},
                                                    {kStart + 200, Text(2)},
                                                    {kStart + 250, Text(25)},
                                                    {kStart + 300, Text(3)},
                                                    {kStart + 500, Text(5)}}}});
}

TEST_CASE("histograms of both kinds and custom buckets") {
  Fixture f;
  f.Series(1, Labels{{"__name__", "h"}});
  IntHistogram h{.schema = 1, .zero_threshold = 0.01, .zero_count = 1, .count = 4, .sum = 5};
  h.positive_spans = {{0, 2}};
  h.positive_deltas = {1, 1};
  f.encoder.BeginHistograms(RecordType::kHistograms, 1, kStart + 1, &f.record);
  f.encoder.Histogram(1, kStart + 1, h, &f.record);
  f.encoder.Histogram(1, kStart + 2, h, &f.record);
  REQUIRE(f.wal->Append(f.record).ok());
  f.Sample(1, kStart + 3, 3);
  FloatHistogram c;
  c.schema = kCustomBucketsSchema;
  c.count = 1;
  c.sum = 1;
  c.positive_spans = {{0, 1}};
  c.positive_buckets = {1};
  c.custom_values = {1};
  f.encoder.BeginHistograms(RecordType::kCustomFloatHistograms, 1, kStart + 4, &f.record);
  f.encoder.Histogram(1, kStart + 4, c, &f.record);
  REQUIRE(f.wal->Append(f.record).ok());
  const ImportResult result = f.Import();
  const Found found = ReadBlocks(f.dir.path(), result);
  REQUIRE(found.size() == 1);
  const auto& samples = found.begin()->second;
  REQUIRE(samples.size() == 4);
  CHECK(samples.at(kStart + 1) == "int " + ToString(ToFloat(h)));
  CHECK(samples.at(kStart + 2) == "int " + ToString(ToFloat(h)));
  CHECK(samples.at(kStart + 3) == Text(3));
  CHECK(samples.at(kStart + 4) == "float " + ToString(c));
}

TEST_CASE("any memory budget gives the same blocks") {
  Found all[2];
  for (const uint64_t memory : {uint64_t{1}, uint64_t{1} << 30}) {
    Fixture f;
    std::mt19937 random(5);
    for (uint64_t ref = 1; ref <= 40; ++ref) {
      f.Series(ref, Labels{{"__name__", "m"}, {"i", std::to_string(ref * 7 % 41)}});
    }
    for (int i = 0; i < 3000; ++i) {
      f.Sample(1 + random() % 40, kStart - kHour + i * 2000, static_cast<double>(random() % 100));
    }
    const ImportResult result = f.Import({.memory_bytes = memory});
    CHECK(result.samples == 3000);
    all[memory == 1] = ReadBlocks(f.dir.path(), result);
  }
  CHECK(all[0].size() == 40);
  CHECK(all[0] == all[1]);
}

TEST_CASE("unknown records are counted, start timestamps refused") {
  Fixture f;
  f.Series(1, Labels{{"__name__", "a"}});
  f.Sample(1, kStart, 1);
  REQUIRE(f.wal->Append("\x63 something new").ok());
  SECTION("new") {
    const ImportResult result = f.Import();
    CHECK(result.unknown_records == 1);
    CHECK(result.samples == 1);
  }
  SECTION("start timestamps") {
    REQUIRE(f.wal
                ->Append("\x0b"
                         "abc")
                .ok());
    const auto result = f.TryImport();
    REQUIRE_FALSE(result.ok());
    CHECK(result.status().code() == StatusCode::kUnimplemented);
    CHECK(MessageOf(result.status()).find("records of type 11") != std::string_view::npos);
    size_t entries = 0;
    for ([[maybe_unused]] const auto& entry : fs::directory_iterator(f.dir.path())) ++entries;
    CHECK(entries == 1);
  }
}

TEST_CASE("times that no head has are refused") {
  Fixture f;
  f.Series(1, Labels{{"__name__", "a"}});
  f.Sample(1, INT64_MIN + 5, 1);
  CHECK_FALSE(f.TryImport().ok());
}

TEST_CASE("a damaged log is read as far as it goes, head chunks fill the hole") {
  Fixture f;
  f.Series(1, Labels{{"__name__", "a"}});
  ChunkListEncoder chunk;
  for (int i = 0; i < 4000; ++i) {
    f.Sample(1, kStart + i * 100, i);
    if (i < 2000) chunk.Add(kStart + i * 100, std::bit_cast<uint64_t>(static_cast<double>(i)));
  }
  REQUIRE(f.wal->Close().ok());
  std::string file = "\x01\x30\xbc\x91\x01" + std::string(3, '\0');
  for (const EncodedChunk& one : chunk.Take()) {
    std::string record;
    ByteWriter out(&record);
    out.Be64(1);
    out.Be64(static_cast<uint64_t>(one.mint));
    out.Be64(static_cast<uint64_t>(one.maxt));
    out.U8(static_cast<uint8_t>(one.encoding));
    out.UvarintString(one.data);
    out.Be32(Crc32c(record));
    file += record;
  }
  fs::create_directories(f.dir.path() + "/chunks_head");
  std::ofstream(f.dir.path() + "/chunks_head/000001", std::ios::binary) << file;
  const std::string path = f.dir.path() + "/wal/00000000";
  {
    std::fstream segment(path, std::ios::in | std::ios::out | std::ios::binary);
    segment.seekp(32768 + 5000);  // among samples that the chunks have
    segment.write("damage", 6);
  }
  auto result = ImportLog({.dir = f.dir.path()});
  REQUIRE(result.ok());
  CHECK(result->damaged > 0);
  CHECK(result->samples == 4000);
  CHECK(ReadBlocks(f.dir.path(), *result).begin()->second.size() == 4000);
}

// A snapshot of Prometheus: one series, two hours' worth of samples in its open chunk.
void WriteSnapshot(const std::string& dir, uint64_t ref, const Labels& labels, int64_t from,
                   int count) {
  ChunkListEncoder encoder;
  for (int i = 0; i < count; ++i) {
    encoder.Add(from + i * 1000, std::bit_cast<uint64_t>(static_cast<double>(i)));
  }
  const std::vector<EncodedChunk> chunks = encoder.Take();
  REQUIRE(chunks.size() == 1);
  const ChunkView chunk = chunks.front().view();
  std::string record = "\x01";
  ByteWriter out(&record);
  out.Be64(ref);
  out.Uvarint(labels.size());
  for (const Label& label : labels) {
    out.UvarintString(label.name);
    out.UvarintString(label.value);
  }
  out.Be64(0);
  out.Uvarint(1);
  out.Be64(static_cast<uint64_t>(chunk.mint));
  out.Be64(static_cast<uint64_t>(chunk.maxt));
  out.U8(static_cast<uint8_t>(chunk.encoding));
  out.UvarintString(chunk.data);
  for (int i = 0; i < 8; ++i) out.Be64(0);
  LogWriter log(dir);
  REQUIRE(log.Append(record).ok());
  REQUIRE(log.Append(record.substr(0, record.size() / 2)).ok());  // damaged
  REQUIRE(log.Append("\x03 an exemplar").ok());
  REQUIRE(log.Close().ok());
}

TEST_CASE("a snapshot fills what a damaged log has lost, series and samples") {
  for (const bool damaged : {false, true}) {
    INFO(damaged);
    Fixture f;
    const Labels a{{"__name__", "a"}}, b{{"__name__", "b"}};
    f.Series(1, a);
    for (int i = 0; i < 50; ++i) f.Sample(1, kStart + i * 1000, i);
    f.Sample(9, kStart + 100'000, 5);  // its series is lost
    REQUIRE(f.wal->Close().ok());
    if (damaged) {
      // Behind everything else.
      std::ofstream segment(f.dir.path() + "/wal/00000000", std::ios::app | std::ios::binary);
      segment.write("damage", 6);
    }
    WriteSnapshot(f.dir.path() + "/chunk_snapshot.000000.0000000100", 9, b, kStart, 3);
    WriteSnapshot(f.dir.path() + "/chunk_snapshot.000001.0000000001", 9, b, kStart + 10, 3);
    WriteSnapshot(f.dir.path() + "/chunk_snapshot.000002.0000000001.tmp", 9, b, kStart + 20, 3);
    const auto result = ImportLog({.dir = f.dir.path()});
    REQUIRE(result.ok());
    CHECK((result->damaged > 0) == damaged);
    CHECK(result->lost_samples == (damaged ? 0 : 1));
    Found found = ReadBlocks(f.dir.path(), *result);
    CHECK(found[a.ToString()].size() == 50);
    if (damaged) {
      CHECK(found[b.ToString()] == std::map<int64_t, std::string>{{kStart + 10, Text(0)},
                                                                  {kStart + 1010, Text(1)},
                                                                  {kStart + 2010, Text(2)},
                                                                  {kStart + 100'000, Text(5)}});
    } else {
      CHECK(found.size() == 1);
    }
  }
}

}  // namespace
}  // namespace narthex::tsdb::promwal
