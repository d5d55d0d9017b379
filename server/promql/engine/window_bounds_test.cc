#include "server/promql/engine/window_bounds.h"

#include <random>

#include "tests/catch.h"

namespace narthex::promql {
namespace {

RangeWindows Windows(TimestampMs start, int64_t step, size_t steps, int64_t range) {
  RangeWindows w;
  w.steps.start = start;
  w.steps.step = step;
  w.steps.steps = steps;
  w.range_ms = range;
  return w;
}

// Every window by itself: open on the left.
void CheckBounds(const RangeWindows& w, const std::vector<int64_t>& times,
                 const WindowBounds& bounds) {
  REQUIRE(bounds.lo().size() == w.steps.steps);
  for (size_t i = 0; i < w.steps.steps; ++i) {
    std::vector<int64_t> expected, found;
    for (const int64_t t : times) {
      if (t > w.end(i) - w.range_ms - w.before_ms && t <= w.end(i) + w.after_ms) {
        expected.push_back(t);
      }
    }
    found.assign(times.begin() + bounds.lo()[i], times.begin() + bounds.hi()[i]);
    CHECK(found == expected);
    CHECK(TestBit(bounds.filled().data(), i) == !expected.empty());
  }
}

TEST_CASE("windows hold the samples between their bounds") {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    RangeWindows w =
        Windows(static_cast<int64_t>(random() % 100), static_cast<int64_t>(random() % 40),
                random() % 150 + 1, static_cast<int64_t>(random() % 100));
    w.offset_ms = static_cast<int64_t>(random() % 20);
    w.before_ms = round % 3 == 0 ? 10 : 0;
    w.after_ms = round % 5 == 0 ? 10 : 0;
    WindowBounds bounds(w);
    for (int series = 0; series < 4; ++series) {
      std::vector<int64_t> times;
      for (int64_t t = static_cast<int64_t>(random() % 50); t < 2000;
           t += static_cast<int64_t>(random() % 60) + 1) {
        if (random() % 10 != 0) times.push_back(t);
      }
      bounds.Find(times);
      CheckBounds(w, times, bounds);
    }
    bounds.Find({});
    CheckBounds(w, {}, bounds);
  }
}

TEST_CASE("equal times have one shape, and no others do") {
  const RangeWindows w = Windows(100, 10, 5, 30);
  WindowBounds bounds(w);
  WindowBounds others(w);
  bounds.Find({80, 90, 100});
  const uint64_t shape = bounds.shape();
  CHECK(shape != 0);
  bounds.Find({80, 90, 100});
  CHECK(bounds.shape() == shape);
  others.Find({80, 90, 100});
  CHECK(others.shape() != shape);
  bounds.Find({80, 90, 101});
  CHECK(bounds.shape() != shape);
  const uint64_t second = bounds.shape();
  bounds.Find({80, 90});
  CHECK(bounds.shape() != second);
  CHECK(bounds.shape() != shape);
}

}  // namespace
}  // namespace narthex::promql
