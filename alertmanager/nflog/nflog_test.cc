#include "alertmanager/nflog/nflog.h"

#include "alertmanager/testing/temp_store.h"
#include "tests/catch.h"

namespace narthex::am {
namespace {

const ReceiverKey kReceiver{"team", "webhook", 1};

TEST_CASE("entries are found, survive a restart and end") {
  TempStore store;
  FakeClock clock(1000);
  auto log = NotificationLog::Open(store.get(), clock).value();
  CHECK_FALSE(log->Find("{}:{}", kReceiver).has_value());
  REQUIRE(log->Record("{}:{}", kReceiver, {5, {1, 2, UINT64_MAX}, {3}}, 2'000'000'000).ok());
  CHECK_FALSE(log->Find("{}:{}", {"team", "webhook", 0}).has_value());
  log.reset();
  store.Reopen();
  log = NotificationLog::Open(store.get(), clock).value();
  const std::optional<LogEntry> entry = log->Find("{}:{}", kReceiver);
  REQUIRE(entry.has_value());
  CHECK(entry->timestamp == 5);
  CHECK(entry->firing == std::vector<uint64_t>{1, 2, UINT64_MAX});
  CHECK(entry->resolved == std::vector<uint64_t>{3});
  REQUIRE(log->CollectGarbage().ok());
  CHECK(log->size() == 1);
  clock.SetMs(2000);
  REQUIRE(log->CollectGarbage().ok());
  CHECK(log->size() == 0);
  log.reset();
  store.Reopen();
  CHECK(NotificationLog::Open(store.get(), clock).value()->size() == 0);
}

TEST_CASE("a damaged snapshot is refused") {
  TempStore store;
  FakeClock clock(1000);
  auto log = NotificationLog::Open(store.get(), clock).value();
  CHECK(log->Import("").ok());
  CHECK_FALSE(log->Import("\x04zzzz").ok());
  CHECK_FALSE(log->Import("\x7f").ok());
}

}  // namespace
}  // namespace narthex::am
