#include "server/storage/tsdb/head/tick_ring.h"

#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

TEST_CASE("A ring has the newest ticks, near and far from 1970") {
  constexpr int64_t kMost = int64_t{1} << 47;
  for (const int64_t start : {int64_t{0}, int64_t{-500}, int64_t{1'700'000'000'000}, -kMost,
                              kMost - 1000, int64_t{UINT32_MAX} - 100}) {
    INFO(start);
    TickRing ring;
    const uint32_t first = 65'400;  // passes what sixteen bits hold
    for (uint32_t i = 0; i < 1000; ++i) {
      ring.Set(first + i, start + i);
      const uint32_t oldest = i < TickRing::kTicks ? 0 : i - TickRing::kTicks + 1;
      CHECK(ring[first + i] == start + i);
      CHECK(ring[first + oldest] == start + oldest);
      CHECK(ring[static_cast<uint16_t>(first + oldest)] == start + oldest);
    }
  }
  CHECK(TickRing::Holds(kMost - 1));
  CHECK(TickRing::Holds(-kMost));
  CHECK_FALSE(TickRing::Holds(kMost));
  CHECK_FALSE(TickRing::Holds(-kMost - 1));
  CHECK_FALSE(TickRing::Holds(INT64_MAX));
  CHECK_FALSE(TickRing::Holds(INT64_MIN));
}

}  // namespace
}  // namespace narthex::tsdb
