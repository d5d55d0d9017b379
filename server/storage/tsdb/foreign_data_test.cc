#include "server/storage/tsdb/foreign_data.h"

#include <filesystem>
#include <fstream>

#include "server/storage/tsdb/db.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

namespace fs = std::filesystem;

TEST_CASE("a directory that Prometheus has used is refused and left alone") {
  for (const char* file : {"wal/00000000", "wal/checkpoint.00000003"}) {
    INFO(file);
    const fs::path dir = fs::temp_directory_path() / "narthex_foreign_data";
    fs::remove_all(dir);
    fs::create_directories((dir / file).parent_path());
    std::ofstream(dir / file) << "x";
    const auto db =
        Db::Open({.dir = dir.string(), .maintenance_interval = std::chrono::milliseconds(0)});
    REQUIRE_FALSE(db.ok());
    CHECK(db.status().code() == StatusCode::kFailedPrecondition);
    CHECK(MessageOf(db.status()).find("was written by Prometheus") != std::string_view::npos);
    CHECK(fs::file_size(dir / file) == 1);
    CHECK_FALSE(fs::exists(dir / "head"));
    fs::remove_all(dir);
  }
}

TEST_CASE("our own directory opens again") {
  const fs::path dir = fs::temp_directory_path() / "narthex_own_data";
  fs::remove_all(dir);
  const Options options{.dir = dir.string(), .maintenance_interval = std::chrono::milliseconds(0)};
  for (int i = 0; i < 2; ++i) {
    auto db = Db::Open(options);
    REQUIRE(db.ok());
    CHECK((*db)->Close().ok());
  }
  fs::create_directories(dir / "chunks_head");
  std::ofstream(dir / "chunks_head" / "000001") << "x";
  CHECK(CheckForeignData(dir.string()).ok());
  fs::remove_all(dir);
}

}  // namespace
}  // namespace narthex::tsdb
