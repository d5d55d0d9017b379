#include "core/exposition/number.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <random>

#include "tests/catch.h"

namespace narthex {
namespace {

TEST_CASE("Numbers equal the correctly rounded ones, bit for bit") {
  std::mt19937_64 random(1);
  size_t wrong = 0;
  auto check = [&](const char* text) {
    double got = 0;
    double want = std::strtod(text, nullptr);
    bool same = ParseGoFloat(text, &got) == FloatError::kNone &&
                std::bit_cast<uint64_t>(got) == std::bit_cast<uint64_t>(want);
    if (!same) UNSCOPED_INFO(text);
    wrong += !same;
  };
  for (int i = 0; i < 300'000; ++i) {
    char text[64];
    double v = std::bit_cast<double>(random());
    switch (i % 5) {
      case 0: v = static_cast<double>(random() >> (random() % 64)); break;
      case 1: v = static_cast<double>(random() % 1'000'000'000) / 1000; break;
      case 2: v = static_cast<double>(random()) * 1e-25; break;
      default: break;
    }
    if (!std::isfinite(v)) continue;
    const char* formats[] = {"%.17g", "%.6g", "%.15e", "%.3f", "%g"};
    if (std::abs(v) < 1e20) {
      std::snprintf(text, sizeof text, formats[random() % 5], v);
    } else {
      std::snprintf(text, sizeof text, "%.17g", v);
    }
    if (!std::isfinite(std::strtod(text, nullptr))) continue;
    check(text);
  }
  for (const char* text : {"9007199254740993", "999999999999999999", "123456789012345678",
                           "9007199254740993e1", "0.000000000000000000000001", "1e22", "1e23",
                           "00000000000000000000001", "-0", "0e5", "1e-400", "5e-324", "2e-324"}) {
    check(text);
  }
  CHECK(wrong == 0);
}

TEST_CASE("What is a number and what is none") {
  double v = 0;
  auto error = [&](std::string_view text) { return ParseGoFloat(text, &v); };
  for (const char* text :
       {"",    "-",  "+",  ".",    "e5",   "1e",   "1e+",  "1.2.3", "--1", "+-1", "-+1",
        "0x1", "1 ", " 1", "nanx", "+nan", "-nan", "infi", "in",    "1f",  "1,5"}) {
    INFO(text);
    CHECK(error(text) == FloatError::kSyntax);
  }
  for (const char* text : {"1_0", "0x1p4", "p", "_"}) CHECK(error(text) == FloatError::kCharacter);
  for (const char* text : {"1e309", "-1e309", "1e99999999999999999999", "99e307"}) {
    CHECK(error(text) == FloatError::kRange);
  }
  for (const char* text : {"1e-99999999999999999999", "0.0000001e-400", "0e999"}) {
    INFO(text);
    CHECK(error(text) == FloatError::kNone);
    CHECK(v == 0);
  }
  CHECK((error("INFINITY") == FloatError::kNone && v == INFINITY));
  CHECK((error("-inf") == FloatError::kNone && v == -INFINITY));
}

}  // namespace
}  // namespace narthex
