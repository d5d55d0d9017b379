// ULIDs, meta.json, tombstones, unions of postings.

#include <algorithm>
#include <random>
#include <set>

#include "core/base/bytes.h"
#include "core/base/clock.h"
#include "server/storage/tsdb/block/chunk_segments.h"
#include "server/storage/tsdb/block/meta.h"
#include "server/storage/tsdb/block/series_union.h"
#include "server/storage/tsdb/block/tombstones.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

TEST_CASE("ULIDs are printed and parsed as the specification has them") {
  const auto ulid = Ulid::Parse("01ARYZ6S41TSV4RRFFQ69G5FAV");
  REQUIRE(ulid.has_value());
  CHECK(ulid->time_ms() == 1469918176385);
  CHECK(ulid->ToString() == "01ARYZ6S41TSV4RRFFQ69G5FAV");
  CHECK(Ulid::Parse("01aryz6s41tsv4rrffq69g5fav") == ulid);
  CHECK(Ulid{}.ToString() == "00000000000000000000000000");
  CHECK(Ulid::Parse("7ZZZZZZZZZZZZZZZZZZZZZZZZZ")->ToString() == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
  for (const char* bad : {"", "01ARYZ6S41TSV4RRFFQ69G5FA", "01ARYZ6S41TSV4RRFFQ69G5FAVV",
                          "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "01ARYZ6S41TSV4RRFFQ69G5FAU", "wal",
                          "01ARYZ6S41TSV4RRFFQ69G5FA/"}) {
    CHECK_FALSE(Ulid::Parse(bad).has_value());
  }
}

TEST_CASE("ULIDs ascend, whatever the clock does") {
  FakeClock clock(1469918176385);
  UlidGenerator generator(clock, 1);
  Ulid last = generator.Next();
  CHECK(last.time_ms() == 1469918176385);
  for (int i = 0; i < 1000; ++i) {
    if (i % 10 == 0) clock.SetMs(1469918176385 + (i % 3 - 1) * 1000);
    const Ulid next = generator.Next();
    REQUIRE(next > last);
    REQUIRE(next.ToString() > last.ToString());
    last = next;
  }
}

BlockMeta FullMeta() {
  BlockMeta meta;
  meta.ulid = *Ulid::Parse("01ARYZ6S41TSV4RRFFQ69G5FAV");
  meta.min_time = -5;
  meta.max_time = 7200000;
  meta.stats = {12, 10, 2, 3, 4, 1};
  meta.compaction.level = 2;
  meta.compaction.sources = {*Ulid::Parse("01ARYZ6S41TSV4RRFFQ69G5FAW"), meta.ulid};
  meta.compaction.deletable = true;
  meta.compaction.parents = {{meta.ulid, -5, 7200000}};
  meta.compaction.failed = true;
  meta.compaction.AddHint(kHintOutOfOrder);
  meta.compaction.AddHint(kHintOutOfOrder);
  return meta;
}

constexpr std::string_view kFullText =
    R"({
	"ulid": "01ARYZ6S41TSV4RRFFQ69G5FAV",
	"minTime": -5,
	"maxTime": 7200000,
	"stats": {
		"numSamples": 12,
		"numFloatSamples": 10,
		"numHistogramSamples": 2,
		"numSeries": 3,
		"numChunks": 4,
		"numTombstones": 1
	},
	"compaction": {
		"level": 2,
		"sources": [
			"01ARYZ6S41TSV4RRFFQ69G5FAW",
			"01ARYZ6S41TSV4RRFFQ69G5FAV"
		],
		"deletable": true,
		"parents": [
			{
				"ulid": "01ARYZ6S41TSV4RRFFQ69G5FAV",
				"minTime": -5,
				"maxTime": 7200000
			}
		],
		"failed": true,
		"hints": [
			"from-out-of-order"
		]
	},
	"version": 1
})";

TEST_CASE("meta.json is written as upstream writes it, and read back") {
  CHECK(FormatMeta(FullMeta()) == kFullText);
  CHECK(*ParseMeta(kFullText) == FullMeta());
  CHECK(FormatMeta({}).find("\"stats\": {},") != std::string::npos);
  CHECK(*ParseMeta(FormatMeta({})) == BlockMeta{});
}

TEST_CASE("Unknown members of meta.json are ignored, wrong ones refused") {
  std::string text(kFullText);
  text.insert(text.size() - 2, ",\n\"thanos\": {\"labels\": {\"a\": \"b\"}, \"downsample\": [1]}");
  CHECK(*ParseMeta(text) == FullMeta());
  for (const char* bad :
       {"", "[]", "{", "{\"version\":1}", "{\"version\":1,\"ulid\":5}",
        "{\"version\":2,\"ulid\":\"01ARYZ6S41TSV4RRFFQ69G5FAV\"}",
        "{\"version\":1,\"ulid\":\"01ARYZ6S41TSV4RRFFQ69G5FAV\",\"compaction\":{\"level\":-1}}",
        "{\"version\":1,\"ulid\":\"01ARYZ6S41TSV4RRFFQ69G5FAV\",\"compaction\":{\"sources\":[1]}"
        "}"}) {
    CHECK_FALSE(ParseMeta(bad).ok());
  }
}

TEST_CASE("Intervals behave as sets of milliseconds") {
  std::mt19937 random(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<Interval> intervals;
    std::set<int64_t> expected;
    for (int i = 0; i < 8; ++i) {
      const auto mint = static_cast<int64_t>(random() % 40);
      const Interval interval{mint, mint + static_cast<int64_t>(random() % 6) - 1};
      AddInterval(interval, &intervals);
      for (int64_t t = interval.mint; t <= interval.maxt; ++t) expected.insert(t);
    }
    std::set<int64_t> covered, rest;
    for (size_t i = 0; i < intervals.size(); ++i) {
      REQUIRE(intervals[i].mint <= intervals[i].maxt);
      if (i > 0) REQUIRE(intervals[i - 1].maxt + 1 < intervals[i].mint);
    }
    for (const Interval& left : Subtract(intervals, -2, 50)) {
      for (int64_t t = left.mint; t <= left.maxt; ++t) rest.insert(t);
    }
    for (int64_t t = -2; t <= 50; ++t) {
      if (IsCovered(intervals, t, t)) covered.insert(t);
      REQUIRE(rest.contains(t) != expected.contains(t));
      REQUIRE(Overlaps(intervals, t, t) == expected.contains(t));
    }
    REQUIRE(covered == expected);
  }
  std::vector<Interval> all;
  AddInterval({INT64_MIN, 5}, &all);
  AddInterval({7, INT64_MAX}, &all);
  CHECK(Subtract(all, INT64_MIN, INT64_MAX) == std::vector<Interval>{{6, 6}});
  AddInterval({6, 6}, &all);
  CHECK(all == std::vector<Interval>{{INT64_MIN, INT64_MAX}});
  CHECK(Subtract(all, 0, 10).empty());
}

TEST_CASE("Tombstones are read back; damage is found") {
  Tombstones tombstones;
  tombstones.Add(7, Interval{1, 5});
  tombstones.Add(7, Interval{10, 12});
  tombstones.Add(7, Interval{6, 6});
  tombstones.Add(uint64_t{1} << 40, Interval{INT64_MIN, INT64_MAX});
  tombstones.Add(9, Interval{5, 4});
  CHECK(tombstones.intervals() == 3);
  const std::string file = tombstones.Encode();
  CHECK(Tombstones::Decode(file)->by_series() == tombstones.by_series());
  CHECK(Tombstones::Decode(Tombstones().Encode())->empty());
  for (size_t i = 0; i < file.size(); ++i) {
    REQUIRE_FALSE(Tombstones::Decode(std::string_view(file).substr(0, i)).ok());
    std::string damaged = file;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
    REQUIRE_FALSE(Tombstones::Decode(damaged).ok());
  }
}

TEST_CASE("References of chunks that are not there") {
  std::string file("\x85\xbd\x40\xdd\x01\0\0\0", 8);
  const std::string data =
      "\x01"
      "abc";
  file += "\x03" + data;
  ByteWriter(&file).Be32(Crc32c(data));
  const auto segments = ChunkSegments::FromBytes({file});
  REQUIRE(segments.ok());
  const auto chunk = (*segments)->Read(8);
  REQUIRE(chunk.ok());
  CHECK(chunk->encoding == Encoding::kXor);
  CHECK(chunk->data == "abc");
  for (uint64_t ref = 0; ref < file.size() + 10; ++ref) {
    if (ref != 8) CHECK_FALSE((*segments)->Read(ref).ok());
  }
  CHECK_FALSE((*segments)->Read(uint64_t{1} << 32 | 8).ok());
  CHECK_FALSE((*segments)->Read(UINT64_MAX).ok());
  for (size_t n = 8; n < file.size(); ++n) {
    const auto cut = ChunkSegments::FromBytes({std::string_view(file).substr(0, n)});
    CHECK_FALSE((*cut)->Read(8).ok());
  }
}

TEST_CASE("Unions of postings, small and large") {
  std::mt19937 random(2);
  for (const uint32_t limit : {100u, 50'000u, 1'000'000u}) {
    for (const int count : {1, 50, 20'000}) {
      SeriesUnion sum(limit);
      std::set<uint32_t> expected;
      for (int i = 0; i < count; ++i) {
        const auto ref = static_cast<uint32_t>(random() % (limit + 10));
        sum.Add(ref);
        if (ref < limit) expected.insert(ref);
      }
      REQUIRE((sum.Take() == std::vector<uint32_t>(expected.begin(), expected.end())));
      REQUIRE(sum.Take().empty());
    }
  }
}

}  // namespace
}  // namespace narthex::tsdb
