// The framing: what is written is read, damage costs its page and no more, gaps and checkpoints.
#include <filesystem>
#include <fstream>

#include "core/base/bytes.h"
#include "core/base/crc32c.h"
#include "core/compress/snappy.h"
#include "core/compress/zstd.h"
#include "server/storage/tsdb/promwal/log_reader.h"
#include "server/storage/tsdb/promwal/log_writer.h"
#include "server/storage/tsdb/testing.h"
#include "tests/catch.h"

namespace narthex::tsdb::promwal {
namespace {

namespace fs = std::filesystem;
using Records = std::vector<std::string>;

std::string Noise(size_t n, uint32_t seed) {
  std::string s(n, 0);
  for (char& c : s) c = static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24);
  return s;
}

Records ReadDir(const std::string& dir, LogScan* scan = nullptr) {
  LogScan own;
  Records out;
  const auto files = FindLog(dir);
  REQUIRE(files.ok());
  REQUIRE(
      ScanLog(*files, [&](std::string_view r) { out.emplace_back(r); }, scan ? scan : &own).ok());
  if (scan == nullptr) CHECK(own.damaged == 0);
  return out;
}

std::string Slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Records Various() {
  Records records;
  for (const size_t n : {0, 1, 7, 100, 32761, 32762, 32768, 70000, 300000}) {
    records.push_back(Noise(n, static_cast<uint32_t>(n)));
    records.push_back(std::string(n, 'x'));
  }
  for (uint32_t i = 0; i < 500; ++i) records.push_back(Noise(i * 3, i));
  return records;
}

TEST_CASE("records of any size come back, over many segments") {
  for (const LogCompression compression :
       {LogCompression::kNone, LogCompression::kSnappy, LogCompression::kZstd}) {
    for (const uint64_t segment : {uint64_t{64} << 10, uint64_t{128} << 20}) {
      TempDir dir;
      LogWriter writer(dir.path() + "/wal", compression, segment);
      const Records records = Various();
      for (const std::string& record : records) REQUIRE(writer.Append(record).ok());
      REQUIRE(writer.Close().ok());
      CHECK(ReadDir(dir.path() + "/wal") == records);
      for (const auto& file : fs::directory_iterator(dir.path() + "/wal")) {
        CHECK(fs::file_size(file) % kPageSize == 0);
      }
    }
  }
}

TEST_CASE("an empty log is one empty segment") {
  TempDir dir;
  LogWriter writer(dir.path() + "/wal");
  REQUIRE(writer.Close().ok());
  CHECK(fs::exists(dir.path() + "/wal/00000000"));
  CHECK(ReadDir(dir.path() + "/wal").empty());
}

TEST_CASE("a flipped bit costs records of its page") {
  TempDir dir;
  const std::string path = dir.path() + "/wal";
  LogWriter writer(path);
  Records records;
  for (uint32_t i = 0; i < 2000; ++i) records.push_back(fmt::format("{} {}", i, Noise(150, i)));
  for (const std::string& record : records) REQUIRE(writer.Append(record).ok());
  REQUIRE(writer.Close().ok());
  std::string segment = Slurp(path + "/00000000");
  REQUIRE(segment.size() > 5 * kPageSize);
  segment[2 * kPageSize + 1000] ^= 1;
  LogScan scan;
  Records got;
  ScanSegment(segment, [&](std::string_view r) { got.emplace_back(r); }, &scan);
  CHECK(scan.damaged >= 1);
  CHECK(got.size() > records.size() - 2 * kPageSize / 150);
  size_t at = 0;
  for (const std::string& record : got) {  // in order, none invented
    while (at < records.size() && records[at] != record) ++at;
    REQUIRE(at < records.size());
  }
}

TEST_CASE("a log cut at any place gives a prefix") {
  TempDir dir;
  LogWriter writer(dir.path() + "/wal");
  Records records;
  for (uint32_t i = 0; i < 60; ++i) records.push_back(Noise(i * 37, i));
  for (const std::string& record : records) REQUIRE(writer.Append(record).ok());
  REQUIRE(writer.Close().ok());
  const std::string segment = Slurp(dir.path() + "/wal/00000000");
  for (size_t n = 0; n < segment.size(); n += 97) {
    LogScan scan;
    Records got;
    ScanSegment(
        std::string_view(segment).substr(0, n), [&](std::string_view r) { got.emplace_back(r); },
        &scan);
    REQUIRE(got.size() <= records.size());
    CHECK(std::equal(got.begin(), got.end(), records.begin()));
  }
}

TEST_CASE("a record says how it is compressed, when that pays") {
  const std::string text(200, 'x');
  const std::tuple<LogCompression, std::string_view, int, std::string> cases[] = {
      {LogCompression::kNone, text, 0x01, text},
      {LogCompression::kSnappy, text, 0x09, SnappyCompress(text)},
      {LogCompression::kZstd, text, 0x11, ZstdCompress(text)},
      {LogCompression::kSnappy, "x", 0x01, "x"},
      {LogCompression::kZstd, "x", 0x01, "x"}};
  for (const auto& [compression, record, type, written] : cases) {
    TempDir dir;
    LogWriter writer(dir.path(), compression);
    REQUIRE(writer.Append(record).ok());
    REQUIRE(writer.Close().ok());
    std::string want;
    ByteWriter out(&want);
    out.U8(static_cast<uint8_t>(type));
    out.Be16(static_cast<uint16_t>(written.size()));
    out.Be32(Crc32c(written));
    out.Bytes(written);
    CHECK(Slurp(dir.path() + "/00000000").substr(0, want.size()) == want);
    CHECK(ReadDir(dir.path()) == Records{std::string(record)});
  }
}

TEST_CASE("the newest checkpoint stands for the segments up to its number") {
  TempDir dir;
  const std::string wal = dir.path() + "/wal";
  const auto write = [&](const std::string& path, const std::string& record) {
    LogWriter writer(path);
    REQUIRE(writer.Append(record).ok());
    REQUIRE(writer.Close().ok());
  };
  fs::create_directories(wal);
  for (int i = 0; i < 5; ++i) {
    write(dir.path() + "/x", fmt::format("segment {}", i));
    fs::rename(dir.path() + "/x/00000000", fmt::format("{}/{:08}", wal, i));
  }
  write(wal + "/checkpoint.00000001", "old checkpoint");
  write(wal + "/checkpoint.00000002", "checkpoint");
  write(wal + "/checkpoint.00000009.tmp", "unfinished");
  CHECK(ReadDir(wal) == Records{"checkpoint", "segment 3", "segment 4"});
  CHECK(FindLog(wal)->last_segment == 4);
  CHECK(FindLog(dir.path() + "/missing")->empty());
}

}  // namespace
}  // namespace narthex::tsdb::promwal
