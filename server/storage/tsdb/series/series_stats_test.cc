// The statistics of an index against those counted from the labels of all its series.

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "server/storage/tsdb/series/heavy_pairs.h"
#include "server/storage/tsdb/series/series_index.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

using Counts = std::map<std::string, uint64_t>;

std::vector<Stats::Entry> Top(const Counts& counts, size_t limit) {
  std::vector<Stats::Entry> all(counts.begin(), counts.end());
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  all.resize(std::min(limit, all.size()));
  return all;
}

struct Model {
  std::map<uint32_t, Labels> series;  // by slot

  void Check(const SeriesIndex& index, size_t limit) const {
    Counts metrics, pairs, bytes, values;
    for (const auto& [slot, labels] : series) {
      for (const Label& label : labels) {
        const std::string name(label.name), value(label.value);
        if (name == "__name__") ++metrics[value];
        bytes[name] += name.size() + value.size() + 2;
        values[name] += ++pairs[name + "=" + value] == 1;
      }
    }
    Stats stats;
    index.FillStats(limit, &stats);
    CHECK(stats.series == series.size());
    CHECK(stats.label_pairs == pairs.size());
    CHECK(stats.series_by_metric_name == Top(metrics, limit));
    CHECK(stats.series_by_label_pair == Top(pairs, limit));
    CHECK(stats.values_by_label_name == Top(values, limit));
    CHECK(stats.bytes_by_label_name == Top(bytes, limit));
  }
};

TEST_CASE("Statistics agree with a count of everything while series come and go") {
  std::mt19937 random(7);
  SeriesIndex index;
  Model model;
  uint64_t ref = 0;
  for (int round = 0; round < 30; ++round) {
    for (int i = 0; i < 200; ++i) {
      const Labels labels{{"__name__", fmt::format("m{}", random() % 9)},
                          {"id", fmt::format("{}", random() % 5000)},
                          {"job", fmt::format("j{}", random() % 3)}};
      if (index.Find(labels) != kNoSlot) continue;
      model.series[index.Create(labels, ++ref, nullptr)] = labels;
    }
    std::vector<uint32_t> dead;
    for (const auto& [slot, labels] : model.series) {
      if (random() % 5 == 0) dead.push_back(slot);
    }
    for (const uint32_t slot : dead) model.series.erase(slot);
    index.Unlink(IdSet::FromSorted(dead));
    model.Check(index, 10);
    index.Release(dead);
    model.Check(index, 1 + random() % 50);
  }
  model.Check(index, 0);
}

TEST_CASE("Statistics of more pairs than are kept as heavy") {
  SeriesIndex index;
  Model model;
  for (uint64_t i = 0; i < 6000; ++i) {
    const Labels labels{{"__name__", "m"}, {"a", fmt::format("{:05}", i)}, {"b", "x"}};
    model.series[index.Create(labels, i + 1, nullptr)] = labels;
  }
  model.Check(index, 2);     // those that are kept suffice
  model.Check(index, 5000);  // they do not
  model.Check(index, 10000);
}

TEST_CASE("Heavy pairs are those with as many series as the threshold") {
  std::mt19937 random(3);
  HeavyPairs heavy(8);
  std::map<uint64_t, uint32_t> counts;
  const auto count_of = [&](uint64_t pair) { return counts[pair]; };
  for (int step = 0; step < 20000; ++step) {
    const uint64_t pair = random() % (1 + random() % 60);
    uint32_t& count = counts[pair];
    if (random() % 3 != 0) {
      heavy.Raised(pair, ++count, count_of);
    } else {
      const uint32_t before = count;
      count -= std::min(count, static_cast<uint32_t>(random() % 4));
      heavy.Lowered(pair, before, count);
    }
    std::set<uint64_t> expected;
    for (const auto& [key, n] : counts) {
      if (n >= heavy.threshold()) expected.insert(key);
    }
    REQUIRE(expected == std::set<uint64_t>(heavy.pairs().begin(), heavy.pairs().end()));
    REQUIRE(expected.size() <= 8);
  }
  CHECK(heavy.threshold() > 1);
}

}  // namespace
}  // namespace narthex::tsdb
