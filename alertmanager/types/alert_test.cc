#include "alertmanager/types/alert.h"

#include "alertmanager/store/alert_store.h"
#include "tests/catch.h"

namespace narthex::am {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

Alert Make(int64_t starts, int64_t ends, int64_t updated, bool timeout = false) {
  Alert alert;
  alert.labels = Labels{{"alertname", "A"}};
  alert.starts_at = {starts * kSecond, 0};
  if (ends != 0) alert.ends_at = {ends * kSecond, 0};
  alert.updated_at = updated * kSecond;
  alert.timeout = timeout;
  return alert;
}

TEST_CASE("times keep their zone and their digits") {
  struct Row {
    std::string_view text, nanos, millis;
  };
  const Row rows[] = {
      {"2026-11-22T14:09:48.661266339Z", "2026-11-22T14:09:48.661266339Z",
       "2026-11-22T14:09:48.661Z"},
      {"2026-11-22T14:09:48Z", "2026-11-22T14:09:48Z", "2026-11-22T14:09:48.000Z"},
      {"2026-11-22T14:09:48.5+02:00", "2026-11-22T14:09:48.5+02:00",
       "2026-11-22T14:09:48.500+02:00"},
      {"2026-11-22T14:09:48-05:30", "2026-11-22T14:09:48-05:30", "2026-11-22T14:09:48.000-05:30"},
      {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"},
      {"2026-11-22", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00.000Z"},
  };
  for (const Row& row : rows) {
    const Time time = ParseTime(row.text).value();
    CHECK(FormatNanos(time) == row.nanos);
    CHECK(FormatMillis(time) == row.millis);
  }
  CHECK(FormatNanos(ParseTime("2999-12-31T23:59:59Z").value()) == "2200-01-01T00:00:00Z");
  CHECK(FormatNanos(ParseTime("2230-12-31T23:59:59Z").value()) == "2200-01-01T00:00:00Z");
  for (std::string_view bad : {"x", "2999", "2999-13-01T00:00:00Z", "2026-01-01T25:00:00Z"}) {
    CHECK_FALSE(ParseTime(bad).ok());
  }
}

TEST_CASE("merging: the newer one wins, the interval grows") {
  const Alert merged = MergeAlerts(Make(10, 100, 50), Make(20, 120, 60));
  CHECK(merged.starts_at.nanos == 10 * kSecond);
  CHECK(merged.ends_at.nanos == 120 * kSecond);
  // A firing update does not shorten an end somebody gave, but does one that was made up.
  CHECK(MergeAlerts(Make(10, 200, 50), Make(20, 120, 60)).ends_at.nanos == 200 * kSecond);
  CHECK(MergeAlerts(Make(10, 200, 50, true), Make(20, 120, 60)).ends_at.nanos == 120 * kSecond);
  // Resolved beats firing; of two ends the later one counts.
  CHECK(MergeAlerts(Make(10, 200, 50), Make(20, 55, 60)).ends_at.nanos == 55 * kSecond);
  CHECK(MergeAlerts(Make(10, 40, 50), Make(20, 30, 60)).ends_at.nanos == 40 * kSecond);
  // The order of the arguments does not matter.
  CHECK(MergeAlerts(Make(20, 120, 60), Make(10, 100, 50)).ends_at.nanos == 120 * kSecond);
}

TEST_CASE("the store merges intervals that meet and replaces others") {
  FakeClock clock(100'000);
  AlertStore store(clock);
  std::vector<AlertPtr> seen;
  store.Put({Make(10, 90, 50)});
  store.Attach([&](const AlertPtr& alert) { seen.push_back(alert); });
  CHECK(seen.size() == 1);
  store.Put({Make(40, 120, 60)});
  CHECK(store.All()[0]->starts_at.nanos == 10 * kSecond);
  store.Put({Make(200, 300, 99)});
  CHECK(store.All()[0]->starts_at.nanos == 200 * kSecond);
  CHECK(seen.size() == 3);
  CHECK(store.CollectGarbage() == 0);
  clock.SetMs(301'000);
  CHECK(store.CollectGarbage() == 1);
  CHECK(store.size() == 0);
}

TEST_CASE("alerts sort by job, instance, labels") {
  auto make = [](Labels labels) {
    auto alert = std::make_shared<Alert>();
    alert->labels = std::move(labels);
    return AlertPtr(alert);
  };
  std::vector<AlertPtr> alerts = {
      make({{"a", "1"}, {"job", "z"}}), make({{"instance", "2"}, {"job", "b"}}),
      make({{"instance", "1"}, {"job", "b"}}), make({{"b", "2"}}), make({{"a", "2"}})};
  SortAlerts(&alerts);
  std::string order;
  for (const AlertPtr& alert : alerts) order += alert->labels.ToString();
  CHECK(order ==
        "{a=\"2\"}{b=\"2\"}{instance=\"1\", job=\"b\"}{instance=\"2\", job=\"b\"}{a=\"1\", "
        "job=\"z\"}");
}

}  // namespace
}  // namespace narthex::am
