#include "alertmanager/inhibit/inhibitor.h"

#include "tests/catch.h"

namespace narthex::am {
namespace {

std::shared_ptr<const Config> Rules(std::string_view rules) {
  return LoadConfig(
             fmt::format("route: {{receiver: w}}\nreceivers: [{{name: w}}]\ninhibit_rules:\n{}",
                         rules),
             "")
      .value();
}

AlertPtr Fire(Labels labels, int64_t ends_ms = 1'000'000) {
  auto alert = std::make_shared<Alert>();
  alert->labels = std::move(labels);
  alert->starts_at = {0, 0};
  alert->ends_at = {ends_ms * 1'000'000, 0};
  return alert;
}

TEST_CASE("a source inhibits targets with equal labels while it fires") {
  FakeClock clock(1000);
  Inhibitor inhibitor(
      Rules("- {source_matchers: [sev=hi], target_matchers: [sev=lo], equal: [c, d]}\n"), clock);
  const AlertPtr source = Fire({{"sev", "hi"}, {"c", "1"}}, 2000);
  inhibitor.Observe(source);
  CHECK(inhibitor.InhibitedBy({{"sev", "lo"}, {"c", "1"}}) == source->fingerprint());
  CHECK_FALSE(inhibitor.InhibitedBy({{"sev", "lo"}, {"c", "2"}}).has_value());
  CHECK_FALSE(inhibitor.InhibitedBy({{"sev", "lo"}, {"c", "1"}, {"d", "x"}}).has_value());
  CHECK_FALSE(inhibitor.InhibitedBy({{"sev", "mid"}, {"c", "1"}}).has_value());
  clock.SetMs(2000);
  CHECK_FALSE(inhibitor.InhibitedBy({{"sev", "lo"}, {"c", "1"}}).has_value());
}

TEST_CASE("no alert inhibits itself or its twin") {
  FakeClock clock(1000);
  Inhibitor inhibitor(Rules("- {source_matchers: [s=1], target_matchers: [t=1], equal: [e]}\n"),
                      clock);
  const AlertPtr both = Fire({{"s", "1"}, {"t", "1"}, {"n", "a"}});
  inhibitor.Observe(both);
  CHECK_FALSE(inhibitor.InhibitedBy(both->labels).has_value());
  CHECK_FALSE(inhibitor.InhibitedBy({{"s", "1"}, {"t", "1"}, {"n", "b"}}).has_value());
  CHECK(inhibitor.InhibitedBy({{"t", "1"}, {"n", "b"}}).has_value());
  // A source that is none of the targets inhibits it even so.
  inhibitor.Observe(Fire({{"s", "1"}, {"n", "c"}}));
  CHECK(inhibitor.InhibitedBy(both->labels).has_value());
}

TEST_CASE("one source resolving does not hide another") {
  FakeClock clock(1000);
  Inhibitor inhibitor(Rules("- {source_matchers: [sev=hi], target_matchers: [sev=lo]}\n"), clock);
  const AlertPtr early = Fire({{"sev", "hi"}, {"n", "1"}}, 2000);
  const AlertPtr late = Fire({{"sev", "hi"}, {"n", "2"}}, 3000);
  inhibitor.Observe(early);
  inhibitor.Observe(late);
  clock.SetMs(2500);
  CHECK(inhibitor.InhibitedBy({{"sev", "lo"}}) == late->fingerprint());
  inhibitor.CollectGarbage();
  CHECK(inhibitor.InhibitedBy({{"sev", "lo"}}) == late->fingerprint());
  clock.SetMs(3500);
  CHECK_FALSE(inhibitor.InhibitedBy({{"sev", "lo"}}).has_value());
}

}  // namespace
}  // namespace narthex::am
