#include "server/storage/tsdb/head/value_stream.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "server/storage/interface.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

uint64_t B(double v) { return std::bit_cast<uint64_t>(v); }

// Appends all, checking the state after every value, and returns the final encoding.
ValueEncoding RoundTrip(const std::vector<uint64_t>& values) {
  Slab slab;
  ValueState state;
  state.start_tick = 77;
  uint64_t out[kMaxStreamValues];
  for (size_t n = 1; n <= values.size(); ++n) {
    REQUIRE(AppendValue(slab, &state, values[n - 1]));
    if (n % 7 != 0 && n != values.size() && n > 20) continue;
    REQUIRE(state.count == n);
    REQUIRE(state.last_bits == values[n - 1]);
    REQUIRE(state.start_tick == 77);
    DecodeValues(state, state.buffer == 0 ? nullptr : slab.Address(state.buffer), out);
    REQUIRE(std::vector<uint64_t>(out, out + n) ==
            std::vector<uint64_t>(values.begin(), values.begin() + static_cast<long>(n)));
  }
  const ValueEncoding encoding = state.encoding;
  ClearValues(slab, &state);
  CHECK(state.buffer == 0);
  CHECK(state.count == 0);
  CHECK(state.last_bits == values.back());
  return encoding;
}

template <typename Fn>
std::vector<uint64_t> Make(int n, Fn fn) {
  std::vector<uint64_t> out;
  for (int i = 0; i < n; ++i) out.push_back(fn(i));
  return out;
}

TEST_CASE("The encoding follows the values") {
  CHECK(RoundTrip(Make(120, [](int) { return B(3.5); })) == ValueEncoding::kConst);
  CHECK(RoundTrip(Make(120, [](int i) { return B(i < 50 ? 1 : 2); })) == ValueEncoding::kTwo);
  CHECK(RoundTrip(Make(120, [](int i) { return B(i * 15); })) == ValueEncoding::kInt2);
  CHECK(RoundTrip(Make(120, [](int i) { return B(i * i % 7); })) == ValueEncoding::kInt);
  CHECK(RoundTrip(Make(120, [](int i) { return B((i * 37 % 100) / 100.0); })) ==
        ValueEncoding::kDec);
  CHECK(RoundTrip(Make(120, [](int i) { return B(std::sqrt(i + 2.0)); })) == ValueEncoding::kXor);
  CHECK(RoundTrip(Make(120, [](int i) { return i == 119 ? storage::kStaleNaNBits : B(1); })) ==
        ValueEncoding::kTwo);
  // A stale marker does not spoil an integer stream, nor do two in a row.
  CHECK(RoundTrip(Make(120, [](int i) {
          return i == 60 || i == 61 || i == 90 ? storage::kStaleNaNBits : B(i * i % 11);
        })) == ValueEncoding::kInt);
}

TEST_CASE("Streams cost what they should") {
  Slab slab;
  const auto bytes = [&](auto fn) {
    ValueState state;
    for (int i = 0; i < 120; ++i) REQUIRE(AppendValue(slab, &state, fn(i)));
    const size_t n = StreamBytes(state);
    ClearValues(slab, &state);
    return n;
  };
  CHECK(bytes([](int) { return B(1); }) == 0);
  CHECK(bytes([](int i) { return B(1000.0 * i); }) < 40);                   // steady counter
  CHECK(bytes([](int i) { return B(1e6 + i * i % 10); }) < 110);            // small steps
  CHECK(bytes([](int i) { return B((i * 7919 % 1000) / 1000.0); }) < 300);  // three decimals
}

TEST_CASE("Adversarial values survive") {
  using L = std::numeric_limits<double>;
  const std::vector<uint64_t> odd = {B(0.0),
                                     B(-0.0),
                                     B(1),
                                     B(-1),
                                     B(L::infinity()),
                                     B(-L::infinity()),
                                     B(L::denorm_min()),
                                     B(-L::denorm_min()),
                                     B(L::max()),
                                     B(L::lowest()),
                                     B(L::min()),
                                     B(9007199254740991.0),
                                     B(9007199254740992.0),
                                     B(-9007199254740993.0),
                                     B(0.1),
                                     B(0.3),
                                     B(1e-9),
                                     B(1e-10),
                                     B(123456.789),
                                     B(2097151),
                                     B(2097152),
                                     B(-2097153),
                                     storage::kStaleNaNBits,
                                     storage::kNormalNaNBits,
                                     0x7ff0000000000001,
                                     0xfff8000000000000,
                                     0x7fffffffffffffff,
                                     0xffffffffffffffff,
                                     0,
                                     1,
                                     0x8000000000000000,
                                     B(4503599627370497.5),
                                     B(2147483648.0),
                                     B(-2147483649.0),
                                     B(1e15)};
  std::mt19937_64 random(7);
  for (int round = 0; round < 3000; ++round) {
    const size_t n = random() % kMaxStreamValues + 1;
    const int style = static_cast<int>(random() % 6);
    std::vector<uint64_t> values;
    double walk = static_cast<double>(random() % 1000);
    const double scale = std::pow(10, static_cast<double>(random() % 11));
    for (size_t i = 0; i < n; ++i) {
      walk += static_cast<double>(static_cast<int64_t>(random() % 200) - 100);
      switch (style) {
        case 0: values.push_back(odd[random() % odd.size()]); break;
        case 1: values.push_back(random()); break;
        case 2: values.push_back(B(walk)); break;
        case 3: values.push_back(B(walk / scale)); break;
        case 4: values.push_back(random() % 10 == 0 ? odd[random() % odd.size()] : B(walk)); break;
        default:
          values.push_back(random() % 4 != 0 && i > 0 ? values.back() : B(walk / scale));
          break;
      }
    }
    RoundTrip(values);
  }
}

TEST_CASE("Slab gives back what it lent") {
  Slab slab;
  std::mt19937 random(1);
  std::vector<std::pair<uint32_t, size_t>> live;
  for (int i = 0; i < 20000; ++i) {
    if (random() % 3 != 0 || live.empty()) {
      const size_t size = random() % Slab::kMaxSize + 1;
      const uint32_t handle = slab.Allocate(size);
      REQUIRE(handle != 0);
      uint8_t* p = slab.Address(handle);
      for (size_t k = 0; k < Slab::Capacity(size); ++k) REQUIRE_FALSE(p[k]);
      std::fill(p, p + Slab::Capacity(size), static_cast<uint8_t>(handle * 31 + 1) | 1);
      live.emplace_back(handle, size);
    } else {
      const size_t at = random() % live.size();
      const auto [handle, size] = live[at];
      const uint8_t* p = slab.Address(handle);
      for (size_t k = 0; k < Slab::Capacity(size); ++k) {
        if (p[k] != (static_cast<uint8_t>(handle * 31 + 1) | 1)) FAIL("buffer overwritten");
      }
      slab.Free(handle, size);
      live[at] = live.back();
      live.pop_back();
    }
  }
  const size_t pages = slab.pages();
  for (const auto& [handle, size] : live) slab.Free(handle, size);
  for (int i = 0; i < 1000; ++i) REQUIRE(slab.Allocate(48) != 0);
  CHECK(slab.pages() <= pages);  // emptied pages serve another size, or go
}

}  // namespace
}  // namespace narthex::tsdb
