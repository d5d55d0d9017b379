#include "core/strings/numbers.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include "core/strings/any_base.h"
#include "tests/catch.h"

namespace narthex {
namespace {

std::string Api(double v) {
  std::string out;
  AppendApiFloat(&out, v);
  return out;
}

struct FloatCase {
  double value;
  const char *general, *api, *e;
};

// As printed by fmt.Sprint and strconv 'g', strconv 'e', and the JSON API of the original.
const FloatCase kFloats[] = {
    {0, "0", "0", "0e+00"},
    {-0.0, "-0", "-0", "-0e+00"},
    {1, "1", "1", "1e+00"},
    {-12.5, "-12.5", "-12.5", "-1.25e+01"},
    {953880, "953880", "953880", "9.5388e+05"},
    {999999, "999999", "999999", "9.99999e+05"},
    {1e6, "1e+06", "1000000", "1e+06"},
    {1048576, "1.048576e+06", "1048576", "1.048576e+06"},
    {123456789012345680000.0, "1.2345678901234568e+20", "123456789012345680000",
     "1.2345678901234568e+20"},
    {1e21, "1e+21", "1e+21", "1e+21"},
    {0.0001, "0.0001", "0.0001", "1e-04"},
    {0.00001, "1e-05", "0.00001", "1e-05"},
    {0.000001, "1e-06", "0.000001", "1e-06"},
    {0.00000099, "9.9e-07", "9.9e-07", "9.9e-07"},
    {0.1, "0.1", "0.1", "1e-01"},
    {1.0 / 3, "0.3333333333333333", "0.3333333333333333", "3.333333333333333e-01"},
    {1.7976931348623157e308, "1.7976931348623157e+308", "1.7976931348623157e+308",
     "1.7976931348623157e+308"},
    {5e-324, "5e-324", "5e-324", "5e-324"},
};

TEST_CASE("floats are written as Go writes them") {
  for (const FloatCase& c : kFloats) {
    INFO(c.value);
    CHECK(FormatFloat(c.value) == c.general);
    CHECK(Api(c.value) == c.api);
    CHECK(FormatFloatE(c.value) == c.e);
  }
  for (auto* format : {+[](double v) { return FormatFloat(v); }, &Api, &FormatFloatE}) {
    CHECK(format(std::nan("")) == "NaN");
    CHECK(format(INFINITY) == "+Inf");
    CHECK(format(-INFINITY) == "-Inf");
  }
}

TEST_CASE("fixed precision") {
  CHECK(FormatFloatF(1.005, 2) == "1.00");
  CHECK(FormatFloatF(2.5, 0) == "2");
  CHECK(FormatFloatF(-1.25, 3) == "-1.250");
  CHECK(FormatFloatF(1e300, 0).size() == 301);
  CHECK(FormatFloatF(1e22, -1) == "10000000000000000000000");
  CHECK(FormatFloatF(0.00001, -1) == "0.00001");
  CHECK(FormatFloatF(-std::numeric_limits<double>::max(), 10).size() == 1 + 309 + 1 + 10);
  CHECK(FormatFloatF(INFINITY, 2) == "+Inf");
}

TEST_CASE("what is written reads back") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20000; ++i) {
    const double v = std::bit_cast<double>(random());
    if (!std::isfinite(v)) continue;
    const bool same = ParseFloat(FormatFloat(v)) == v && ParseFloat(Api(v)) == v &&
                      ParseFloat(FormatFloatE(v)) == v;
    if (!same) FAIL("does not round-trip: " << FormatFloat(v));
  }
}

TEST_CASE("floats are read as Go reads them") {
  const std::pair<const char*, double> good[] = {
      {"1", 1},
      {"+1", 1},
      {"-1", -1},
      {".5", .5},
      {"5.", 5},
      {"1e5", 1e5},
      {"1E+05", 1e5},
      {"-0", -0.0},
      {"0x1p-2", .25},
      {"-0X1.8p1", -3},
      {"1e400", INFINITY},
      {"-1e400", -INFINITY},
      {"1e-400", 0},
      {"inf", INFINITY},
      {"+Inf", INFINITY},
      {"-INFINITY", -INFINITY},
      {"00012", 12},
      {"1e00000005", 1e5},
      {"0x.8p0", .5},
      {"1_000", 1000},
      {"-1_0.2_5", -10.25},
      {"0x_1_0p0", 16},
      {"1e1_0", 1e10},
  };
  for (const auto& [text, value] : good) {
    INFO(text);
    REQUIRE(ParseFloat(text).has_value());
    CHECK(*ParseFloat(text) == value);
  }
  CHECK(std::signbit(*ParseFloat("-0")));
  CHECK(std::isnan(*ParseFloat("NaN")));
  CHECK(std::isnan(*ParseFloat("nan")));
  for (const char* text : {"",     "+",  "-",    ".",      "e5",    "1e",  "1e+", "1__0",
                           "0x1",  "0x", "0xp1", "0x-1p1", "--1",   "+-1", "1 ",  " 1",
                           "infx", "in", "+nan", "nan(1)", "1.2.3", "1,5", "abc", "0x+1p1"}) {
    INFO(text);
    CHECK_FALSE(ParseFloat(text).has_value());
  }
}

TEST_CASE("underscores that separate no digits") {
  for (const char* text :
       {"_1", "1_", "1__0", "1_.5", "1._5", "1_e5", "1e_5", "-_1", "_", "0x1_p0"}) {
    INFO(text);
    CHECK_FALSE(ParseFloat(text).has_value());
  }
}

TEST_CASE("integers of any base") {
  const std::pair<const char*, int64_t> good[] = {{"12", 12},
                                                  {"-12", -12},
                                                  {"+7", 7},
                                                  {"0", 0},
                                                  {"0x1F", 31},
                                                  {"-0b101", -5},
                                                  {"0o17", 15},
                                                  {"017", 15},
                                                  {"1_000", 1000},
                                                  {"0x_1_0", 16},
                                                  {"0_7", 7},
                                                  {"9223372036854775807", INT64_MAX},
                                                  {"-9223372036854775808", INT64_MIN}};
  for (const auto& [text, value] : good) {
    INFO(text);
    const auto parsed = ParseIntOfAnyBase(text);
    REQUIRE(parsed.ok());
    CHECK(*parsed == value);
  }
  for (const char* text :
       {"", "-", "+-1", "1e3", "1.5", "08", "0x", "0b2", "0o8", "_1", "1_", "1__0", " 1"}) {
    INFO(text);
    CHECK(MessageOf(ParseIntOfAnyBase(text).status()) ==
          "strconv.ParseInt: parsing \"" + std::string(text) + "\": invalid syntax");
  }
  for (const char* text : {"9223372036854775808", "-9223372036854775809", "99999999999999999999"}) {
    INFO(text);
    CHECK(MessageOf(ParseIntOfAnyBase(text).status()) ==
          "strconv.ParseInt: parsing \"" + std::string(text) + "\": value out of range");
  }
}

TEST_CASE("integers") {
  CHECK(ParseInt("-9223372036854775808") == std::numeric_limits<int64_t>::min());
  CHECK(ParseInt("+5") == 5);
  CHECK(ParseUint("18446744073709551615") == std::numeric_limits<uint64_t>::max());
  for (const char* text : {"", "+", "+-5", "1.0", "0x10", " 1", "9223372036854775808", "1_0"}) {
    INFO(text);
    CHECK_FALSE(ParseInt(text).has_value());
  }
  CHECK_FALSE(ParseUint("-1").has_value());
  CHECK_FALSE(ParseUint("+1").has_value());
}

TEST_CASE("API floats of few decimals and of many are what the search for digits finds") {
  std::mt19937_64 random(5);
  const auto api = [](double v) {
    std::string out;
    AppendApiFloat(&out, v);
    return out;
  };
  int wrong = 0;
  for (int i = 0; i < 200'000; ++i) {
    double v = std::bit_cast<double>(random());
    if (i % 4 == 0) v = static_cast<double>(random() % 100'000'000) / 10'000;
    if (i % 4 == 1) v = static_cast<double>(random() >> (random() % 64)) / 1000;
    if (i % 4 == 2 && std::isnormal(v))
      v = std::ldexp(v, -std::ilogb(v) + static_cast<int>(random() % 70) - 20);
    if (!std::isfinite(v)) continue;
    const double magnitude = std::fabs(v);
    const bool plain = v == 0 || (magnitude >= 1e-6 && magnitude < 1e21);
    if (api(v) == (plain ? FormatFloatF(v, -1) : FormatFloatE(v))) continue;
    UNSCOPED_INFO(api(v));
    ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(api(-0.0) == "-0");
  CHECK(api(0) == "0");
  CHECK(api(99'999'999'999.9999) == "99999999999.9999");
  CHECK(api(1e20) == "100000000000000000000");
  CHECK(api(0.1 + 0.2) == "0.30000000000000004");
}

}  // namespace
}  // namespace narthex
