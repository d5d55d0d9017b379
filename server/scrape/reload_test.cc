// Reloads under load: configurations and targets change at random while everything is scraped and
// read. NARTHEX_RELOADS says how often (a hundred times without it).

#include <algorithm>
#include <cstdlib>
#include <random>

#include "core/base/thread.h"
#include "core/http/server.h"
#include "server/scrape/manager_rig.h"
#include "tests/catch.h"

namespace narthex::scrape {
namespace {

constexpr int kJobs = 6;
constexpr char kKept[] = "- {job_name: kept, scrape_interval: 50ms, scrape_timeout: 50ms}\n";

int Reloads() {
  const char* text = std::getenv("NARTHEX_RELOADS");
  return text == nullptr ? 100 : std::max(1, std::atoi(text));
}

// Two pages, counted; a third that is never the same.
struct Exporter {
  Exporter() {
    const auto page = [](std::atomic<int>* counter, std::string body) {
      return [counter, body](const http::Request&, http::ResponseWriter& response) {
        ++*counter;
        response.Send(200, "text/plain; version=0.0.4", body);
      };
    };
    router.Handle("GET", "/metrics", page(&kept, "a 1\n"));
    router.Handle("GET", "/other",
                  page(&other, "# HELP a x\n# TYPE a counter\na{x=\"1\"} 1\na{x=\"2\"} 2\nb 3\n"));
    router.Handle("GET", "/new", [this](const http::Request&, http::ResponseWriter& response) {
      response.Send(200, "text/plain; version=0.0.4", fmt::format("n{} 1\nb 3\n", ++other));
    });
    server = *http::Server::Create({.listen_addresses = {"127.0.0.1:0"}}, router.AsHandler());
    NX_CHECK(server->Start().ok());
    address = fmt::format("127.0.0.1:{}", server->ports()[0]);
  }
  ~Exporter() { server->Stop(); }

  std::atomic<int> kept{0}, other{0};
  http::Router router;
  std::unique_ptr<http::Server> server;
  std::string address;
};

template <size_t n>
const char* Any(std::mt19937& random, const char* const (&choices)[n]) {
  return choices[random() % n];
}

// The job "kept", always the same, and any of the others.
std::string RandomJobs(std::mt19937& random) {
  static const char* const kIntervals[] = {"20ms", "30ms", "50ms", "1s"};
  static const char* const kPaths[] = {"/other", "/new", "/none"};
  static const char* const kKeys[] = {
      "  honor_labels: true\n",
      "  sample_limit: 2\n",
      "  label_limit: 3\n",
      "  target_limit: 1\n",
      "  body_size_limit: 10B\n",
      "  enable_compression: false\n",
      "  basic_auth: {username: u, password: p}\n",
      "  bearer_token: x\n",
      "  scheme: https\n",
      "  params: {a: [b]}\n",
      "  extra_scrape_metrics: true\n",
      "  honor_timestamps: false\n",
      "  metric_relabel_configs: [{action: drop, source_labels: [__name__], regex: b}]\n",
      "  metric_relabel_configs: [{action: labeldrop, regex: x}]\n",
      "  metric_relabel_configs: [{target_label: y, replacement: z}]\n",
      "  relabel_configs: [{target_label: t, replacement: u}]\n",
      "  relabel_configs: [{target_label: __scrape_interval__, replacement: 40ms}]\n",
      "  relabel_configs: [{action: drop, source_labels: [n], regex: '1'}]\n",
      "  keep_dropped_targets: 1\n"};
  std::string text = "scrape_configs:\n";
  text += kKept;
  for (int i = 0; i < kJobs; ++i) {
    if (random() % 4 == 0) continue;
    const char* interval = Any(random, kIntervals);
    text += fmt::format(
        "- job_name: j{}\n  scrape_interval: {}\n  scrape_timeout: {}\n  metrics_path: {}\n", i,
        interval, interval, Any(random, kPaths));
    text += Any(random, kKeys);
  }
  return text;
}

std::shared_ptr<const discovery::TargetSets> RandomTargets(std::mt19937& random,
                                                           const std::string& address) {
  auto sets = std::make_shared<discovery::TargetSets>();
  const auto add = [&](const std::string& job, int targets) {
    auto group = std::make_shared<discovery::TargetGroup>();
    for (int n = 0; n < targets; ++n) {
      group->targets.push_back(Labels{{"__address__", address}, {"n", std::to_string(n)}});
    }
    (*sets)[job] = {std::move(group)};
  };
  add("kept", 1);
  for (int i = 0; i < kJobs; ++i) add(fmt::format("j{}", i), static_cast<int>(random() % 4));
  return sets;
}

std::shared_ptr<const config::Config> Parse(const std::string& text) {
  const auto config = config::Load(text, "/", "test.yml");
  INFO(text);
  REQUIRE(config.ok());
  return *config;
}

TEST_CASE("reloads at random, under load, leave unchanged jobs alone and end what is removed") {
  std::mt19937 random(20);
  Exporter exporter;
  ManagerRig rig;
  rig.Apply(Parse(RandomJobs(random)));
  rig.manager->UpdateTargets(RandomTargets(random, exporter.address));
  std::atomic<bool> stop{false};
  std::atomic<int> looks{0};
  NamedThread reader("reader", [&] {
    while (!stop) {
      static_cast<void>(rig.manager->Targets());
      static_cast<void>(rig.manager->Metadata("a"));
      static_cast<void>(rig.manager->PoolNames());
      static_cast<void>(rig.registry.Gather());
      ++looks;
    }
  });
  NamedThread discoverer("discoverer", [&] {
    std::mt19937 own(21);
    for (int seen = 0; !stop;) {
      if (looks == seen) continue;
      seen = looks;
      rig.manager->UpdateTargets(RandomTargets(own, exporter.address));
    }
  });
  for (int i = 0; i < Reloads(); ++i) {
    const auto config = Parse(RandomJobs(random));
    const Status status = rig.manager->ApplyConfig(config);
    INFO(MessageOf(status));
    CHECK(status.ok());
    CHECK(rig.manager->PoolNames().size() == config->scrape_configs.size());
    // Some meet targets that have just been scraped, some do not.
    if (i % 4 != 0) continue;
    const int before = exporter.other + exporter.kept;
    REQUIRE(Eventually([&] { return exporter.other + exporter.kept > before; }));
  }
  stop = true;
  reader.Join();
  discoverer.Join();

  rig.Apply(Parse(std::string("scrape_configs:\n") + kKept));
  std::mt19937 last(22);
  rig.manager->UpdateTargets(RandomTargets(last, exporter.address));
  // What is left of the other jobs ends.
  CHECK(Eventually([&] {
    for (const auto& [series, samples] : rig.storage.All()) {
      const bool kept = series.find("job=\"kept\"") != std::string::npos;
      if (!kept && !samples.empty() && !storage::IsStaleNaN(samples.back().second)) return false;
    }
    return true;
  }));
  rig.manager->Stop();
  // The kept one never ended, but where the machine was too slow for its timeout, and lost nothing
  // but the scrape that was under way just now.
  const auto of_kept = [&](std::string_view name) {
    return rig.storage.Get(
        fmt::format("{}{{instance=\"{}\", job=\"kept\", n=\"0\"}}", name, exporter.address));
  };
  const FakeStorage::Samples up = of_kept("up"), samples = of_kept("a");
  for (const auto& [t, v] : up) CHECK_FALSE(storage::IsStaleNaN(v));
  for (const auto& [t, v] : samples) {
    if (!storage::IsStaleNaN(v)) continue;
    CHECK(std::find(up.begin(), up.end(), std::pair<TimestampMs, double>(t, 0)) != up.end());
  }
  CHECK(static_cast<int>(up.size()) + 1 >= exporter.kept);
  CHECK(exporter.kept > 2);
}

}  // namespace
}  // namespace narthex::scrape
