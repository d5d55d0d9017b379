#include "alertmanager/timeinterval/timeinterval.h"

#include "core/strings/duration.h"
#include "tests/catch.h"

namespace narthex::am {
namespace {

struct Row {
  std::string_view interval, time;
  bool inside;
};

TEST_CASE("intervals hold what they say") {
  const Row rows[] = {
      {"{}", "2026-01-01T00:00:00Z", true},
      {"times: [{start_time: '09:00', end_time: '17:00'}]", "2026-01-01T09:00:00Z", true},
      {"times: [{start_time: '09:00', end_time: '17:00'}]", "2026-01-01T16:59:59Z", true},
      {"times: [{start_time: '09:00', end_time: '17:00'}]", "2026-01-01T17:00:00Z", false},
      {"times: [{start_time: '00:00', end_time: '24:00'}]", "2026-01-01T23:59:59Z", true},
      {"weekdays: ['monday:friday']", "2026-11-20T12:00:00Z", true},   // a Friday
      {"weekdays: ['monday:friday']", "2026-11-22T12:00:00Z", false},  // a Sunday
      {"weekdays: ['monday:friday', Sunday]", "2026-11-22T12:00:00Z", true},
      {"days_of_month: ['-1']", "2024-02-29T12:00:00Z", true},
      {"days_of_month: ['-1']", "2023-02-28T12:00:00Z", true},
      {"days_of_month: ['-3:-1']", "2023-04-27T12:00:00Z", false},
      {"days_of_month: ['31']", "2023-04-30T12:00:00Z", false},  // begins beyond the month
      {"days_of_month: ['28:31']", "2023-04-30T12:00:00Z", true},
      {"months: ['january:march', 12]", "2023-02-10T12:00:00Z", true},
      {"months: ['january:march', 12]", "2023-12-10T12:00:00Z", true},
      {"months: ['january:march', 12]", "2023-04-10T12:00:00Z", false},
      {"years: ['2020:2022', '2030']", "2022-04-10T12:00:00Z", true},
      {"years: ['2020:2022', '2030']", "2023-04-10T12:00:00Z", false},
      {"{times: [{start_time: '09:00', end_time: '10:00'}], location: Europe/Paris}",
       "2026-01-01T08:30:00Z", true},
      {"{times: [{start_time: '09:00', end_time: '10:00'}], location: Europe/Paris}",
       "2026-07-01T08:30:00Z", false},
      {"{weekdays: [monday], months: [january]}", "2026-01-06T08:30:00Z", false},
  };
  for (const Row& row : rows) {
    INFO(row.interval << " at " << row.time);
    TimeInterval interval;
    REQUIRE(config::Decode(row.interval, &interval).ok());
    CHECK(interval.Contains(ParseRfc3339(row.time).value()) == row.inside);
  }
}

TEST_CASE("bad intervals are refused in upstream's words") {
  struct ErrorRow {
    std::string_view interval, error;
  };
  const ErrorRow rows[] = {
      {"times: [{start_time: '17:00', end_time: '09:00'}]",
       "start time cannot be equal or greater than end time"},
      {"times: [{start_time: '9:00', end_time: '10:00'}]",
       "couldn't parse timestamp 9:00, invalid format"},
      {"times: [{start_time: '09:60', end_time: '10:00'}]",
       "couldn't parse timestamp 09:60, invalid format"},
      {"times: [{start_time: '09:00', end_time: '24:01'}]",
       "couldn't parse timestamp 24:01, invalid format"},
      {"times: [{start_time: '09:00'}]", "both start and end times must be provided"},
      {"weekdays: ['saturday:sunday']", "start day cannot be before end day"},
      {"weekdays: [noday]", "noday is not a valid weekday"},
      {"days_of_month: ['0']", "0 is not a valid day of the month: out of range"},
      {"days_of_month: ['-5:5']", "end day must be negative if start day is negative"},
      {"days_of_month: ['20:-20']", "end day -20 is always before start day 20"},
      {"months: [smarch]", "smarch is not a valid month"},
      {"months: ['5:2']", "end month 2 is before start month 5"},
      {"years: ['2022:2020']", "end year 2020 is before start year 2022"},
      {"location: Nowhere/City", "unknown time zone Nowhere/City"},
      {"foo: 1",
       "yaml: unmarshal errors:\n  line 1: field foo not found in type timeinterval.TimeInterval"},
  };
  for (const ErrorRow& row : rows) {
    INFO(row.interval);
    TimeInterval interval;
    CHECK(MessageOf(config::Decode(row.interval, &interval)) == row.error);
  }
}

}  // namespace
}  // namespace narthex::am
