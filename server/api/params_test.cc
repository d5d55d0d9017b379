#include "server/api/params.h"

#include "server/api/answer.h"
#include "server/api/group_token.h"
#include "tests/catch.h"

namespace narthex::api {
namespace {

TEST_CASE("points of one series or of many") {
  PointWriter points(GENERATE(size_t{1}, size_t{9}));
  std::vector<std::vector<TimestampMs>> series = {
      {1000, 2000, 3500}, {2000, 2500, 3500, 4000}, {1000, 4000, 5000}, {-1, 1000}, {}};
  for (int i = 0; i < 2; ++i) {
    for (TimestampMs t = 0; t < 1000; ++t) series.back().push_back((t - 500) * 1'234'567'891);
    series.emplace_back(series.back());
  }
  for (const auto& times : series) {
    std::vector<promql::Point> list;
    std::string expected, written;
    for (const TimestampMs t : times) {
      // Short and long ones, that change or do not.
      double value = static_cast<double>(t);
      if (list.size() % 8 > 3) value = list.size() % 8 == 7 ? value / 7 : 1.0 / 3;
      if (!list.empty()) expected.push_back(',');
      AppendPoint(&expected, t, value);
      list.push_back({t, value});
    }
    int breaths = 0;
    points.Append(&written, list, [&breaths] { ++breaths; });
    CHECK(written == expected);
    CHECK((breaths > 1) == (times.size() > 100));
  }
}

TEST_CASE("hosts of addresses") {
  CHECK(HostOf("127.0.0.1:80") == "127.0.0.1");
  CHECK(HostOf("[::1]:80") == "::1");
  CHECK(HostOf("host") == "host");
}

TEST_CASE("timestamps and times") {
  auto stamp = [](TimestampMs ms) {
    std::string out;
    AppendTimestamp(&out, ms);
    return out;
  };
  CHECK(stamp(0) == "0");
  CHECK(stamp(1) == "0.001");
  CHECK(stamp(-1) == "-0.001");
  CHECK(stamp(1250) == "1.250");
  CHECK(stamp(1'700'000'000'000) == "1700000000");
  CHECK(stamp(-9'223'372'036'854'775'807 - 1) == "-9223372036854775.808");
  CHECK(ParseTime("1.0004").value() == 1000);
  CHECK(ParseTime("1.0006").value() == 1001);
  CHECK(ParseTime("1700001800.123").value() == 1'700'001'800'123);
  CHECK(ParseTime("1700001800.0005").value() == 1'700'001'800'000);  // a little less than half
  CHECK(ParseTime("-1.5").value() == -1500);
  CHECK(ParseTime("9999-12-31T23:59:59Z").value() == 253'402'300'799'000);
  CHECK(ParseTime("1e300").value() == kMaxTime);
  CHECK(ParseTime("-292273086-05-16T16:47:06Z").value() == kMinTime);
  CHECK(ParseTime("292277025-08-18T07:12:54.999999999Z").value() == kMaxTime);
  CHECK(ParseTime("1969-12-31T23:59:59.9999Z").value() == -1);
  CHECK_FALSE(ParseTime("NaN").ok());
  CHECK_FALSE(ParseTime("").ok());
  CHECK(ParseDurationNanos("1.5").value() == 1'500'000'000);
  CHECK(ParseDurationNanos("1h").value() == 3'600'000'000'000);
  CHECK(GroupToken("", "").size() == 64);
  // sha256sum of "r.yml;g"
  CHECK(GroupToken("r.yml", "g") ==
        "25584567aac5cc53b06cd53d545b9ed46dedafacb6ce5bff68ea22a8605166ac");
}

}  // namespace
}  // namespace narthex::api
