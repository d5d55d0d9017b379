#include "core/http/io_alarm.h"

#include <atomic>
#include <thread>

#include "tests/catch.h"

namespace narthex::http {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

template <typename Condition>
bool Eventually(Condition condition) {
  for (int i = 0; i < 3000 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(10));
  return condition();
}

TEST_CASE("An alarm rings at once, when it said, and when it is woken") {
  ClientRuntime runtime;
  std::atomic<int> rings{0};
  std::atomic<bool> early{false};
  std::atomic<steady_clock::time_point> due{steady_clock::time_point()};
  IoAlarm alarm(runtime, [&] {
    if (steady_clock::now() < due.load()) early = true;
    const auto next =
        ++rings < 5 ? steady_clock::now() + milliseconds(2) : steady_clock::now() + hours(1);
    if (rings < 5) due = next;
    return next;
  });
  REQUIRE(Eventually([&] { return rings >= 5; }));
  CHECK_FALSE(early);
  alarm.Wake();
  CHECK(Eventually([&] { return rings >= 6; }));
  alarm.Wake();
  CHECK(Eventually([&] { return rings >= 7; }));
}

TEST_CASE("An alarm that is gone does not ring") {
  ClientRuntime runtime;
  for (int i = 0; i < 200; ++i) {
    auto alive = std::make_shared<std::atomic<bool>>(true);
    std::atomic<bool> late{false};
    auto alarm = std::make_unique<IoAlarm>(runtime, [&late, alive] {
      if (!*alive) late = true;
      return steady_clock::now();
    });
    if (i % 2 == 0) alarm->Wake();
    alarm.reset();
    *alive = false;
    CHECK_FALSE(late);
  }
}

TEST_CASE("An alarm may outlive the threads of its runtime") {
  auto runtime = std::make_unique<ClientRuntime>();
  std::atomic<int> rings{0};
  IoAlarm alarm(*runtime, [&] {
    ++rings;
    return steady_clock::now() + hours(1);
  });
  REQUIRE(Eventually([&] { return rings > 0; }));
  runtime.reset();
  alarm.Wake();
  CHECK(rings == 1);
}

}  // namespace
}  // namespace narthex::http
