#include "server/storage/tsdb/compact/compactor.h"

#include <filesystem>

#include "server/storage/tsdb/compact/testing.h"
#include "tests/catch.h"
#include "tests/temp_dir.h"

namespace narthex::tsdb {
namespace {

class Directory {
 public:
  const std::string& path() const { return dir_.path(); }

  BlockPtr Write(const Contents& contents, int64_t mint, int64_t maxt, std::string_view hint = {}) {
    FakeSet set(contents, 120);
    BlockMeta meta;
    meta.min_time = mint;
    meta.max_time = maxt;
    if (!hint.empty()) meta.compaction.AddHint(hint);
    const auto written = BlockWriter(path()).Write(meta, &set);
    REQUIRE(written.ok());
    return Open(*written);
  }
  BlockPtr Open(const BlockMeta& meta) {
    auto block = Block::Open(path() + "/" + meta.ulid.ToString());
    if (!block.ok()) FAIL(std::string(MessageOf(block.status())));
    return *block;
  }

 private:
  TempDir dir_;
};

Contents Read(const Block& block) {
  const auto set = block.NewChunkSeriesSet();
  Contents out;
  while (set->Next()) out[std::string(set->labels().Get("n"))] = SamplesIn(*set);
  REQUIRE(set->status().ok());
  return out;
}

TEST_CASE("Blocks become one") {
  Directory dir;
  const BlockPtr a =
      dir.Write({{"x", Regular(0, 2000, 10, 1)}, {"y", Regular(0, 500, 10, 2)}}, 0, 2000);
  const BlockPtr b =
      dir.Write({{"x", Regular(2000, 4000, 10, 1)}, {"z", Regular(2100, 2500, 10, 2)}}, 2000, 4000);
  std::vector<EncodedChunk> observed;
  const std::vector<BlockPtr> inputs = {a, b};
  const auto merged = MergeBlocks(inputs, dir.path(), {}, [&](const ChunkView& c) {
    observed.push_back({c.mint, c.maxt, c.encoding, std::string(c.data)});
  });
  REQUIRE(merged.ok());
  const BlockPtr c = dir.Open(*merged);
  Contents want = Read(*a);
  for (const auto& [name, samples] : Read(*b)) want[name].insert(samples.begin(), samples.end());
  CHECK(Read(*c) == want);

  const BlockMeta meta = c->meta();
  CHECK(meta == *merged);
  CHECK(meta.min_time == 0);
  CHECK(meta.max_time == 4000);
  CHECK(meta.compaction.level == 2);
  CHECK(meta.compaction.sources == std::vector<Ulid>{a->ulid(), b->ulid()});
  CHECK(meta.compaction.parents ==
        std::vector<BlockDescription>{a->meta().description(), b->meta().description()});
  CHECK(meta.stats.series == 3);
  CHECK(meta.stats.samples == 400 + 50 + 40);
  CHECK(meta.stats.chunks == observed.size());
  CHECK_FALSE(AnyOverlap(inputs));
  CHECK(AnyOverlap(std::vector<BlockPtr>{c, a}));
}

TEST_CASE("A merge leaves deleted samples out") {
  Directory dir;
  const BlockPtr a =
      dir.Write({{"x", Regular(0, 2000, 10, 1)}, {"y", Regular(0, 500, 10, 2)}}, 0, 2000);
  const BlockPtr b = dir.Write({{"x", Regular(2000, 4000, 10, 1)}}, 2000, 4000);
  REQUIRE(a->Delete(500, 1499, std::vector<Matcher>{Matcher::Equal("n", "x")}).ok());
  REQUIRE(a->Delete(0, 10000, std::vector<Matcher>{Matcher::Equal("n", "y")}).ok());
  const auto merged = MergeBlocks(std::vector<BlockPtr>{a, b}, dir.path(), {});
  REQUIRE(merged.ok());
  const BlockPtr c = dir.Open(*merged);
  Samples want = Regular(0, 500, 10, 1);
  want.merge(Regular(1500, 4000, 10, 1));
  CHECK(Read(*c) == Contents{{"x", want}});
  CHECK(c->tombstones()->empty());
}

TEST_CASE("A rewrite keeps level and sources") {
  Directory dir;
  const BlockPtr a =
      dir.Write({{"x", Regular(0, 2000, 10, 1)}, {"y", Regular(0, 500, 10, 2)}}, 0, 2000);
  REQUIRE(a->Delete(0, 10000, std::vector<Matcher>{Matcher::Equal("n", "x")}).ok());
  const auto written = RewriteBlock(a, dir.path(), {});
  REQUIRE(written.ok());
  CHECK(written->compaction.level == 1);
  CHECK(written->compaction.sources == a->meta().compaction.sources);
  CHECK(written->compaction.parents == std::vector<BlockDescription>{a->meta().description()});
  CHECK(Read(*dir.Open(*written)) == Contents{{"y", Regular(0, 500, 10, 2)}});

  REQUIRE(a->Delete(0, 10000, std::vector<Matcher>{Matcher::Equal("__name__", "m")}).ok());
  const auto nothing = RewriteBlock(a, dir.path(), {});
  REQUIRE(nothing.ok());
  CHECK(nothing->stats.samples == 0);
  CHECK_FALSE(std::filesystem::exists(dir.path() + "/" + nothing->ulid.ToString()));
}

TEST_CASE("A hint stays when all blocks have it") {
  std::vector<BlockMeta> metas(2);
  metas[0].compaction.AddHint(kHintOutOfOrder);
  metas[0].compaction.level = 3;
  metas[1].compaction.level = 2;
  CHECK(MergedMeta(metas).compaction.hints.empty());
  CHECK(MergedMeta(metas).compaction.level == 4);
  metas[1].compaction.AddHint(kHintOutOfOrder);
  CHECK(MergedMeta(metas).compaction.HasHint(kHintOutOfOrder));
}

}  // namespace
}  // namespace narthex::tsdb
