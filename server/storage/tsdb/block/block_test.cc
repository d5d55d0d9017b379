#include "server/storage/tsdb/block/block.h"

#include <algorithm>
#include <filesystem>
#include <random>

#include "core/base/file.h"
#include "server/storage/tsdb/block/block_writer.h"
#include "server/storage/tsdb/block/select.h"
#include "server/storage/tsdb/block/testing.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

using namespace block_testing;  // NOLINT: helpers of this folder

constexpr int64_t kEnd = 7'200'000;

// Three jobs, some labels on some series only, gaps, values of all kinds of bits.
Contents SampleContents(int instances = 20) {
  std::mt19937_64 random(3);
  Contents contents;
  for (int i = 0; i < instances; ++i) {
    for (const char* name : {"up", "requests_total", "temperature"}) {
      LabelsBuilder labels;
      labels.Set("__name__", name).Set("instance", "host-" + std::to_string(i));
      labels.Set("job", i % 3 == 0 ? "api" : i % 3 == 1 ? "web" : "db");
      if (i % 4 == 0) labels.Set("zone", i % 8 == 0 ? "a" : "b");
      Samples& samples = contents[labels.Build()];
      int64_t t = static_cast<int64_t>(random() % 600'000);
      while (t < kEnd) {
        const uint64_t bits = random() % 10 == 0 ? random() : std::bit_cast<uint64_t>(1.0 * i);
        samples.emplace_back(t, bits);
        t += 1000 + static_cast<int64_t>(random() % 30'000);
      }
    }
  }
  return contents;
}

Contents Filter(const Contents& contents, std::span<const Matcher> matchers, int64_t mint,
                int64_t maxt) {
  Contents out;
  for (const auto& [labels, samples] : contents) {
    const bool matches = std::all_of(matchers.begin(), matchers.end(),
                                     [&](const Matcher& m) { return m.Matches(labels); });
    if (!matches) continue;
    Samples inside;
    for (const auto& [t, bits] : samples) {
      if (t >= mint && t <= maxt) inside.emplace_back(t, bits);
    }
    if (!inside.empty()) out[labels] = inside;
  }
  return out;
}

// A series that has a chunk but no sample in the range may be selected.
Contents WithoutEmpty(Contents contents) {
  std::erase_if(contents, [](const auto& entry) { return entry.second.empty(); });
  return contents;
}

TEST_CASE("A block gives back what was written") {
  const TempDir dir;
  const Contents contents = SampleContents();
  const auto block = WriteAndOpen(dir.path(), contents, 0, kEnd);
  CHECK((Query(*block->NewQuerier(INT64_MIN, INT64_MAX), {}) == contents));

  const BlockMeta meta = block->meta();
  CHECK(meta.min_time == 0);
  CHECK(meta.max_time == kEnd);
  CHECK(meta.stats.series == contents.size());
  uint64_t samples = 0;
  for (const auto& [labels, s] : contents) samples += s.size();
  CHECK(meta.stats.samples == samples);
  CHECK(meta.stats.float_samples == samples);
  CHECK(meta.stats.histogram_samples == 0);
  CHECK(meta.compaction.level == 1);
  CHECK(meta.compaction.sources == std::vector<Ulid>{meta.ulid});
  CHECK(*ListDirectory(block->dir()) ==
        std::vector<std::string>{"chunks", "index", "meta.json", "tombstones"});
  uint64_t bytes = 0;
  for (const auto& f : std::filesystem::recursive_directory_iterator(block->dir())) {
    if (f.is_regular_file()) bytes += f.file_size();
  }
  CHECK(block->bytes() == bytes);
  CHECK(block->OverlapsClosedRange(kEnd - 1, kEnd + 5));
  CHECK_FALSE(block->OverlapsClosedRange(kEnd, kEnd + 5));
}

TEST_CASE("Chunks fill several segments") {
  const TempDir dir;
  const Contents contents = SampleContents();
  const auto block = WriteAndOpen(dir.path(), contents, 0, kEnd, {.segment_bytes = 10'000}, 20);
  const auto names = *ListDirectory(block->dir() + "/chunks");
  CHECK(names.size() > 3);
  CHECK(names[0] == "000001");
  for (const std::string& name : names) {
    CHECK(std::filesystem::file_size(block->dir() + "/chunks/" + name) <= 10'000);
  }
  CHECK((Query(*block->NewQuerier(0, kEnd), {}) == contents));
}

TEST_CASE("Selections equal those of a walk over all series") {
  const TempDir dir;
  const Contents contents = SampleContents(60);
  const auto block = WriteAndOpen(dir.path(), contents, 0, kEnd);
  using enum MatchType;
  std::vector<Matcher> pool;
  const std::vector<std::pair<std::string, std::vector<std::string>>> labels{
      {"__name__", {"up", "requests_total", "nope"}},
      {"instance", {"host-1", "host-11", "host-59"}},
      {"job", {"api", "web", ""}},
      {"zone", {"a", "b", ""}},
      {"absent", {"", "x"}}};
  for (const auto& [name, values] : labels) {
    for (const std::string& value : values) {
      pool.push_back(Match(kEqual, name, value));
      pool.push_back(Match(kNotEqual, name, value));
      pool.push_back(Match(kRegex, name, value + ".*"));
      pool.push_back(Match(kNotRegex, name, value + ".+"));
      pool.push_back(Match(kRegex, name, value + "|a|host-3"));
      pool.push_back(Match(kNotRegex, name, value + "|a|host-3"));
      pool.push_back(Match(kRegex, name, ".*" + value));
      pool.push_back(Match(kNotRegex, name, "(" + value + ")?"));
    }
  }
  const auto querier = block->NewQuerier(INT64_MIN, INT64_MAX);
  std::mt19937 random(1);
  const auto check = [&](const std::vector<Matcher>& matchers) {
    const Contents expected = Filter(contents, matchers, INT64_MIN, INT64_MAX);
    std::string shown;
    for (const Matcher& m : matchers) shown += m.ToString() + " ";
    INFO(shown);
    REQUIRE((Query(*querier, matchers) == expected));
    std::map<std::string, std::set<std::string>> values;
    for (const auto& [l, samples] : expected) {
      for (const Label& label : l) values[std::string(label.name)].emplace(label.value);
    }
    std::vector<std::string> names;
    for (const auto& [name, v] : values) names.push_back(name);
    REQUIRE(*querier->LabelNames(matchers, 0, nullptr) == names);
    for (const auto& [name, pool_values] : labels) {
      const std::vector<std::string> want(values[name].begin(), values[name].end());
      REQUIRE(*querier->LabelValues(name, matchers, 0, nullptr) == want);
    }
  };
  for (const Matcher& m : pool) check({m});
  for (int i = 0; i < 150; ++i) {
    std::vector<Matcher> matchers;
    for (unsigned k = random() % 3 + 2; k > 0; --k)
      matchers.push_back(pool[random() % pool.size()]);
    check(matchers);
  }
}

TEST_CASE("Ranges, limits and newest samples") {
  const TempDir dir;
  const Contents contents = SampleContents(6);
  const auto block = WriteAndOpen(dir.path(), contents, 0, kEnd, {}, 7);
  std::mt19937_64 random(5);
  for (int i = 0; i < 50; ++i) {
    const auto mint = static_cast<int64_t>(random() % kEnd);
    const auto maxt = mint + static_cast<int64_t>(random() % 400'000);
    const auto querier = block->NewQuerier(mint, maxt);
    REQUIRE((WithoutEmpty(Query(*querier, {})) == Filter(contents, {}, mint, maxt)));
  }
  const auto querier = block->NewQuerier(INT64_MIN, INT64_MAX);
  const auto list = *querier->Select({}, {});
  REQUIRE(list->size() == contents.size());
  size_t index = 0;
  for (const auto& [labels, samples] : contents) {
    REQUIRE((list->labels(index) == labels));
    for (int i = 0; i < 30; ++i) {
      const auto t = static_cast<int64_t>(random() % (2 * kEnd)) - kEnd / 4;
      const auto mint = t - static_cast<int64_t>(random() % 60'000);
      const auto after = std::upper_bound(samples.begin(), samples.end(), std::pair(t, UINT64_MAX));
      const bool expected = after != samples.begin() && std::prev(after)->first > mint;
      int64_t time = 0;
      double value = 0;
      REQUIRE(list->Last(index, mint, t, &time, &value) == expected);
      if (!expected) continue;
      REQUIRE(time == std::prev(after)->first);
      REQUIRE(std::bit_cast<uint64_t>(value) == std::prev(after)->second);
    }
    ++index;
  }
  storage::SelectHints hints;
  hints.limit = 4;
  CHECK((*querier->Select(hints, {}))->size() == 4);
  bool truncated = false;
  CHECK(querier->LabelValues("instance", {}, 2, &truncated)->size() == 2);
  CHECK(truncated);
  CHECK(querier->LabelNames({}, 4, &truncated)->size() == 4);
  CHECK_FALSE(truncated);
}

TEST_CASE("Deleted samples are gone for readers and for compaction, also after reopening") {
  const TempDir dir;
  Contents contents = SampleContents(6);
  auto block = WriteAndOpen(dir.path(), contents, 0, kEnd, {}, 10);
  const auto before = block->NewQuerier(0, kEnd);
  const auto erase = [&](int64_t mint, int64_t maxt, std::vector<Matcher> matchers) {
    REQUIRE(block->Delete(mint, maxt, matchers).ok());
    for (auto& [labels, samples] : contents) {
      if (!std::all_of(matchers.begin(), matchers.end(),
                       [&](auto& m) { return m.Matches(labels); }))
        continue;
      std::erase_if(samples, [&](const auto& s) { return s.first >= mint && s.first <= maxt; });
    }
    std::erase_if(contents, [](const auto& entry) { return entry.second.empty(); });
  };
  const Contents all = contents;
  erase(1'000'000, 2'000'000, {Match(MatchType::kRegex, "job", "api|web")});
  erase(1'900'000, 3'000'000, {Match(MatchType::kEqual, "job", "api")});
  erase(INT64_MIN, INT64_MAX, {Match(MatchType::kEqual, "instance", "host-2")});
  erase(kEnd, INT64_MAX, {});
  CHECK((Query(*before, {}) == all));
  CHECK(block->meta().stats.tombstones > 0);

  for (const bool reopen : {false, true}) {
    if (reopen) block = *Block::Open(block->dir());
    CHECK((WithoutEmpty(Query(*block->NewQuerier(0, kEnd), {})) == contents));
    const auto list = *block->NewQuerier(0, kEnd)->Select({}, {});
    CHECK(list->size() == contents.size());
    int64_t time = 0;
    double value = 0;
    REQUIRE(list->Last(0, 0, 1'500'000, &time, &value));
    CHECK(time < 1'000'000);
  }
  CHECK(block->meta().stats.tombstones == block->tombstones()->intervals());

  const TempDir rewritten;
  const auto rewrite = [&](int64_t mint, int64_t maxt, std::vector<Matcher> matchers) {
    const auto set = block->NewChunkSeriesSet(mint, maxt, matchers);
    const auto meta = BlockWriter(rewritten.path()).Write(block->meta(), set.get());
    REQUIRE(meta.ok());
    const std::string path = rewritten.path() + "/" + meta->ulid.ToString();
    const auto fresh = *Block::Open(path);
    CHECK(fresh->meta().stats.tombstones == 0);
    Contents read = Query(*fresh->NewQuerier(INT64_MIN, INT64_MAX), {});
    std::filesystem::remove_all(path);
    return read;
  };
  CHECK((rewrite(INT64_MIN, INT64_MAX, {}) == contents));
  CHECK((rewrite(500'000, 2'500'000, {}) == Filter(contents, {}, 500'000, 2'500'000)));
  const std::vector<Matcher> api{Match(MatchType::kEqual, "job", "api")};
  CHECK((rewrite(0, kEnd, api) == Filter(contents, api, 0, kEnd)));
}

TEST_CASE("What a failed write leaves behind") {
  const TempDir dir;
  const Contents contents = SampleContents(3);
  SECTION("nothing, when the series fail") {
    SampleSet set(contents);
    set.FailAfter(4);
    const auto written = BlockWriter(dir.path()).Write({}, &set);
    REQUIRE_FALSE(written.ok());
    CHECK(MessageOf(written.status()).find("the test says so") != std::string_view::npos);
  }
  SECTION("nothing, when it is cancelled") {
    SampleSet set(contents);
    const std::atomic<bool> cancel{true};
    CHECK(BlockWriter(dir.path(), {.cancel = &cancel}).Write({}, &set).status().code() ==
          StatusCode::kCancelled);
  }
  SECTION("nothing, when there are no series") {
    const Contents none;
    SampleSet set(none);
    const auto written = BlockWriter(dir.path()).Write({}, &set);
    REQUIRE(written.ok());
    CHECK(written->stats.samples == 0);
  }
  CHECK(ListDirectory(dir.path())->empty());
}

TEST_CASE("A damaged block does not open and says why") {
  const TempDir dir;
  const auto block = WriteAndOpen(dir.path(), SampleContents(3), 0, kEnd);
  const auto damage = [&](const std::string& file, const std::string& content) {
    const std::string path = block->dir() + "/" + file;
    const std::string sound = *ReadFile(path);
    REQUIRE(WriteFileAtomically(path, content).ok());
    const auto opened = Block::Open(block->dir());
    REQUIRE_FALSE(opened.ok());
    INFO(MessageOf(opened.status()));
    CHECK(MessageOf(opened.status()).find(path) != std::string_view::npos);
    REQUIRE(WriteFileAtomically(path, sound).ok());
  };
  const std::string index = *ReadFile(block->dir() + "/index");
  for (const size_t size : {size_t{0}, size_t{4}, size_t{60}, index.size() / 2, index.size() - 1}) {
    damage("index", index.substr(0, size));
  }
  damage("chunks/000001", "");
  damage("chunks/000001", "\x85\xbd\x40\xdd");
  damage("chunks/000001", "nothing of the kind");
  damage("tombstones", "");
  damage("tombstones", "\x01\x30\xba\x30\x01....");
  damage("meta.json", "");
  damage("meta.json", "{}");
  damage("meta.json", "{\"version\": 2}");
  CHECK(Block::Open(block->dir()).ok());
  CHECK_FALSE(Block::Open(block->dir() + "x").ok());
  REQUIRE(::unlink((block->dir() + "/tombstones").c_str()) == 0);
  CHECK(Block::Open(block->dir()).ok());
}

TEST_CASE("A damaged or missing chunk fails the read, not the process") {
  const TempDir dir;
  const auto block = WriteAndOpen(dir.path(), SampleContents(3), 0, kEnd);
  const std::string path = block->dir() + "/chunks/000001";
  std::string bytes = *ReadFile(path);
  const auto read = [&] {
    const auto opened = *Block::Open(block->dir());
    const auto list = *opened->NewQuerier(0, kEnd)->Select({}, {});
    storage::SampleColumns columns;
    Status status;
    for (size_t i = 0; i < list->size(); ++i) {
      const Status one = list->Read(i, 0, kEnd, &columns);
      if (!one.ok()) status = one;
    }
    return status;
  };
  CHECK(read().ok());
  REQUIRE(WriteFileAtomically(path, bytes.substr(0, bytes.size() - 100)).ok());
  CHECK(MessageOf(read()).find("000001") != std::string_view::npos);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  REQUIRE(WriteFileAtomically(path, bytes).ok());
  CHECK(MessageOf(read()).find("checksum mismatch") != std::string_view::npos);
  REQUIRE(::unlink(path.c_str()) == 0);
  CHECK(read().code() == StatusCode::kDataLoss);
}

TEST_CASE("Readers outlive the deletion of the directory") {
  const TempDir dir;
  const Contents contents = SampleContents(3);
  auto block = WriteAndOpen(dir.path(), contents, 0, kEnd);
  const auto querier = block->NewQuerier(0, kEnd);
  REQUIRE(DeleteBlockDir(block->dir()).ok());
  CHECK(ListDirectory(dir.path())->empty());
  block.reset();
  CHECK((Query(*querier, {}) == contents));
}

TEST_CASE("Marks in meta.json survive") {
  const TempDir dir;
  const auto block = WriteAndOpen(dir.path(), SampleContents(3), 0, kEnd);
  REQUIRE(block->SetCompactionFailed().ok());
  REQUIRE(block->SetDeletable().ok());
  const auto meta = (*Block::Open(block->dir()))->meta();
  CHECK(meta.compaction.failed);
  CHECK(meta.compaction.deletable);
  CHECK(meta == block->meta());
}

}  // namespace
}  // namespace narthex::tsdb
