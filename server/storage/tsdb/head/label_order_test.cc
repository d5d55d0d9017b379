// The order that blocks are written in, however many series are sorted at once.

#include "server/storage/tsdb/head/label_order.h"

#include <algorithm>
#include <random>

#include "server/storage/tsdb/testing.h"

namespace narthex::tsdb {
namespace {

// Few metrics, labels that many series share, some that are missing, prefixes of each other.
std::vector<Labels> RandomLabels(unsigned seed, size_t n) {
  std::mt19937 random(seed);
  std::vector<Labels> out{Labels()};
  for (size_t i = 0; i < n; ++i) {
    std::map<std::string, std::string> labels{{"__name__", random() % 5 == 0 ? "rare" : "common"},
                                              {"cluster", "one"}};
    if (random() % 4 != 0) labels["job"] = fmt::format("j{}", random() % 3);
    for (size_t more = random() % 4; more > 0; --more) {
      labels[fmt::format("l{}", random() % 9)] = fmt::format("{}", random() % 40);
    }
    const std::vector<std::pair<std::string, std::string>> pairs(labels.begin(), labels.end());
    out.push_back(Labels::FromPairs(pairs));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

TEST_CASE("Series come in label order") {
  for (const size_t at_once : {0, 1, 7, 100, 100000}) {
    for (unsigned seed = 1; seed <= 3; ++seed) {
      INFO(at_once << " at once, seed " << seed);
      const std::vector<Labels> want = RandomLabels(seed, 3000);
      std::vector<Labels> shuffled = want;
      std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(seed));
      TempDir dir;
      HeadCore core(TestOptions(dir.path()));
      {
        WriterLock lock(core.index.mutex());
        BaseGuess guess;
        for (const Labels& labels : shuffled) {
          const uint32_t slot = core.index.Create(labels, core.next_ref++, &guess);
          core.index.table()[slot].SetHome(core.ParkedHome(slot), 0);
        }
      }
      LabelOrder order(&core, at_once);
      CHECK(order.size() == want.size());
      for (const Labels& labels : want) {
        const uint32_t slot = order.Next();
        REQUIRE(slot != kNoSlot);
        ReaderLock lock(core.index.mutex());
        REQUIRE(core.index.GetLabels(slot).ToString() == labels.ToString());
      }
      CHECK(order.Next() == kNoSlot);
    }
  }
}

TEST_CASE("There may be no series to order") {
  TempDir dir;
  HeadCore core(TestOptions(dir.path()));
  LabelOrder order(&core);
  CHECK(order.Next() == kNoSlot);
}

}  // namespace
}  // namespace narthex::tsdb
