#include "core/strings/duration.h"

#include <limits>

#include "tests/catch.h"

namespace narthex {
namespace {

std::string ErrorOf(const StatusOr<int64_t>& result) {
  return result.ok() ? "no error" : std::string(MessageOf(result.status()));
}

TEST_CASE("Prometheus durations") {
  const std::tuple<const char*, int64_t, const char*> good[] = {
      {"0", 0, "0s"},
      {"0s", 0, "0s"},
      {"5m", 300'000, "5m"},
      {"324ms", 324, "324ms"},
      {"3s", 3000, "3s"},
      {"1h30m", 5'400'000, "1h30m"},
      {"4d", 345'600'000, "4d"},
      {"4d1h", 349'200'000, "4d1h"},
      {"14d", 1'209'600'000, "2w"},
      {"90d", 7'776'000'000, "90d"},
      {"10y", 315'360'000'000, "10y"},
      {"1y1w1d1h1m1s1ms", 32'230'861'001, "373d1h1m1s1ms"},
      {"120s", 120'000, "2m"},
  };
  for (const auto& [text, ms, printed] : good) {
    INFO(text);
    auto parsed = ParsePromDuration(text);
    REQUIRE(parsed.ok());
    CHECK(*parsed == ms);
    CHECK(FormatPromDuration(ms) == printed);
  }
  CHECK(FormatPromDuration(-90'000) == "-1m30s");
  CHECK(ErrorOf(ParsePromDuration("")) == "empty duration string");
  CHECK(ErrorOf(ParsePromDuration("abc")) == "not a valid duration string: \"abc\"");
  CHECK(ErrorOf(ParsePromDuration("5z")) == "unknown unit \"z\" in duration \"5z\"");
  CHECK(ErrorOf(ParsePromDuration("300y")) == "duration out of range");
  CHECK(ErrorOf(ParsePromDuration("290y400w")) == "duration out of range");
  for (const char* text :
       {"1", "1m1h", "1s1s", "-1s", "1.5s", "s", "99999999999999999999s", " 1s"}) {
    INFO(text);
    CHECK_FALSE(ParsePromDuration(text).ok());
  }
}

TEST_CASE("Go durations") {
  const std::tuple<const char*, int64_t, const char*> good[] = {
      {"0", 0, "0s"},
      {"1ns", 1, "1ns"},
      {"1.5us", 1500, "1.5\xC2\xB5s"},
      {"100ms", 100'000'000, "100ms"},
      {"1.5s", 1'500'000'000, "1.5s"},
      {"1m30s", 90'000'000'000, "1m30s"},
      {"2h", 7'200'000'000'000, "2h0m0s"},
      {"-1.5h", -5'400'000'000'000, "-1h30m0s"},
      {"1d", 86'400'000'000'000, "24h0m0s"},
      {"1w2d", 777'600'000'000'000, "216h0m0s"},
      {".5s", 500'000'000, "500ms"},
      {"+3s", 3'000'000'000, "3s"},
  };
  for (const auto& [text, nanos, printed] : good) {
    INFO(text);
    auto parsed = ParseGoDuration(text);
    REQUIRE(parsed.ok());
    CHECK(*parsed == nanos);
    CHECK(FormatGoDuration(nanos) == printed);
  }
  const int64_t lowest = std::numeric_limits<int64_t>::min();
  CHECK(FormatGoDuration(lowest) == "-2562047h47m16.854775808s");
  CHECK(ParseGoDuration("-2562047h47m16.854775808s").value() == lowest);
  CHECK(ErrorOf(ParseGoDuration("abc")) == "time: invalid duration \"abc\"");
  CHECK(ErrorOf(ParseGoDuration("3")) == "time: missing unit in duration \"3\"");
  CHECK(ErrorOf(ParseGoDuration("3x")) == "time: unknown unit \"x\" in duration \"3x\"");
  for (const char* text : {"", "-", ".", ".s", "2562047h47m16.854775808s",
                           "9999999999999999999999s", "1s ", "3000000h"}) {
    INFO(text);
    CHECK_FALSE(ParseGoDuration(text).ok());
  }
}

TEST_CASE("byte sizes") {
  const std::tuple<const char*, int64_t, const char*> good[] = {
      {"0", 0, "0B"},
      {"5B", 5, "5B"},
      {"1KB", 1024, "1KiB"},
      {"1KiB", 1024, "1KiB"},
      {"512MB", 512 << 20, "512MiB"},
      {"1.5GB", 1'610'612'736, "1GiB512MiB"},
      {"1GB1B", (1 << 30) + 1, "1GiB1B"},
      {"1EB", int64_t{1} << 60, "1EiB"},
  };
  for (const auto& [text, bytes, printed] : good) {
    INFO(text);
    auto parsed = ParseSize(text);
    REQUIRE(parsed.ok());
    CHECK(*parsed == bytes);
    CHECK(FormatSize(bytes) == printed);
  }
  CHECK(ErrorOf(ParseSize("5")) == "units: unknown unit  in 5");
  CHECK(ErrorOf(ParseSize("12XB")) == "units: unknown unit XB in 12XB");
  for (const char* text : {"", "-", "B", "1K", "1kB", "1.2.3MB", "9EB", "1KiBx", "100000EB"}) {
    INFO(text);
    CHECK_FALSE(ParseSize(text).ok());
  }
}

TEST_CASE("RFC 3339 times") {
  const std::pair<int64_t, const char*> nanos[] = {
      {0, "1970-01-01T00:00:00Z"},
      {1'767'323'045'678'000'000, "2026-01-02T03:04:05.678Z"},
      {-1, "1969-12-31T23:59:59.999999999Z"},
      {951'782'400'000'000'000, "2000-02-29T00:00:00Z"},
      {std::numeric_limits<int64_t>::max(), "2262-04-11T23:47:16.854775807Z"},
      {std::numeric_limits<int64_t>::min(), "1677-09-21T00:12:43.145224192Z"},
  };
  for (const auto& [value, text] : nanos) {
    CHECK(FormatRfc3339Nanos(value) == text);
    CHECK(ParseRfc3339(text).value() == value);
  }
  CHECK(FormatRfc3339Millis(1'767'323'045'600) == "2026-01-02T03:04:05.600Z");
  CHECK(FormatRfc3339Millis(-1) == "1969-12-31T23:59:59.999Z");
  CHECK(FormatRfc3339Millis(-62'135'596'800'000) == "0001-01-01T00:00:00.000Z");
  CHECK(ParseRfc3339Millis("2026-01-02T05:04:05.6789+02:00").value() == 1'767'323'045'678);
  CHECK(ParseRfc3339Millis("1969-12-31T23:59:59.9999Z").value() == -1);
  CHECK(ParseRfc3339Millis("0001-01-01T00:00:00Z").value() == -62'135'596'800'000);
  CHECK(ParseRfc3339Millis("9999-12-31T23:59:59.999Z").value() == 253'402'300'799'999);
  CHECK_FALSE(ParseRfc3339Millis("10000-01-01T00:00:00Z").ok());
  CHECK(ParseRfc3339("2026-01-02T05:04:05.678+02:00").value() == 1'767'323'045'678'000'000);
  CHECK(ParseRfc3339("2026-01-01T22:34:05-04:30").value() == 1'767'323'045'000'000'000);
  for (const char* text :
       {"", "2026-01-02", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z",
        "2026-02-29T03:04:05Z", "2026-01-02T24:04:05Z", "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:60Z", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05+0200",
        "2026-01-02T03:04:05Zx", "9999-01-02T03:04:05Z", "2026-1-02T03:04:05Z"}) {
    INFO(text);
    CHECK_FALSE(ParseRfc3339(text).ok());
  }
}

}  // namespace
}  // namespace narthex
