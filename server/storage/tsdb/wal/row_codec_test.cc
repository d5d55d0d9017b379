#include "server/storage/tsdb/wal/row_codec.h"

#include <limits>
#include <random>

#include "core/base/decimal.h"
#include "server/storage/interface.h"
#include "tests/catch.h"

namespace narthex::tsdb {
namespace {

uint64_t Bits(double v) { return std::bit_cast<uint64_t>(v); }

// Bytes it takes.
size_t RoundTrip(uint64_t previous, uint64_t bits) {
  std::string out;
  EncodeWalValue(previous, bits, &out);
  REQUIRE(out.size() <= kMaxWalValue);
  ByteReader in(out);
  const uint64_t back = DecodeWalValue(previous, &in);
  INFO(std::hex << previous << " to " << bits << " came back as " << back);
  REQUIRE(back == bits);
  REQUIRE(in.ok());
  REQUIRE(in.remaining() == 0);
  return out.size();
}

std::vector<uint64_t> Oddities() {
  using Limits = std::numeric_limits<double>;
  std::vector<uint64_t> all = {0,
                               1,
                               ~uint64_t{0},
                               uint64_t{1} << 63,
                               storage::kStaleNaNBits,
                               0x7ff8000000000001,
                               0xfff8000000000000,
                               0x7ff0000000000001};
  for (const double v : {0.1, 0.3, 12.5, 99.999, 1e-8, 1e-9, 123456.78, 1634567890.123, 1.0 / 3,
                         5e-324, 1e15 + 0.5, 4503599627370495.5, 9007199254740992.0, 1e22, 1e300,
                         0.1 + 0.2, Limits::infinity(), Limits::max(), Limits::min()}) {
    all.push_back(Bits(v));
    all.push_back(Bits(-v));
  }
  return all;
}

TEST_CASE("every value comes back from every other") {
  const std::vector<uint64_t> all = Oddities();
  for (const uint64_t from : all) {
    for (const uint64_t to : all) RoundTrip(from, to);
  }
}

TEST_CASE("random bits, integers and decimals come back") {
  std::mt19937_64 random(7);
  uint64_t previous = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto integer = static_cast<double>(static_cast<int64_t>(random()) >> random() % 60);
    const unsigned e = random() % (kMaxDecimalExponent + 1);
    const uint64_t kinds[] = {random(), Bits(integer), Bits(integer / kDecimalPowers[e]),
                              previous ^ (random() >> random() % 64)};
    const uint64_t bits = kinds[random() % 4];
    RoundTrip(previous, bits);
    previous = bits;
  }
}

TEST_CASE("values take few bytes") {
  struct Row {
    double from, to;
    size_t bytes;
  };
  for (const auto& [from, to, bytes] : std::vector<Row>{{5, 36, 1},
                                                        {5, 5000, 3},
                                                        {0.5, 0.7, 2},
                                                        {12.345, 12.5, 2},
                                                        {12.5, 12.345, 3},
                                                        {812.345, 17.001, 4},
                                                        {1634567890.12, 1634567905.12, 3},
                                                        {0, 0.5, 2},
                                                        {1.0 / 3, 2.0 / 3, 2},
                                                        {1.0 / 3, 1.0 / 7, 8}}) {
    INFO(from << " to " << to);
    CHECK(RoundTrip(Bits(from), Bits(to)) == bytes);
  }
}

TEST_CASE("what was logged before there were decimals is read") {
  // 12.5 against 0: the bytes of the XOR.
  ByteReader in(std::string_view("\x1d\x29\x40", 3));
  CHECK(DecodeWalValue(0, &in) == Bits(12.5));
  CHECK(in.ok());
}

TEST_CASE("decimals are found by their smallest exponent") {
  struct Row {
    double v;
    unsigned exponent;  // 0: none
    int64_t m;
  };
  for (const auto& [v, exponent, m] : std::vector<Row>{{0.5, 1, 5},
                                                       {-12.345, 3, -12345},
                                                       {1e-8, 8, 1},
                                                       {1e-9, 0, 0},
                                                       {3, 1, 30},
                                                       {1634567890.25, 2, 163456789025},
                                                       {99999999999999.5, 1, 999999999999995},
                                                       {1e15 + 0.5, 0, 0},
                                                       {1.0 / 3, 0, 0},
                                                       {-0.0, 0, 0},
                                                       {std::nan(""), 0, 0},
                                                       {INFINITY, 0, 0}}) {
    INFO(v);
    unsigned e = 0;
    int64_t found = 0;
    REQUIRE(FindDecimal(Bits(v), 8, &e, &found) == (exponent != 0));
    if (exponent == 0) continue;
    CHECK(e == exponent);
    CHECK(found == m);
    CHECK(UnscaleDecimal(found, e) == Bits(v));
  }
}

// Whatever a smaller exponent finds, the search finds too.
TEST_CASE("no decimal of up to 15 digits is missed") {
  std::mt19937_64 random(11);
  for (int i = 0; i < 200'000; ++i) {
    const auto m = static_cast<int64_t>(random() >> (15 + random() % 45));
    const unsigned digits = 1 + random() % 8;
    const double v = static_cast<double>(m) / kDecimalPowers[digits];
    if (v * 10 >= 1e14) continue;
    unsigned e = 0;
    int64_t found = 0;
    INFO(m << " by ten to " << digits);
    REQUIRE(FindDecimal(Bits(v), 8, &e, &found));
    REQUIRE(e <= digits);
  }
}

TEST_CASE("rows come back, key rows and others, sparse and dense") {
  std::mt19937_64 random(3);
  RowScratch scratch;
  for (const size_t n : {1, 7, 64, 65, 1000}) {
    for (const unsigned change_percent : {0, 2, 30, 100}) {
      std::vector<uint64_t> before(n), after(n);
      for (size_t i = 0; i < n; ++i) {
        before[i] = Bits(static_cast<double>(random() % 100'000) / 1000);
        after[i] = random() % 100 < change_percent ? Bits(static_cast<double>(random() % 5000) / 8)
                                                   : before[i];
      }
      for (const bool key : {false, true}) {
        RowBuilder row(key, &scratch);
        for (size_t i = 0; i < n; ++i) {
          if (i % 64 == 0) row.Reserve(std::min<size_t>(64, n - i));
          row.Add(before[i], after[i]);
        }
        const std::string payload = row.Build({.group = 9, .sequence = 5, .time = -3});
        RowReader in(key, payload);
        REQUIRE(in.head().members == n);
        CHECK(in.head().time == -3);
        for (size_t i = 0; i < n; ++i) REQUIRE(in.Next(before[i]) == after[i]);
        CHECK(in.ok());
      }
    }
  }
}

}  // namespace
}  // namespace narthex::tsdb
