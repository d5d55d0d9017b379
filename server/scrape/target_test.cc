#include "server/scrape/target.h"

#include <set>

#include "tests/catch.h"

namespace narthex::scrape {
namespace {

config::ScrapeConfig Job() {
  config::ScrapeConfig c;
  c.job_name = "j";
  c.scrape_interval_ms = 15'000;
  c.scrape_timeout_ms = 10'000;
  c.params = {{"module", {"http", "x"}}, {"z", {"a b"}}};
  return c;
}

TEST_CASE("a target gets the defaults of its job, its URL and its labels") {
  const config::ScrapeConfig job = Job();
  Labels discovered = DiscoveredLabels(job, {{"__address__", "h:1"}, {"own", "t"}},
                                       {{"own", "g"}, {"__meta_x", "m"}, {"team", "g"}});
  CHECK(discovered.Get("own") == "t");
  CHECK(discovered.Get("__scrape_interval__") == "15s");
  CHECK(discovered.Get("__param_module") == "http");
  Labels all;
  const auto target = MakeTarget(job, {}, discovered, &all);
  REQUIRE(target.ok());
  REQUIRE(target->has_value());
  CHECK((*target)->labels.ToString() == R"({instance="h:1", job="j", own="t", team="g"})");
  CHECK((*target)->url == "http://h:1/metrics?module=http&module=x&z=a+b");
  CHECK((*target)->interval_ms == 15'000);
  CHECK(all.Get("__meta_x").empty());
  CHECK(all.Get("__address__") == "h:1");
  CHECK((*target)->discovered.Get("__meta_x") == "m");
}

TEST_CASE("relabelling drops, redirects, and is checked") {
  struct Case {
    std::string name;
    std::vector<std::pair<std::string, std::string>> sets;  // label := value
    std::string url, error;
  };
  const Case cases[] = {
      {"address, scheme, path, parameter",
       {{"__address__", "p:9"},
        {"__scheme__", "https"},
        {"__metrics_path__", "probe x"},
        {"__param_module", "icmp"}},
       "https://p:9/probe%20x?module=icmp&module=x&z=a+b",
       ""},
      {"what no host may hold",
       {{"__address__", "a b%\xc3\xa4:1"}, {"__metrics_path__", "/"}},
       "http://a%20b%25%C3%A4:1/?module=http&module=x&z=a+b",
       ""},
      {"a zone",
       {{"__address__", "[fe80::1%25eth0]:3"}, {"__metrics_path__", "/"}},
       "http://[fe80::1%2525eth0]:3/?module=http&module=x&z=a+b",
       ""},
      {"no address", {{"__address__", ""}}, "", "no address"},
      {"a URL for an address",
       {{"__address__", "http://x"}},
       "",
       "\"http://x\" is not a valid hostname"},
      {"interval", {{"__scrape_interval__", "1x"}}, "", "error parsing scrape interval: "},
      {"zero interval", {{"__scrape_interval__", "0s"}}, "", "scrape interval cannot be 0"},
      {"zero timeout", {{"__scrape_timeout__", "0s"}}, "", "scrape timeout cannot be 0"},
      {"timeout above interval",
       {{"__scrape_timeout__", "20s"}},
       "",
       "scrape timeout cannot be greater than scrape interval (\"20s\" > \"15s\")"},
      {"bad label value", {{"x", "a\xff"}}, "", "invalid label value for \"x\": \"a\\xff\""},
      {"bad switch",
       {{"__scrape_native_histograms__", "maybe"}},
       "",
       "error parsing __scrape_native_histograms__"},
      {"another bad switch",
       {{"__always_scrape_classic_histograms__", "2"}},
       "",
       "error parsing __always_scrape_classic_histograms__"},
      {"a third bad switch",
       {{"__convert_classic_histograms_to_nhcb__", "2"}},
       "",
       "error parsing __convert_classic_histograms_to_nhcb__"},
  };
  const config::ScrapeConfig job = Job();
  for (const Case& c : cases) {
    INFO(c.name);
    RelabelRules rules;
    for (const auto& [label, value] : c.sets) {
      rules.push_back(*RelabelRule::Compile({.target_label = label, .replacement = value}));
    }
    const auto target = MakeTarget(job, rules, DiscoveredLabels(job, {{"__address__", "h:1"}}, {}));
    if (c.error.empty()) {
      REQUIRE(target.ok());
      CHECK((*target)->url == c.url);
    } else {
      INFO(MessageOf(target.status()));
      CHECK(std::string(MessageOf(target.status())).find(c.error) != std::string::npos);
    }
  }
  RelabelRules drop;
  drop.push_back(*RelabelRule::Compile(
      {.source_labels = {"job"}, .regex = "j", .action = RelabelAction::kDrop}));
  const auto dropped = MakeTarget(job, drop, DiscoveredLabels(job, {{"__address__", "h:1"}}, {}));
  REQUIRE(dropped.ok());
  CHECK_FALSE(dropped->has_value());
}

constexpr int64_t kMs = 1'000'000, kSecond = 1'000'000'000;

TEST_CASE("the slot in the interval is fixed by target and seed") {
  const int64_t interval = 15'000, bunch = 50 * kMs;
  for (const uint64_t hash : {uint64_t{0}, uint64_t{12345678901234}, ~uint64_t{0}}) {
    const int64_t first = NextScrapeNanos(1'700'000'000 * kSecond, interval, hash, 77, bunch);
    CHECK(first > 1'700'000'000 * kSecond);
    CHECK(first <= (1'700'000'000 + 15) * kSecond);
    CHECK(NextScrapeNanos(first, interval, hash, 77, bunch) == first + 15 * kSecond);
    CHECK(NextScrapeNanos(first - 1, interval, hash, 77, bunch) == first);
  }
  CHECK(NextScrapeNanos(0, interval, 5, 77, bunch) !=
        NextScrapeNanos(0, interval, 5, uint64_t{77} << 32, bunch));
}

TEST_CASE("few targets come in wide bunches, many in narrow ones") {
  struct Case {
    int64_t interval_ms;
    size_t targets;
    int64_t bunch_ms;
  };
  const Case cases[] = {
      {5'000, 0, 200},      {5'000, 199, 200},    {5'000, 200, 100},    {5'000, 399, 100},
      {5'000, 400, 50},     {5'000, 100'000, 50}, {15'000, 0, 400},     {15'000, 500, 200},
      {15'000, 10'000, 50}, {1'000, 0, 50},       {100, 0, 50},         {60'000, 0, 400},
      {60'000, 10'000, 50}, {2'000, 100, 100},    {86'400'000, 0, 400},
  };
  for (const Case& c : cases) {
    INFO(c.interval_ms << " ms, " << c.targets << " targets");
    CHECK(BunchNanos(c.interval_ms, c.targets) == c.bunch_ms * kMs);
  }
}

TEST_CASE("targets are due in bunches that spread over the interval") {
  struct Case {
    int64_t interval_ms, bunch_ms, want_ms;
  };
  const Case cases[] = {
      {15'000, 50, 50}, {15'000, 400, 400}, {1'000, 50, 50}, {1'000, 200, 50}, {100, 50, 5}};
  for (const auto& [interval_ms, bunch_ms, want_ms] : cases) {
    INFO(interval_ms << " " << bunch_ms);
    std::set<int64_t> slots;
    for (uint64_t i = 0; i < 20'000; ++i) {
      const uint64_t hash = i * 0x9e3779b97f4a7c15ULL;
      const int64_t next = NextScrapeNanos(0, interval_ms, hash, 77, bunch_ms * kMs);
      CHECK((next % (interval_ms * kMs)) % (want_ms * kMs) == 0);
      slots.insert(next);
    }
    CHECK(static_cast<int64_t>(slots.size()) == (interval_ms + want_ms - 1) / want_ms);
  }
}

}  // namespace
}  // namespace narthex::scrape
