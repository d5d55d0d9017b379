#include "server/storage/tsdb/head/chunk_bounds.h"

#include <random>

#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

TEST_CASE("Bounds by windows are those of single reads") {
  TempDir dir;
  Epochs epochs;
  ChunkFiles files(dir.path() + "/chunks_head", &epochs);
  REQUIRE(files.Open({}, [](const HeadChunk&, const ChunkRef&) {}).ok());
  std::mt19937_64 random(5);
  std::vector<ChunkRef> chunks;
  const auto write = [&](size_t n) {
    for (size_t i = 0; i < n; ++i) {
      const std::string data(random() % 20 == 0 ? random() % 20'000 : random() % 300 + 4, '\1');
      const auto t = static_cast<int64_t>(random() % 1'000'000'000'000);
      const auto ref = files.Write(chunks.size() + 1, {t, t + 1000, Encoding::kXor, data});
      REQUIRE(ref.ok());
      chunks.push_back(*ref);
    }
  };
  ChunkBounds bounds(&files);
  const auto check = [&](uint32_t slot, size_t i) {
    const auto got = bounds.Get(slot, chunks[i]);
    REQUIRE(got.ok());
    const auto want = files.Bounds(chunks[i]);
    REQUIRE(want.ok());
    CHECK(got->ref == i + 1);
    CHECK(got->mint == want->mint);
    CHECK(got->maxt == want->maxt);
    CHECK(got->encoding == Encoding::kXor);
  };
  // Windows that were read when there was less must not hide what came behind.
  for (int round = 0; round < 20; ++round) {
    write(random() % 100 + 1);
    for (size_t i = 0; i < chunks.size(); ++i) check(0, i);
    for (int k = 0; k < 100; ++k) {
      check(static_cast<uint32_t>(random() % 100'000), random() % chunks.size());
    }
  }
  ChunkRef beyond = chunks.back();
  beyond.offset += 1 << 20;
  CHECK_FALSE(bounds.Get(0, beyond).ok());
  check(0, chunks.size() - 1);
  ChunkRef elsewhere = chunks.front();
  elsewhere.file = 77;
  CHECK_FALSE(bounds.Get(0, elsewhere).ok());
}

}  // namespace
}  // namespace narthex::tsdb
