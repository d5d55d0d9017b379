// Quantities, schedules, the units of resources.

#include "core/strings/duration.h"
#include "kube_state_metrics/resources/cron.h"
#include "kube_state_metrics/resources/object.h"
#include "kube_state_metrics/resources/quantity.h"
#include "tests/catch.h"

namespace narthex::ksm {
namespace {

TEST_CASE("quantities") {
  struct {
    const char* text;
    double value, fraction;
  } const cases[] = {
      {"0", 0, 0},
      {"1", 1, 1},
      {"+2", 2, 2},
      {"-3", -3, -3},
      {"100m", 1, 0.1},
      {"1500m", 2, 1.5},
      {"0.5", 1, 0.5},
      {".5", 1, 0.5},
      {"5.", 5, 5},
      {"1k", 1000, 1000},
      {"1Ki", 1024, 1024},
      {"1.5Gi", 1610612736, 1610612736},
      {"0.1Gi", 107374183, 107374182.4},
      {"128Mi", 134217728, 134217728},
      {"2E", 2e18, 2e18},
      {"1e3", 1000, 1000},
      {"1E3", 1000, 1000},
      {"12e-1", 2, 1.2},
      {"100u", 1, 0.001},
      {"1n", 1, 0.001},
      {"1234567890123456789", 1234567890123456789.0, 1234567890123456789.0},
      {"99999999999999999999", 9223372036854775807.0, 9223372036854775807.0},
      {"16Ei", 9223372036854775807.0, 9223372036854775807.0},
      {"0.00000000000000000000001", 1, 0.001},
      {"1e300", 9223372036854775807.0, 9223372036854775807.0},
      {"1e-300", 1, 0.001},
  };
  for (const auto& c : cases) {
    INFO(c.text);
    const auto quantity = ParseQuantity(c.text);
    REQUIRE(quantity.has_value());
    CHECK(quantity->value == c.value);
    CHECK(quantity->Fraction() == c.fraction);
  }
  for (const char* bad :
       {"", "x", "1x", "Mi", "1 ", "1..2", "--1", "1ki", "1?", "e3", "1e", "1e99999", "."}) {
    INFO(bad);
    CHECK(!ParseQuantity(bad).has_value());
  }
}

TEST_CASE("units of resources") {
  CHECK(UnitOf("cpu") == Unit::kCore);
  CHECK(UnitOf("memory") == Unit::kByte);
  CHECK(UnitOf("hugepages-2Mi") == Unit::kByte);
  CHECK(UnitOf("attachable-volumes-aws-ebs") == Unit::kByte);
  CHECK(UnitOf("nvidia.com/gpu") == Unit::kInteger);
  for (const char* other : {"pods", "kubernetes.io/x", "foo.kubernetes.io/x", "requests.a.b/c",
                            "a/", "/b", "A.com/x", "a..b/c", "-a/b", "a.com/-b", "a/b/c"}) {
    INFO(other);
    CHECK(!UnitOf(other).has_value());
  }
}

TEST_CASE("whole numbers and percentages") {
  const auto scaled = [](const char* json, int64_t total, bool up) {
    return ScaledValue(*ParseJson(json), total, up);
  };
  CHECK(scaled("3", 10, true) == 3);
  CHECK(scaled("\"25%\"", 10, true) == 3);
  CHECK(scaled("\"25%\"", 10, false) == 2);
  CHECK(scaled("\"100%\"", 7, false) == 7);
  CHECK(scaled("\"7\"", 7, false) == std::nullopt);
  CHECK(scaled("null", 7, false) == std::nullopt);
  CHECK(scaled("\"%\"", 7, false) == std::nullopt);
}

std::string NextOf(const char* schedule, const char* after, const char* zone = "") {
  const auto parsed = CronSchedule::Parse(schedule, zone);
  if (!parsed.ok()) return "invalid";
  const auto next = parsed->Next(*ParseRfc3339(after) / 1'000'000'000);
  return next ? FormatRfc3339Nanos(*next * 1'000'000'000) : "never";
}

TEST_CASE("schedules") {
  struct {
    const char *schedule, *after, *zone, *next;
  } const cases[] = {
      {"*/5 * * * *", "2026-01-01T00:00:00Z", "", "2026-01-01T00:05:00Z"},
      {"*/5 * * * *", "2026-01-01T00:04:59Z", "", "2026-01-01T00:05:00Z"},
      {"0 */6 * * *", "2026-01-01T11:00:00Z", "Europe/Berlin", "2026-01-01T17:00:00Z"},
      {"30 4 1,15 * *", "2026-01-02T00:00:00Z", "", "2026-01-15T04:30:00Z"},
      {"0 0 * JAN-MAR mon", "2026-01-01T00:00:00Z", "", "2026-01-05T00:00:00Z"},
      // The day of the month and that of the week must both fit.
      {"0 0 13 * 5", "2026-01-01T00:00:00Z", "", "2026-02-13T00:00:00Z"},
      {"0 0 29 2 *", "2026-01-01T00:00:00Z", "", "2028-02-29T00:00:00Z"},
      {"0 0 30 2 *", "2026-01-01T00:00:00Z", "", "never"},
      {"3/20 * * * *", "2026-01-01T00:10:00Z", "", "2026-01-01T00:23:00Z"},
      {"@hourly", "2026-01-01T00:10:00Z", "", "2026-01-01T01:00:00Z"},
      {"@daily", "2026-01-01T00:10:00Z", "", "2026-01-02T00:00:00Z"},
      {"@weekly", "2026-01-01T00:10:00Z", "", "2026-01-04T00:00:00Z"},
      {"@monthly", "2026-01-01T00:10:00Z", "", "2026-02-01T00:00:00Z"},
      {"@yearly", "2026-01-01T00:10:00Z", "", "2027-01-01T00:00:00Z"},
      {"@every 90m", "2026-01-01T00:10:00Z", "", "2026-01-01T01:40:00Z"},
      {"CRON_TZ=Asia/Tokyo 0 9 * * *", "2026-01-01T00:00:00Z", "", "2026-01-02T00:00:00Z"},
      {"TZ=UTC 0 9 * * *", "2026-01-01T00:00:00Z", "", "2026-01-01T09:00:00Z"},
      // The clocks of Berlin skip 02:30 on this day.
      {"30 2 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin", "2026-03-30T00:30:00Z"},
      {"? ? ? ? ?", "2026-01-01T00:00:00Z", "", "2026-01-01T00:01:00Z"},
  };
  for (const auto& c : cases) {
    INFO(c.schedule << " after " << c.after);
    CHECK(NextOf(c.schedule, c.after, c.zone) == c.next);
  }
  for (const char* bad : {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *",
                          "* * * 13 *", "* * * * 8", "5-1 * * * *", "*/0 * * * *", "a * * * *",
                          "@often", "@every x", "TZ=No/Where * * * * *", "1,,2 * * * *",
                          "1-2-3 * * * *", "TZ=../../etc/passwd * * * * *", "TZ=UTC"}) {
    INFO(bad);
    CHECK(NextOf(bad, "2026-01-01T00:00:00Z") == "invalid");
  }
}

}  // namespace
}  // namespace narthex::ksm
