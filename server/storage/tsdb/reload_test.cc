// Blocks that were written and cannot be opened: what they were to replace stays.

#include <algorithm>
#include <filesystem>

#include "core/base/file.h"
#include "core/log/log.h"
#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kHour = 3600'000;
constexpr int64_t kT0 = 1'700'006'400'000;  // on an hour of two

void Append(Db& db, int64_t from, int64_t to) {
  auto appender = db.NewAppender();
  for (int64_t t = from; t < to; t += 60'000) {
    REQUIRE(appender->Append(Labels{{"__name__", "a"}}, t, static_cast<double>(t - kT0)).ok());
  }
  REQUIRE(appender->Commit(true).ok());
}

// Damages blocks while `broken` says so.
Options HourBlocks(const std::string& dir, const bool* broken) {
  Options options = TestOptions(dir);
  options.chunk_range_ms = kHour;
  options.max_block_ms = 3 * kHour;
  options.retention_ms = 0;
  options.out_of_order_window_ms = 10 * kHour;
  options.block_written = [broken](const std::string& block) {
    if (*broken) fs::resize_file(block + "/index", 60);
  };
  return options;
}

size_t BlocksIn(const std::string& dir) {
  const auto names = ListDirectory(dir);
  REQUIRE(names.ok());
  return static_cast<size_t>(
      std::count_if(names->begin(), names->end(),
                    [](const std::string& name) { return Ulid::Parse(name).has_value(); }));
}

TEST_CASE("A new block that cannot be opened replaces nothing and is removed") {
  Quiet quiet;
  TempDir dir;
  bool broken = true;
  auto db = OpenDb(HourBlocks(dir.path(), &broken));
  Append(*db, kT0, kT0 + 5 * kHour);
  Append(*db, kT0 - 90 * 60'000, kT0);  // late
  const Contents all = Dump(*db);
  const auto fails = [&](const Status& status) {
    CHECK(status.code() == StatusCode::kDataLoss);
    CheckSame(Dump(*db), all);
  };
  // The head: it keeps what the block was to have.
  fails(db->Maintain());
  CHECK(BlocksIn(dir.path()) == 0);
  broken = false;
  REQUIRE(db->Maintain().ok());
  CheckSame(Dump(*db), all);
  const size_t blocks = BlocksIn(dir.path());
  CHECK(blocks >= 3);
  // A merge and a rewrite, in the blocks they came from.
  Append(*db, kT0 + 5 * kHour, kT0 + 7 * kHour);
  const std::vector<Matcher> every{Match(MatchType::kEqual, "__name__", "a")};
  REQUIRE(db->Delete(kT0 + kHour, kT0 + kHour + 60'000, every).ok());
  const Contents less = Dump(*db);
  broken = true;
  CHECK(db->CleanTombstones().code() == StatusCode::kDataLoss);
  CheckSame(Dump(*db), less);
  CHECK(BlocksIn(dir.path()) == blocks);
  broken = false;
  REQUIRE(db->CleanTombstones().ok());
  REQUIRE(db->Maintain().ok());
  CheckSame(Dump(*db), less);
  db.reset();
  CheckSame(Dump(*OpenDb(HourBlocks(dir.path(), &broken))), less);
}

}  // namespace
}  // namespace narthex::tsdb
