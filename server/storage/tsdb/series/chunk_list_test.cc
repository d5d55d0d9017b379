#include <random>
#include <vector>

#include "server/storage/tsdb/series/series_table.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

bool Known(uint32_t second) { return second != 0 && second != UINT32_MAX; }

// File and offset as put in; the second as put in, or unknown.
void RequireSame(const ChunkList& list, const std::vector<ChunkRef>& expected) {
  REQUIRE(list.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const ChunkRef got = list[i];
    REQUIRE(got.file == expected[i].file);
    REQUIRE(got.offset == expected[i].offset);
    if (Known(got.min_second)) REQUIRE(got.min_second == expected[i].min_second);
  }
}

TEST_CASE("ChunkList agrees with a vector") {
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    ChunkList list;
    std::vector<ChunkRef> model;
    const uint32_t start = round % 3 == 0 ? 1 : 1'700'000'000;
    for (int step = 0; step < 80; ++step) {
      if (random() % 6 == 0) {
        const size_t n = random() % (model.size() + 1);
        list.EraseFront(n);
        model.erase(model.begin(), model.begin() + static_cast<ptrdiff_t>(n));
      } else {
        const uint32_t odd[] = {0, UINT32_MAX, UINT32_MAX - 1, 5};
        const uint32_t second =
            random() % 8 == 0 ? odd[random() % 4] : start + random() % (1u << 20);
        const ChunkRef ref{second, static_cast<uint32_t>(random() % 65536),
                           static_cast<uint32_t>(random() % (1u << 27))};
        const size_t at = random() % 3 == 0 ? random() % (model.size() + 1) : model.size();
        list.Insert(at, ref);
        model.insert(model.begin() + static_cast<ptrdiff_t>(at), ref);
      }
      RequireSame(list, model);
    }
    list.Clear();
    REQUIRE(list.empty());
  }
}

TEST_CASE("ChunkList keeps the seconds of a head exactly") {
  ChunkList list;
  std::vector<ChunkRef> model;
  for (uint32_t i = 0; i < 30; ++i) {
    model.push_back({1'700'000'000 + i * 1800, 7, i * 100});
    list.PushBack(model.back());
  }
  list.Insert(0, {1'699'990'000, 6, 1});  // replay may bring an earlier one
  model.insert(model.begin(), {1'699'990'000, 6, 1});
  list.EraseFront(3);
  model.erase(model.begin(), model.begin() + 3);
  for (size_t i = 0; i < model.size(); ++i) REQUIRE(list[i] == model[i]);
}

TEST_CASE("ChunkList forgets seconds that are too far from the earliest") {
  ChunkList list;
  list.PushBack({1'700'000'000, 1, 1});
  list.PushBack({1'700'000'000 + (1u << 22), 1, 2});
  REQUIRE(list[0].min_second == 1'700'000'000);
  REQUIRE(list[1].min_second == 0);
}

}  // namespace
}  // namespace narthex::tsdb
