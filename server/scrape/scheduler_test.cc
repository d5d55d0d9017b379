#include "server/scrape/scheduler.h"

#include <functional>

#include "tests/catch.h"
#include "tests/eventually.h"

namespace narthex::scrape {
namespace {

struct Item final : Scheduled {
  std::function<int64_t(int64_t, int64_t)> on_due;
  int64_t OnDue(int64_t due, int64_t now) override { return on_due(due, now); }
};

constexpr int64_t kMs = 1'000'000;

TEST_CASE("a poll starts what is due, in order, on the thread that polls") {
  FakeClock clock(1000);
  Scheduler scheduler(&clock);
  std::vector<std::pair<int64_t, int64_t>> calls;
  const auto item = [&](int64_t next) {
    auto out = std::make_shared<Item>();
    out->on_due = [&calls, next](int64_t due, int64_t now) {
      calls.emplace_back(due / kMs, now / kMs);
      return next == 0 ? 0 : due + next * kMs;
    };
    return out;
  };
  scheduler.Add(item(10), 1020 * kMs);
  scheduler.Add(item(0), 1005 * kMs);
  CHECK(scheduler.size() == 2);
  scheduler.Poll();
  CHECK(calls.empty());
  clock.SetMs(1004);
  scheduler.Poll();
  CHECK(calls.empty());
  clock.SetMs(1020);
  scheduler.Poll();
  CHECK(calls == std::vector<std::pair<int64_t, int64_t>>{{1005, 1020}, {1020, 1020}});
  CHECK(scheduler.size() == 1);
  scheduler.Poll();
  CHECK(calls.size() == 2);
  clock.SetMs(1030);
  scheduler.Poll();
  CHECK(calls.back() == std::pair<int64_t, int64_t>{1030, 1030});
  CHECK(calls.size() == 3);
  scheduler.Stop();
  clock.SetMs(5000);
  scheduler.Poll();
  CHECK(calls.size() == 3);
}

TEST_CASE("a poll by what is being started does not start others inside it") {
  FakeClock clock(1000);
  Scheduler scheduler(&clock);
  int depth = 0, deepest = 0, calls = 0;
  auto polls = std::make_shared<Item>();
  polls->on_due = [&](int64_t, int64_t) {
    deepest = std::max(deepest, ++depth);
    ++calls;
    scheduler.Poll();
    --depth;
    return int64_t{0};
  };
  for (int i = 0; i < 1000; ++i) scheduler.Add(polls, 1001 * kMs);
  clock.SetMs(1001);
  scheduler.Poll();
  CHECK(calls == 1000);
  CHECK(deepest == 1);
}

TEST_CASE("the alarm starts what nobody polls for") {
  http::ClientRuntime runtime;
  Scheduler scheduler(&Clock::System());
  scheduler.Start(runtime);
  std::atomic<int> calls{0};
  std::atomic<bool> early{false};
  auto item = std::make_shared<Item>();
  item->on_due = [&](int64_t due, int64_t now) {
    if (now < due) early = true;
    return ++calls < 5 ? due + 2 * kMs : 0;
  };
  scheduler.Add(item, Clock::System().NowNanos() + 2 * kMs);
  CHECK(Eventually([&] { return calls == 5; }));
  CHECK_FALSE(early);
  scheduler.Stop();
}

}  // namespace
}  // namespace narthex::scrape
