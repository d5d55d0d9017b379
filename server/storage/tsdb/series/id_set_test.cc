#include "server/storage/tsdb/series/id_set.h"

#include <algorithm>
#include <random>
#include <set>

#include "server/storage/tsdb/series/postings.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

using Ids = std::set<uint32_t>;

Ids Random(std::mt19937& random) {
  Ids out;
  const int style = static_cast<int>(random() % 4);
  const uint32_t base = random() % 4 * 50000;
  const uint32_t n = random() % (style == 0 ? 20 : 9000);
  for (uint32_t i = 0; i < n; ++i) {
    if (style == 1) {
      out.insert(base + i);  // one run
    } else if (style == 2) {
      out.insert(base + i * 2);
    } else {
      out.insert(base + random() % 150000);
    }
  }
  if (random() % 5 == 0) out.insert({0, 65535, 65536, 131071, UINT32_MAX});
  return out;
}

std::vector<uint32_t> Vector(const Ids& ids) { return {ids.begin(), ids.end()}; }

TEST_CASE("IdSet agrees with std::set") {
  std::mt19937 random(3);
  for (int round = 0; round < 150; ++round) {
    const Ids a = Random(random), b = Random(random);
    std::vector<uint32_t> order = Vector(a);
    if (round % 2 == 0) std::shuffle(order.begin(), order.end(), random);
    IdSet x;
    for (const uint32_t id : order) REQUIRE(x.Add(id));
    for (size_t i = 0; i < order.size(); i += 97) REQUIRE_FALSE(x.Add(order[i]));
    const IdSet y = IdSet::FromSorted(Vector(b));
    REQUIRE(x.ToVector() == Vector(a));
    REQUIRE(y.ToVector() == Vector(b));
    REQUIRE(x.size() == a.size());
    for (int i = 0; i < 200; ++i) {
      const uint32_t id = random() % 400000;
      REQUIRE(x.Contains(id) == a.contains(id));
      REQUIRE(y.Contains(id) == b.contains(id));
    }
    std::vector<uint32_t> want;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(want));
    REQUIRE(IdSet::And(x, y).ToVector() == want);
    want.clear();
    std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(want));
    REQUIRE(IdSet::Or(x, y).ToVector() == want);
    want.clear();
    std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(want));
    IdSet rest = IdSet::AndNot(x, y);
    REQUIRE(rest.ToVector() == want);
    // Sets that came out of an operation take more ids.
    for (const uint32_t id : b) rest.Add(id);
    REQUIRE(rest == IdSet::Or(x, y));
  }
}

TEST_CASE("Runs are stored as runs") {
  IdSet set;
  for (uint32_t i = 1000; i < 900000; ++i) set.Add(i);
  CHECK(set.size() == 899000);
  CHECK(set.bytes() < 2000);
  IdSet hole;
  hole.Add(70000);
  const IdSet rest = IdSet::AndNot(set, hole);
  CHECK(rest.size() == 898999);
  CHECK(rest.bytes() < 2000);
}

TEST_CASE("Postings agree with std::set through all their forms") {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    Ids model;
    Postings postings;
    const uint32_t n = random() % 200;
    for (uint32_t i = 0; i < n; ++i) {
      const uint32_t id = round % 3 == 0 ? i * 3 : random() % 100000;
      model.insert(id);
      postings.Add(id);
      REQUIRE(postings.size() == model.size());
    }
    REQUIRE(postings.ToSet().ToVector() == Vector(model));
    Ids dead;
    for (const uint32_t id : model) {
      if (random() % 3 != 0) dead.insert(id);
    }
    postings.Remove(IdSet::FromSorted(Vector(dead)));
    for (const uint32_t id : dead) model.erase(id);
    REQUIRE(postings.size() == model.size());
    std::vector<uint32_t> seen;
    postings.ForEach([&](uint32_t id) { seen.push_back(id); });
    REQUIRE(seen == Vector(model));
    for (const uint32_t id : model) REQUIRE(postings.Contains(id));
    for (const uint32_t id : dead) REQUIRE_FALSE(postings.Contains(id));
    Postings moved = std::move(postings);
    moved.Add(7);
    REQUIRE(moved.Contains(7));
  }
}

}  // namespace
}  // namespace narthex::tsdb
