// The index under churn, and the cache of matchers.

#include "server/storage/tsdb/series/series_index.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "server/storage/tsdb/series/matching.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

Matcher Regex(MatchType type, const std::string& name, const std::string& pattern) {
  auto matcher = Matcher::Create(type, name, pattern);
  REQUIRE(matcher.ok());
  return *matcher;
}

std::vector<uint32_t> Fill(SeriesIndex* index, int round, int series) {
  std::vector<uint32_t> slots;
  for (int i = 0; i < series; ++i) {
    const std::string label = "label_" + std::to_string(round) + "_" + std::to_string(i % 50);
    slots.push_back(index->Create(
        Labels{{"__name__", "m" + std::to_string(round)},
               {"instance", "host-" + std::to_string(round) + "-" + std::to_string(i)},
               {label, "v"}},
        1, nullptr));
    index->table()[slots.back()].SetHome(nullptr, 1);
  }
  return slots;
}

void Drop(SeriesIndex* index, const std::vector<uint32_t>& slots) {
  index->Unlink(IdSet::FromSorted(slots));
  index->Release(slots);
}

TEST_CASE("Replacing all series again and again leaves nothing behind") {
  SeriesIndex index;
  size_t bytes = 0;
  for (int round = 1; round <= 20; ++round) {
    std::vector<uint32_t> slots = Fill(&index, round, 3000);
    REQUIRE(index.size() == 3000);
    if (round == 1) bytes = index.symbol_bytes();
    REQUIRE(index.symbol_bytes() < bytes * 3 / 2);
    const Labels labels = index.GetLabels(slots[7]);
    REQUIRE(index.Find(labels) == slots[7]);
    REQUIRE(labels.Get("instance") == "host-" + std::to_string(round) + "-7");
    // Names as well as values are those of this round.
    REQUIRE(index.names().size() <= 1 + 1 + 50);
    std::sort(slots.begin(), slots.end());
    Drop(&index, slots);
    REQUIRE(index.size() == 0);
    REQUIRE(index.names().size() == 1);  // that of metrics
    REQUIRE(index.names().limit() <= 60);
    REQUIRE(index.table().limit() == 3000);
    REQUIRE(index.symbol_bytes() < 64 << 10);
  }
}

TEST_CASE("A series tells which labels the one before it had") {
  SeriesIndex index;
  const auto had = [&](const Labels& labels) {
    const uint32_t slot = index.Create(labels, 1, nullptr);
    index.table()[slot].SetHome(nullptr, 1);
    REQUIRE(index.GetLabels(slot) == labels);
    REQUIRE(index.Find(labels) == slot);
    std::string out;
    for (size_t i = 0; i < labels.size(); ++i) out += index.LastHadBefore(i) ? '1' : '0';
    return std::pair(slot, out);
  };
  CHECK(had(Labels{{"a", "1"}, {"b", "2"}, {"c", "3"}}).second == "000");
  CHECK(had(Labels{{"a", "1"}, {"b", "x"}, {"c", "3"}}).second == "101");
  CHECK(had(Labels{{"b", "x"}, {"c", "3"}, {"d", "4"}}).second == "110");
  CHECK(had(Labels{{"a", "1"}, {"c", "3"}, {"e", "5"}}).second == "010");
  CHECK(had(Labels{{"aa", "1"}}).second == "0");
  std::vector<uint32_t> gone{had(Labels{{"aa", "2"}, {"b", "9"}}).first};
  // What has left the index is known no more: its ids come to mean something else.
  Drop(&index, gone);
  CHECK(had(Labels{{"aa", "3"}, {"b", "9"}}).second == "00");
  std::vector<std::pair<std::string, std::string>> many;
  for (int i = 100; i < 170; ++i) many.emplace_back("l" + std::to_string(i), "v");
  (void)had(Labels::FromPairs(many));
  many.emplace_back("z", "z");
  const std::string noticed = had(Labels::FromPairs(many)).second;
  CHECK(noticed == std::string(64, '1') + std::string(7, '0'));
}

TEST_CASE("Labels stay in order when ids of names are used again") {
  SeriesIndex index;
  BaseGuess guess;
  const auto create = [&](const Labels& labels) {
    const uint32_t slot = index.Create(labels, 1, &guess);
    REQUIRE(index.GetLabels(slot) == labels);
    REQUIRE(index.Find(labels) == slot);
    return slot;
  };
  std::vector<uint32_t> slots = {create(Labels{{"a", "1"}, {"b", "1"}, {"c", "1"}, {"x", "1"}}),
                                 create(Labels{{"a", "1"}, {"b", "1"}, {"c", "1"}, {"x", "2"}})};
  Drop(&index, slots);
  // The free ids go to other names, in another order.
  for (int i = 0; i < 6; ++i) {
    create(Labels{{"d", "1"}, {"e", "1"}, {"f", "1"}, {"g", std::to_string(i)}});
  }
}

TEST_CASE("Cached matchers answer like fresh ones while values come, go and change ids") {
  SeriesIndex index;
  const auto count = [&](MatchType type, const std::string& pattern) {
    return SelectSeries(index, std::vector<Matcher>{Regex(type, "instance", pattern)}).size();
  };
  std::vector<uint32_t> first = Fill(&index, 1, 3000);
  REQUIRE(count(MatchType::kRegex, "host-1-.*7") == 300);
  const uint64_t evaluated = index.matcher_cache().evaluated();
  REQUIRE(evaluated > 0);
  REQUIRE(count(MatchType::kRegex, "host-1-.*7") == 300);
  REQUIRE(count(MatchType::kNotRegex, "host-1-.*7") == 2700);
  REQUIRE(index.matcher_cache().evaluated() == evaluated);
  // New values extend the answer.
  const std::vector<uint32_t> second = Fill(&index, 2, 3000);
  REQUIRE(count(MatchType::kRegex, "host-[12]-.*7") == 600);
  REQUIRE(count(MatchType::kRegex, "host-1-.*7") == 300);
  // Values that go, and others that take their ids.
  std::sort(first.begin(), first.end());
  Drop(&index, first);
  REQUIRE(count(MatchType::kRegex, "host-1-.*7") == 0);
  REQUIRE(count(MatchType::kRegex, "host-[13]-.*7") == 0);
  Fill(&index, 3, 3000);
  REQUIRE(count(MatchType::kRegex, "host-[13]-.*7") == 300);
  REQUIRE(count(MatchType::kRegex, "host-1-.*7") == 0);
  REQUIRE(count(MatchType::kNotRegex, "host-[13]-.*7") == 5700);
}

TEST_CASE("The cache of matchers is bounded") {
  StringTable values;
  for (int i = 0; i < 1000; ++i) values.Insert("value" + std::to_string(i));
  MatcherCache cache(8, 2000);
  for (int i = 0; i < 100; ++i) {
    const Matcher m = Regex(MatchType::kRegex, "a", "value" + std::to_string(i) + ".*");
    const auto verdicts = cache.Get(1, 0, m, values);
    REQUIRE(verdicts->size() == 1000);
    REQUIRE((*verdicts)[static_cast<size_t>(i)]);
    REQUIRE(cache.size() <= 8);
    REQUIRE(cache.bytes() <= 2000);
  }
  // A dictionary too large for it is answered all the same.
  MatcherCache tiny(8, 100);
  REQUIRE(tiny.Get(1, 0, Regex(MatchType::kRegex, "a", ".*9"), values)->size() == 1000);
  REQUIRE(tiny.size() == 0);
}

Labels RandomLabels(std::mt19937& random) {
  LabelsBuilder labels(Labels{{"__name__", fmt::format("m{}", random() % 5)}, {"job", "j"}});
  for (const char* name : {"a", "b", "code", "zone"}) {
    if (random() % 4 != 0) labels.Set(name, fmt::format("{}{}", name, random() % 12));
  }
  return labels.Build();
}

// Neighbours share labels, values leave and their ids are given to others: what a series is called
// must not depend on what was created before it.
TEST_CASE("Series keep their labels while others come and go") {
  std::mt19937 random(7);
  SeriesIndex index;
  BaseGuess guess;
  std::map<std::string, uint32_t> slots;
  for (uint64_t round = 1; round <= 3000; ++round) {
    WriterLock lock(index.mutex());
    const Labels labels = RandomLabels(random);
    const auto known = slots.find(labels.ToString());
    REQUIRE(index.Find(labels) == (known == slots.end() ? kNoSlot : known->second));
    if (known == slots.end()) {
      slots[labels.ToString()] = index.Create(labels, round, round % 3 == 0 ? nullptr : &guess);
    } else {
      const std::vector<uint32_t> gone = {known->second};
      index.Unlink(IdSet::FromSorted(gone));
      index.Release(gone);
      slots.erase(known);
    }
    if (round % 100 != 0) continue;
    REQUIRE(index.size() == slots.size());
    for (const auto& [name, slot] : slots) REQUIRE(index.GetLabels(slot).ToString() == name);
  }
  CHECK(slots.size() > 500);
}

}  // namespace
}  // namespace narthex::tsdb
