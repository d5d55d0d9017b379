// The states a directory can be in when it is opened, and what becomes of them.
#include "server/storage/tsdb/promwal/takeover.h"

#include <filesystem>
#include <fstream>

#include "server/storage/tsdb/block/block.h"
#include "server/storage/tsdb/promwal/export.h"
#include "server/storage/tsdb/promwal/import.h"
#include "server/storage/tsdb/promwal/log_reader.h"
#include "server/storage/tsdb/promwal/log_writer.h"
#include "server/storage/tsdb/promwal/records.h"
#include "server/storage/tsdb/promwal/staged_series.h"
#include "server/storage/tsdb/testing.h"
#include "tests/catch.h"

namespace narthex::tsdb::promwal {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kRange = 7'200'000;
constexpr int64_t kStart = kRange * 236'111;

// A few series in memory.
class MemorySet final : public ChunkSeriesSet {
 public:
  void Add(const Labels& labels, StagedSeries series) {
    series_.emplace_back(labels, series.Take(nullptr).value());
  }
  StatusOr<std::vector<std::string>> Symbols() override { return std::vector<std::string>{}; }
  bool Next() override {
    if (next_ == series_.size()) return false;
    views_.clear();
    for (const EncodedChunk& chunk : series_[next_].second) views_.push_back(chunk.view());
    ++next_;
    return true;
  }
  const Labels& labels() const override { return series_[next_ - 1].first; }
  std::span<const ChunkView> chunks() const override { return views_; }
  Status status() const override { return OkStatus(); }

 private:
  std::vector<std::pair<Labels, std::vector<EncodedChunk>>> series_;
  std::vector<ChunkView> views_;
  size_t next_ = 0;
};

IntHistogram Histogram(bool gauge) {
  IntHistogram h{.schema = 0, .count = 3, .sum = 5};
  h.reset = gauge ? CounterResetHint::kGauge : CounterResetHint::kUnknown;
  h.positive_spans = {{0, 2}};
  h.positive_deltas = {1, 1};
  return h;
}

void WriteExport(const std::string& dir) {
  MemorySet set;
  StagedSeries a, b;
  for (int i = 0; i < 12'000; ++i) a.Add(kStart + i * 10, std::bit_cast<uint64_t>(i * 0.5));
  b.Add(kStart + 1, std::bit_cast<uint64_t>(1.0));
  b.Add(kStart + 2, Histogram(true));
  b.Add(kStart + 3, Histogram(true));
  b.Add(kStart + 4, ToFloat(Histogram(false)));
  b.Add(kStart + 5, storage::kStaleNaNBits);
  set.Add(Labels{{"__name__", "a"}}, std::move(a));
  set.Add(Labels{{"__name__", "b"}, {"x", "y"}}, std::move(b));
  const auto result = WriteLog(UnfinishedExportDir(dir), LogCompression::kSnappy, &set);
  REQUIRE(result.ok());
  CHECK(result->series == 2);
  CHECK(result->samples == 12'005);
}

struct Seen final : RecordSink {
  void OnSeries(uint64_t ref, Labels labels) override { series[ref] = labels.ToString(); }
  void OnSample(const SampleRecord& s) override { Add(s.ref, s.time, fmt::format("{:x}", s.bits)); }
  void OnHistogram(uint64_t ref, int64_t t, const IntHistogram& h) override {
    Add(ref, t, fmt::format("int {} {}", static_cast<int>(h.reset), ToString(ToFloat(h))));
  }
  void OnHistogram(uint64_t ref, int64_t t, const FloatHistogram& h) override {
    Add(ref, t, fmt::format("float {} {}", static_cast<int>(h.reset), ToString(h)));
  }
  void Add(uint64_t ref, int64_t t, std::string text) {
    REQUIRE(series.contains(ref));
    auto& list = samples[series[ref]];
    CHECK((list.empty() || list.back().first < t));  // replay drops what does not rise
    list.emplace_back(t, std::move(text));
  }
  std::map<uint64_t, std::string> series;
  std::map<std::string, std::vector<std::pair<int64_t, std::string>>> samples;
};

TEST_CASE("an exported log has every sample in order, of every kind") {
  TempDir dir;
  WriteExport(dir.path());
  Seen seen;
  LogScan scan;
  const auto files = FindLog(UnfinishedExportDir(dir.path()));
  REQUIRE(
      ScanLog(*files, [&](std::string_view r) { CHECK(DecodeRecord(r, &seen).ok()); }, &scan).ok());
  CHECK(scan.damaged == 0);
  CHECK(seen.samples[R"({__name__="a"})"].size() == 12'000);
  const std::string text = ToString(ToFloat(Histogram(true)));
  CHECK(seen.samples[R"({__name__="b", x="y"})"] ==
        std::vector<std::pair<int64_t, std::string>>{{kStart + 1, "3ff0000000000000"},
                                                     {kStart + 2, "int 3 " + text},
                                                     {kStart + 3, "int 3 " + text},
                                                     {kStart + 4, "float 0 " + text},
                                                     {kStart + 5, "7ff0000000000002"}});
}

uint64_t SamplesInBlocks(const std::string& dir) {
  uint64_t n = 0;
  for (const auto& entry : fs::directory_iterator(dir)) {
    const auto meta = ReadMetaFile(entry.path().string());
    if (meta.ok()) n += meta->stats.samples;
  }
  return n;
}

void Touch(const std::string& path) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << "x";
}

TEST_CASE("a directory of our own, or an empty one, stays as it is") {
  TempDir dir;
  CHECK(TakeOver({.dir = dir.path(), .block_range_ms = kRange}).ok());
  Touch(dir.path() + "/head/wal-00000001");
  Touch(dir.path() + "/head/chunks_head/000001");
  CHECK(TakeOver({.dir = dir.path(), .block_range_ms = kRange}).ok());
  CHECK(fs::exists(dir.path() + "/head/wal-00000001"));
  CHECK(fs::exists(dir.path() + "/head/chunks_head/000001"));
}

TEST_CASE("a directory of Prometheus becomes blocks") {
  TempDir dir;
  WriteExport(dir.path());
  fs::rename(UnfinishedExportDir(dir.path()), dir.path() + "/wal");
  Touch(dir.path() + "/chunks_head/000001");
  Touch(dir.path() + "/chunk_snapshot.000001.0000000010/00000000");
  REQUIRE(TakeOver({.dir = dir.path(), .block_range_ms = kRange}).ok());
  CHECK(SamplesInBlocks(dir.path()) == 12'005);
  for (const char* gone :
       {"wal", "wbl", "chunks_head", "chunk_snapshot.000001.0000000010", "head"}) {
    CHECK_FALSE(fs::exists(dir.path() + "/" + gone));
  }
  // Idempotent.
  CHECK(OwnerOfHead(dir.path()).value() == HeadOwner::kNobody);
  REQUIRE(TakeOver({.dir = dir.path(), .block_range_ms = kRange}).ok());
  CHECK(SamplesInBlocks(dir.path()) == 12'005);
}

TEST_CASE("an export that nobody used is a copy and goes") {
  TempDir dir;
  Touch(dir.path() + "/head/wal-00000001");
  WriteExport(dir.path());
  REQUIRE(PublishExport(dir.path()).ok());
  CHECK(fs::exists(dir.path() + "/wal/00000000"));
  CHECK_FALSE(fs::exists(UnfinishedExportDir(dir.path())));
  CHECK(OwnerOfHead(dir.path()).value() == HeadOwner::kOurs);
  REQUIRE(TakeOver({.dir = dir.path(), .block_range_ms = kRange}).ok());
  CHECK_FALSE(fs::exists(dir.path() + "/wal"));
  CHECK_FALSE(fs::exists(dir.path() + "/head/exported"));
  CHECK(fs::exists(dir.path() + "/head/wal-00000001"));
  CHECK(SamplesInBlocks(dir.path()) == 0);
}

TEST_CASE("an export that Prometheus went on from takes the place of our head") {
  TempDir dir;
  Touch(dir.path() + "/head/wal-00000001");
  Touch(dir.path() + "/chunks_head/000001");
  WriteExport(dir.path());
  REQUIRE(PublishExport(dir.path()).ok());
  fs::copy(dir.path() + "/wal/00000000", dir.path() + "/wal/00000001");
  CHECK(OwnerOfHead(dir.path()).value() == HeadOwner::kPrometheus);
  REQUIRE(TakeOver({.dir = dir.path(), .block_range_ms = kRange}).ok());
  CHECK_FALSE(fs::exists(dir.path() + "/wal"));
  CHECK_FALSE(fs::exists(dir.path() + "/head"));
  CHECK_FALSE(fs::exists(dir.path() + "/chunks_head"));
  CHECK(SamplesInBlocks(dir.path()) == 12'005);
}

TEST_CASE("without an export, what both servers hold is kept") {
  TempDir dir;
  Touch(dir.path() + "/head/wal-00000001");
  Touch(dir.path() + "/head/chunks_head/000001");
  Touch(dir.path() + "/chunks_head/000001");
  WriteExport(dir.path());
  fs::rename(UnfinishedExportDir(dir.path()), dir.path() + "/wal");
  // Neither does the mark of an export that was not published make it one.
  if (GENERATE(false, true)) Touch(dir.path() + "/head/exported");
  CHECK(OwnerOfHead(dir.path()).value() == HeadOwner::kBoth);
  REQUIRE(TakeOver({.dir = dir.path(), .block_range_ms = kRange}).ok());
  CHECK_FALSE(fs::exists(dir.path() + "/wal"));
  CHECK_FALSE(fs::exists(dir.path() + "/head/exported"));
  CHECK(fs::exists(dir.path() + "/head/wal-00000001"));
  CHECK(fs::exists(dir.path() + "/head/chunks_head/000001"));
  CHECK_FALSE(fs::exists(dir.path() + "/chunks_head"));
  CHECK(SamplesInBlocks(dir.path()) == 12'005);
}

TEST_CASE("an unfinished export or checkpoint is removed, a mark without a log too") {
  TempDir dir;
  WriteExport(dir.path());
  Touch(dir.path() + "/head/exported");
  Touch(dir.path() + "/wal/checkpoint.00000003.tmp/00000000");
  CHECK(OwnerOfHead(dir.path()).value() == HeadOwner::kOurs);
  REQUIRE(TakeOver({.dir = dir.path(), .block_range_ms = kRange}).ok());
  CHECK_FALSE(fs::exists(dir.path() + "/wal/checkpoint.00000003.tmp"));
  CHECK_FALSE(fs::exists(UnfinishedExportDir(dir.path())));
  CHECK_FALSE(fs::exists(dir.path() + "/head/exported"));
}

TEST_CASE("a damaged log is imported as far as it goes and kept") {
  TempDir dir;
  WriteExport(dir.path());
  fs::rename(UnfinishedExportDir(dir.path()), dir.path() + "/wal");
  {
    std::fstream segment(dir.path() + "/wal/00000000",
                         std::ios::in | std::ios::out | std::ios::binary);
    segment.seekp(40'000);
    segment.write("damage", 6);
  }
  CHECK(OwnerOfHead(dir.path()).value() == HeadOwner::kPrometheus);
  REQUIRE(TakeOver({.dir = dir.path(), .block_range_ms = kRange}).ok());
  CHECK_FALSE(fs::exists(dir.path() + "/wal"));
  CHECK(SamplesInBlocks(dir.path()) < 12'005);
  CHECK(SamplesInBlocks(dir.path()) > 0);
  bool kept = false;
  for (const auto& entry : fs::directory_iterator(dir.path())) {
    kept |= entry.path().filename().string().starts_with("wal.damaged-");
  }
  CHECK(kept);
}

}  // namespace
}  // namespace narthex::tsdb::promwal
