#include "server/storage/tsdb/retention.h"

#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

std::vector<BlockExtent> Blocks(std::vector<std::pair<int64_t, uint64_t>> ends) {
  std::vector<BlockExtent> out;
  for (const auto& [end, bytes] : ends) {
    BlockExtent block{.min_time = end - 10, .max_time = end, .bytes = bytes};
    block.ulid.bytes[15] = static_cast<uint8_t>(end);
    out.push_back(block);
  }
  return out;
}

std::vector<int> Ends(const std::vector<Ulid>& ids) {
  std::vector<int> out;
  for (const Ulid& id : ids) out.push_back(id.bytes[15]);
  return out;
}

TEST_CASE("Time retention counts from the end of the newest block") {
  const auto blocks = Blocks({{40, 1}, {10, 1}, {30, 1}, {20, 1}});
  CHECK(Ends(BeyondTime(blocks, 20)) == std::vector<int>{20, 10});
  CHECK(Ends(BeyondTime(blocks, 21)) == std::vector<int>{10});
  CHECK(Ends(BeyondTime(blocks, 30)) == std::vector<int>{10});
  CHECK(Ends(BeyondTime(blocks, 31)).empty());
  CHECK(Ends(BeyondTime(blocks, 1)) == std::vector<int>{30, 20, 10});
  CHECK(Ends(BeyondTime(blocks, 0)).empty());
  CHECK(Ends(BeyondTime({}, 1)).empty());
}

TEST_CASE("Size retention keeps the newest blocks that fit beside the head") {
  const auto blocks = Blocks({{10, 5}, {20, 100}, {30, 5}});
  CHECK(Ends(BeyondSize(blocks, 0, 110)).empty());
  CHECK(Ends(BeyondSize(blocks, 0, 109)) == std::vector<int>{10});
  CHECK(Ends(BeyondSize(blocks, 0, 104)) ==
        std::vector<int>{20, 10});  // 10 would fit, but no holes
  CHECK(Ends(BeyondSize(blocks, 50, 109)) == std::vector<int>{20, 10});
  CHECK(Ends(BeyondSize(blocks, 200, 109)) == std::vector<int>{30, 20, 10});
  CHECK(Ends(BeyondSize(blocks, 200, 0)).empty());
}

TEST_CASE("A percentage wins over a size") {
  CHECK(SizeLimit({.bytes = 7}, 1000) == 7);
  CHECK(SizeLimit({.bytes = 7, .percentage = 12.5}, 1000) == 125);
  CHECK(SizeLimit({.bytes = 7, .percentage = 50}, 0) == 7);
  CHECK(SizeLimit({}, 1000) == 0);
  CHECK(FilesystemBytes("/") > 0);
  CHECK(FilesystemBytes("/does/not/exist") == 0);
}

}  // namespace
}  // namespace narthex::tsdb
