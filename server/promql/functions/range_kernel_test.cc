#include "server/promql/functions/range_kernel.h"

#include <bit>
#include <limits>
#include <random>

#include "tests/catch.h"

namespace narthex::promql {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Samples {
  std::vector<double> values;
  std::vector<int64_t> times;
  std::vector<uint32_t> lo, hi;
};

// Windows that grow, move by up to `pace` samples a step, shrink, and now and then are empty.
Samples MakeSamples(std::mt19937* random, size_t steps, uint32_t pace,
                    const std::vector<double>& odd) {
  Samples s;
  const uint32_t most = (*random)() % 70 + 1;
  uint32_t lo = 0, hi = 0;
  for (size_t i = 0; i < steps; ++i) {
    hi += (*random)() % (pace + 1);
    if (hi > most) lo = std::max(lo, hi - most);
    if ((*random)() % 50 == 0) lo = hi;
    s.lo.push_back(lo);
    s.hi.push_back(hi);
  }
  for (uint32_t i = 0; i < hi; ++i) {
    const bool rare = !odd.empty() && (*random)() % 40 == 0;
    s.values.push_back(rare ? odd[(*random)() % odd.size()]
                            : static_cast<double>(static_cast<int>((*random)() % 2000) - 700) / 7);
    s.times.push_back(int64_t{i} * 1000);
  }
  return s;
}

struct Result {
  std::vector<double> values;
  std::vector<uint64_t> presence;
};

Result Run(RangeKernel kernel, const Samples& s, size_t first, size_t steps, const double* param) {
  const RangeWindows windows{};
  Result out{std::vector<double>(steps), std::vector<uint64_t>(PresenceWords(steps))};
  kernel({windows,
          s.times.data(),
          s.values.data(),
          s.lo.data() + first,
          s.hi.data() + first,
          steps,
          s.values.size(),
          {param, nullptr}},
         out.values.data(), out.presence.data());
  return out;
}

// The bits; all of NaN are alike.
uint64_t Bits(double v) { return std::bit_cast<uint64_t>(std::isnan(v) ? kNan : v); }

}  // namespace

TEST_CASE("many windows at once give what each gives alone") {
  const std::vector<std::vector<double>> oddities = {
      {}, {0.0, -0.0}, {kNan}, {kInf}, {kInf, -kInf, kNan, -0.0}, {1.7e308, -1.7e308, 1e-310}};
  std::mt19937 random(7);
  const std::vector<double> q(300, 0.37);
  for (const RangeKernel kernel : {SumKernel, AvgKernel, StdvarKernel, StddevKernel, QuantileKernel,
                                   MinKernel, MaxKernel, MadKernel}) {
    for (const std::vector<double>& odd : oddities) {
      for (const uint32_t pace : {1, 2, 5, 30}) {
        const size_t steps = random() % 120 + 1;
        const Samples s = MakeSamples(&random, steps, pace, odd);
        if (s.values.empty()) continue;
        const Result all = Run(kernel, s, 0, steps, q.data());
        for (size_t i = 0; i < steps; ++i) {
          const Result one = Run(kernel, s, i, 1, q.data());
          const bool present = TestBit(all.presence.data(), i);
          REQUIRE(present == TestBit(one.presence.data(), 0));
          REQUIRE(present == (s.lo[i] < s.hi[i]));
          if (present) REQUIRE(Bits(all.values[i]) == Bits(one.values[0]));
        }
      }
    }
  }
}

}  // namespace narthex::promql
