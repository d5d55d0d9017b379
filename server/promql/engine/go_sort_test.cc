#include "server/promql/engine/go_sort.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/catch.h"

namespace narthex::promql {
namespace {

// The indices of values in the order of sort(…).
std::vector<int> Order(int n, double (*value)(int)) {
  std::vector<int> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  GoSortReversed(&order, [value](int a, int b) { return value(a) > value(b); });
  return order;
}

// As Prometheus 3.5 answers sort() of so many series.
TEST_CASE("equal elements lie where Go puts them") {
  CHECK(Order(30, [](int i) { return double(i * 7 % 5); }) ==
        std::vector{20, 5,  15, 25, 10, 0, 13, 28, 3,  18, 8,  23, 26, 21, 11,
                    6,  16, 1,  14, 19, 9, 24, 4,  29, 17, 12, 22, 7,  27, 2});
  CHECK(Order(100, [](int i) { return double(i * i % 11); }) ==
        std::vector{22, 11, 99, 44, 55, 0,  33, 66, 77, 88, 34, 67, 12, 87, 45, 23, 98,
                    43, 78, 89, 76, 21, 1,  54, 56, 32, 65, 10, 27, 38, 93, 71, 72, 6,
                    49, 61, 60, 28, 5,  39, 94, 82, 50, 17, 16, 83, 75, 64, 2,  46, 42,
                    97, 90, 53, 9,  13, 86, 57, 79, 20, 24, 35, 68, 31, 59, 81, 48, 29,
                    62, 51, 70, 26, 95, 73, 4,  7,  92, 40, 18, 37, 84, 15, 52, 47, 80,
                    85, 58, 19, 41, 8,  14, 63, 91, 36, 74, 25, 96, 69, 3,  30});
  CHECK(Order(60, [](int i) { return double(-(i / 4)); }) ==
        std::vector{59, 58, 57, 56, 55, 54, 53, 52, 48, 51, 50, 49, 46, 44, 47, 45, 41, 43, 42, 40,
                    39, 38, 37, 36, 32, 35, 34, 33, 30, 29, 31, 28, 27, 26, 25, 24, 20, 23, 22, 21,
                    17, 18, 19, 16, 12, 15, 14, 13, 11, 10, 9,  8,  7,  6,  5,  4,  0,  3,  2,  1});
  std::vector<int> nearly(70);
  std::iota(nearly.begin(), nearly.end(), 0);
  std::rotate(nearly.begin() + 3, nearly.begin() + 40, nearly.begin() + 41);
  CHECK(Order(70, [](int i) { return i == 40 ? 0.0 : double(i / 3); }) == nearly);
}

TEST_CASE("all sizes and patterns are sorted") {
  const auto check = [](std::vector<int> values) {
    std::vector<int> expected = values;
    std::sort(expected.begin(), expected.end());
    GoSort(&values, [](int a, int b) { return a < b; });
    CHECK(values == expected);
  };
  for (int n : {0, 1, 2, 12, 13, 49, 50, 51, 200, 1000, 5000}) {
    for (int pattern = 0; pattern < 7; ++pattern) {
      std::vector<int> values;
      uint32_t random = 12345;
      for (int i = 0; i < n; ++i) {
        random = random * 1664525 + 1013904223;
        const int choices[] = {i,
                               -i,
                               int(random >> 8),
                               int(random >> 30),
                               i % 17,
                               i < n / 2 ? i : n - i,
                               i % 2 ? i : -i};
        values.push_back(choices[pattern]);
      }
      check(std::move(values));
    }
  }
}

TEST_CASE("an order that contradicts itself ends as well") {
  for (size_t n : {13u, 100u, 3000u}) {
    std::vector<int> values(n);
    std::iota(values.begin(), values.end(), 0);
    std::vector<int> kept = values;
    uint32_t random = 1;
    const auto coin = [&random](int, int) {
      return (random = random * 1664525 + 1013904223) >> 31;
    };
    GoSort(&values, [&](int a, int b) { return coin(a, b) != 0; });
    GoSort(&values, [](int, int) { return true; });
    std::sort(values.begin(), values.end());
    CHECK(values == kept);
  }
}

}  // namespace
}  // namespace narthex::promql
