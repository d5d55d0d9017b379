// The state machine of one target by a clock that is told the time; scrapes end in a forced error,
// so that what is seen is when the loop says they began.

#include "server/scrape/loop.h"

#include "server/scrape/fake_storage.h"
#include "server/scrape/manager_rig.h"
#include "tests/catch.h"

namespace narthex::scrape {
namespace {

struct LoopRig {
  FakeClock clock{1'700'000'000'000};
  FakeStorage storage;
  Registry registry;
  Metrics metrics{&registry};
  Scheduler scheduler{&clock};
  Workers workers;
  TextPool texts;
  LoopContext context;
  http::ClientRuntime runtime;
  std::shared_ptr<Loop> loop;

  explicit LoopRig(const std::string& interval, bool adjust = true, int64_t tolerance_ms = 2) {
    context = {.clock = &clock,
               .storage = &storage,
               .metrics = &metrics,
               .scheduler = &scheduler,
               .workers = &workers,
               .texts = &texts,
               .adjust_timestamps = adjust,
               .timestamp_tolerance_ms = tolerance_ms,
               .bodies = std::make_shared<http::BodyPool>()};
    const auto config = ManagerRig::OneJob("", interval);
    const config::ScrapeConfig& job = config->scrape_configs[0];
    auto settings = MakeSettings(job, nullptr, runtime, "test");
    REQUIRE(settings.ok());
    auto target = MakeTarget(job, (*settings)->target_rules,
                             DiscoveredLabels(job, {{"__address__", "h:1"}}, {}));
    REQUIRE((target.ok() && target->has_value()));
    loop = std::make_shared<Loop>(context, std::make_shared<const Target>(**std::move(target)),
                                  *settings, 7);
    loop->SetForcedError(Unavailable("not now"));
  }

  // Starts the scrape that is due then by that much too late; the timestamp its samples have.
  TimestampMs Scrape(int64_t due_nanos, int64_t late_nanos) {
    clock.SetMs(0);
    clock.Advance(std::chrono::nanoseconds(due_nanos + late_nanos));
    const size_t before = up().size();
    next = loop->OnDue(due_nanos, due_nanos + late_nanos);
    const auto samples = up();
    return samples.size() == before + 1 ? samples.back().first : -1;
  }
  FakeStorage::Samples up() const { return storage.Get("up{instance=\"h:1\", job=\"j\"}"); }

  int64_t next = 0;
};

constexpr int64_t kUs = 1'000, kMs = 1'000'000, kSecond = 1'000'000'000;

TEST_CASE("a scrape that starts within the tolerance has its slot's timestamp") {
  struct Case {
    const char* interval;
    bool adjust;
    int64_t tolerance_ms, late_nanos, want_ms;  // after the slot
  };
  const Case cases[] = {
      {"15s", true, 2, 0, 0},
      {"15s", true, 2, 700 * kUs, 0},
      {"15s", true, 2, 2 * kMs, 0},
      {"15s", true, 2, 2 * kMs + 1, 2},
      {"15s", true, 2, 3 * kMs, 3},
      {"15s", true, 2, 900 * kMs, 900},
      {"15s", false, 2, 0, 0},
      {"15s", false, 2, 1'500 * kUs, 1},
      // A hundredth of the interval at most.
      {"100ms", true, 2, 1 * kMs, 0},
      {"100ms", true, 2, 1 * kMs + 1, 1},
      {"100ms", true, 2, 1'999 * kUs, 1},
      {"15s", true, 500, 150 * kMs, 0},
      {"15s", true, 500, 151 * kMs, 151},
      {"15s", true, 0, 0, 0},
      {"15s", true, 0, 1 * kMs, 1},
      // A slot was slept through: the grid is what counts.
      {"15s", true, 2, 15 * kSecond, 15'000},
      {"15s", true, 2, 30 * kSecond + 1 * kMs, 30'000},
      {"15s", true, 2, 30 * kSecond + 4 * kMs, 30'004},
  };
  for (const Case& c : cases) {
    INFO(c.interval << " " << c.adjust << " " << c.tolerance_ms << " " << c.late_nanos);
    LoopRig rig(c.interval, c.adjust, c.tolerance_ms);
    const int64_t due = 1'700'000'100 * kSecond + 250 * kMs;
    CHECK(rig.Scrape(due, c.late_nanos) == due / kMs + c.want_ms);
  }
}

TEST_CASE("late scrapes do not move the grid") {
  LoopRig rig("10s");
  rig.Scrape(1'700'000'000 * kSecond, 0);
  const int64_t slot = rig.next;
  const int64_t lateness[] = {0, 500 * kUs, 40 * kMs, 1 * kMs, 9'999 * kMs, 0};
  for (int i = 0; i < 6; ++i) {
    const int64_t due = slot + i * 10 * kSecond;
    REQUIRE(rig.next == due);
    rig.Scrape(due, lateness[i]);
  }
  const auto samples = rig.up();
  REQUIRE(samples.size() == 7);
  for (size_t i = 2; i < samples.size(); ++i) {
    const int64_t late = lateness[i - 1] > 2 * kMs ? lateness[i - 1] / kMs : 0;
    CHECK(samples[i].first == slot / kMs + static_cast<int64_t>(i - 1) * 10'000 + late);
  }
}

}  // namespace
}  // namespace narthex::scrape
