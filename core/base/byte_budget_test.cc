#include "core/base/byte_budget.h"

#include "tests/catch.h"

namespace narthex {
namespace {

TEST_CASE("leases share a budget and give back what they hold") {
  auto budget = std::make_shared<ByteBudget>(6400, "a few bytes (--flag)");
  {
    ByteLease a(budget), b(budget);
    CHECK(a.GrowTo(3000));
    CHECK(a.GrowTo(2000));  // holds more already
    CHECK(budget->used() == 3000);
    CHECK(b.GrowTo(1800));
    CHECK_FALSE(b.refused());
    CHECK_FALSE(b.GrowTo(1801));  // a quarter stays free for small holders
    CHECK(b.refused());
    CHECK(b.bytes() == 1800);
    CHECK(b.Refusal().code() == StatusCode::kResourceExhausted);
    CHECK(MessageOf(b.Refusal()) == "memory limit reached: a few bytes (--flag)");
    CHECK(budget->used() == 4800);
    ByteLease moved = std::move(a);
    CHECK(moved.bytes() == 3000);
    CHECK(a.bytes() == 0);
    moved = ByteLease();
    CHECK(budget->used() == 1800);
    CHECK(b.GrowTo(1801));
  }
  CHECK(budget->used() == 0);
}

TEST_CASE("small holders get what large ones must leave") {
  auto budget = std::make_shared<ByteBudget>(6400, "x");
  ByteLease large(budget);
  CHECK_FALSE(large.GrowTo(4801));
  CHECK(large.GrowTo(4800));
  std::vector<ByteLease> small;
  for (int i = 0; i < 16; ++i) {
    small.emplace_back(budget);
    CHECK(small.back().GrowTo(100));
  }
  CHECK(budget->used() == 6400);
  ByteLease more(budget);
  CHECK_FALSE(more.GrowTo(1));
  CHECK_FALSE(more.GrowTo(SIZE_MAX));
  small.pop_back();
  CHECK(more.GrowTo(1));
}

TEST_CASE("a lease of no budget is never refused") {
  ByteLease lease;
  CHECK(lease.GrowTo(SIZE_MAX));
  CHECK_FALSE(lease.refused());
}

}  // namespace
}  // namespace narthex
