#include <filesystem>
#include <fstream>

#include "core/base/file.h"
#include "server/discovery/describe.h"
#include "server/discovery/file.h"
#include "server/discovery/manager.h"
#include "tests/catch.h"

namespace narthex::discovery {
namespace {

using namespace std::chrono_literals;

struct TempDir {
  TempDir() {
    char name[] = "/tmp/nx-sd-XXXXXX";
    path = mkdtemp(name);
  }
  ~TempDir() { std::filesystem::remove_all(path); }
  std::string path;
};

void Put(const std::string& file, std::string_view text) {
  REQUIRE(WriteFileAtomically(file, text).ok());
}

// Collects what a manager says.
struct Listener {
  Mutex mutex;
  CondVar changed;
  std::shared_ptr<const TargetSets> sets GUARDED_BY(mutex);
  int updates GUARDED_BY(mutex) = 0;

  Manager::Consumer consumer() {
    return [this](std::shared_ptr<const TargetSets> s) {
      MutexLock lock(mutex);
      sets = std::move(s);
      ++updates;
      changed.NotifyAll();
    };
  }
  bool WaitFor(const std::function<bool(const TargetSets&)>& condition) {
    MutexLock lock(mutex);
    return changed.WaitFor(lock, 20s,
                           [&]() REQUIRES(mutex) { return sets != nullptr && condition(*sets); });
  }
};

std::string Addresses(const TargetSets& sets, const std::string& job) {
  std::string out;
  const auto found = sets.find(job);
  if (found == sets.end()) return "no job";
  for (const auto& group : found->second) {
    for (const Labels& target : group->targets) {
      out += std::string(out.empty() ? "" : ",") + std::string(target.Get("__address__"));
    }
  }
  return out;
}

TEST_CASE("target groups are read from JSON and YAML, strictly") {
  struct Case {
    bool json;
    std::string text;
    std::string want;   // addresses with the label "l", or
    std::string error;  // part of the error
  };
  const Case cases[] = {
      {true, R"([{"targets":["a:1","b:2"],"labels":{"l":"x"}},{"targets":["c:3"]}])",
       "a:1/x b:2/x c:3/", ""},
      {true, "[]", "", ""},
      {true, "[\t{\"targets\":\t[\"a\\u003a1\"]}]", "a:1/", ""},
      {true, R"([{"targets":["a"],"lables":{}}])", "", "json: unknown field \"lables\""},
      {true, R"([{"targets":"a"}])", "", "not a list"},
      {true, R"([{"targets":[1]}])", "", "not a string"},
      {true, R"([{"labels":{"a":1}}])", "", "label \"a\" is not a string"},
      {true, R"([null])", "", "nil target group item found (index 0)"},
      {true, R"({"targets":[]})", "", "list of target groups"},
      {true, R"([{"targets":["a"])", "", "/sd/f"},
      {false, "- targets: [a:1, 'b:2']\n  labels: {l: x}\n- targets:\n  - c:3\n",
       "a:1/x b:2/x c:3/", ""},
      {false, "", "", ""},
      {false, "- targets: [a]\n  label: {}\n", "", "field label not found"},
      {false, "-\n- targets: [a]\n", "", "nil target group item found (index 0)"},
      {false, "targets: [a]\n", "", "cannot unmarshal"},
      {false, "- targets: [a\n", "", "yaml:"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const auto groups = ParseTargetGroups(c.text, c.json, "/sd/f");
    if (!c.error.empty()) {
      REQUIRE_FALSE(groups.ok());
      CHECK(std::string(MessageOf(groups.status())).find(c.error) != std::string::npos);
      CHECK(std::string(MessageOf(groups.status())).find("/sd/f") != std::string::npos);
      continue;
    }
    REQUIRE(groups.ok());
    std::string got;
    for (const auto& group : *groups) {
      CHECK(group->labels.Get("__meta_filepath") == "/sd/f");
      for (const Labels& t : group->targets) {
        got += std::string(got.empty() ? "" : " ") + std::string(t.Get("__address__")) + "/" +
               std::string(group->labels.Get("l"));
      }
    }
    CHECK(got == c.want);
  }
}

TEST_CASE("a file that breaks keeps its targets, one that goes loses them") {
  TempDir dir;
  Put(dir.path + "/a.yml", "- targets: [a:1]\n");
  Put(dir.path + "/b.json", R"([{"targets":["b:1"]}])");
  Put(dir.path + "/c.txt", "not mine");
  Metrics metrics("test");
  FileSdConfig config;
  config.files = {dir.path + "/*.yml", dir.path + "/b.json"};
  FileProvider provider(config, &metrics);
  const auto addresses = [&] { return Addresses(TargetSets{{"j", provider.groups()}}, "j"); };

  CHECK(provider.Refresh(0));
  CHECK(addresses() == "a:1,b:1");
  CHECK(provider.next_refresh_ms() == 300'000);
  CHECK_FALSE(provider.Refresh(1));

  std::ofstream(dir.path + "/a.yml") << "- targets: [a:1, a:2\n";  // cut off half-way
  CHECK_FALSE(provider.Refresh(2));
  CHECK(addresses() == "a:1,b:1");

  Put(dir.path + "/a.yml", "- targets: [a:1, a:2]\n");
  CHECK(provider.Refresh(3));
  CHECK(addresses() == "a:1,a:2,b:1");

  std::filesystem::remove(dir.path + "/b.json");
  CHECK(provider.Refresh(4));
  CHECK(addresses() == "a:1,a:2");

  std::vector<MetricFamily> families;
  metrics.Collect(&families);
  for (const MetricFamily& f : families) {
    if (f.name == "prometheus_sd_file_read_errors_total") CHECK(f.samples.at(0).value == 1);
    if (f.name == "prometheus_sd_file_mtime_seconds") CHECK(f.samples.size() == 1);
  }
}

TEST_CASE("the manager sees atomic renames, plain writes, new and removed files") {
  TempDir dir;
  Registry registry;
  Listener listener;
  Manager manager({.name = "scrape", .update_interval_ms = 1, .registry = &registry},
                  listener.consumer());
  manager.Start();
  DiscoveryConfigs job;
  job.static_groups.push_back({{Labels{{"__address__", "s:1"}}}, {}, "0"});
  job.file.push_back({{dir.path + "/*.yml"}, 3'600'000});
  manager.ApplyConfig({{"j", job}});
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "j") == "s:1"; }));
  Put(dir.path + "/x.yml", "- targets: [x:1]\n");
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "j") == "s:1,x:1"; }));
  Put(dir.path + "/x.yml", "- targets: [x:2]\n");
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "j") == "s:1,x:2"; }));
  std::ofstream(dir.path + "/x.yml") << "- targets: [x:3]\n";
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "j") == "s:1,x:3"; }));
  std::filesystem::remove(dir.path + "/x.yml");
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "j") == "s:1"; }));

  // A second job joins, the first one goes.
  DiscoveryConfigs other;
  other.static_groups.push_back({{Labels{{"__address__", "o:1"}}}, {}, "0"});
  manager.ApplyConfig({{"o", other}});
  REQUIRE(listener.WaitFor([](const TargetSets& s) {
    return Addresses(s, "o") == "o:1" && Addresses(s, "j") == "no job";
  }));
  const auto gathered = registry.Gather();
  CHECK(gathered.errors.empty());
  bool found = false;
  for (const MetricFamily& f : gathered.families) {
    if (f.name != "prometheus_sd_discovered_targets") continue;
    found = true;
    REQUIRE(f.samples.size() == 1);
    CHECK(f.samples[0].labels[0].value == "o");
    CHECK(f.samples[0].value == 1);
  }
  CHECK(found);
  manager.Stop();
}

TEST_CASE("a provider that stays in the configuration is not read again") {
  TempDir dir;
  Put(dir.path + "/x.yml", "- targets: [x:1]\n");
  Listener listener;
  Manager manager({.name = "scrape", .update_interval_ms = 1}, listener.consumer());
  manager.Start();
  DiscoveryConfigs job;
  job.file.push_back({{dir.path + "/x.yml"}, 3'600'000});
  manager.ApplyConfig({{"j", job}});
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "j") == "x:1"; }));
  const auto first = [&] {
    MutexLock lock(listener.mutex);
    return listener.sets->at("j").at(0);
  }();
  manager.ApplyConfig({{"j", job}, {"k", job}});
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "k") == "x:1"; }));
  MutexLock lock(listener.mutex);
  CHECK(listener.sets->at("j").at(0) == first);
  CHECK(listener.sets->at("k").at(0) == first);
}

TEST_CASE("updates are coalesced") {
  TempDir dir;
  Listener listener;
  Manager manager({.name = "scrape", .update_interval_ms = 300}, listener.consumer());
  manager.Start();
  DiscoveryConfigs job;
  job.file.push_back({{dir.path + "/x.yml"}, 3'600'000});
  manager.ApplyConfig({{"j", job}});
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return s.contains("j"); }));
  for (int i = 1; i <= 20; ++i) Put(dir.path + "/x.yml", fmt::format("- targets: [x:{}]\n", i));
  REQUIRE(listener.WaitFor([](const TargetSets& s) { return Addresses(s, "j") == "x:20"; }));
  MutexLock lock(listener.mutex);
  CHECK(listener.updates < 15);
}

TEST_CASE("globs: one star, matched names sorted, a missing directory matches nothing") {
  TempDir dir;
  for (const char* name : {"b.yml", "a.yml", "a.json"}) Put(dir.path + "/" + name, "");
  CHECK(*MatchFiles(dir.path + "/*.yml") ==
        std::vector<std::string>{dir.path + "/a.yml", dir.path + "/b.yml"});
  CHECK(*MatchFiles(dir.path + "/a.yml") == std::vector<std::string>{dir.path + "/a.yml"});
  CHECK(MatchFiles(dir.path + "/none/*.yml")->empty());
  CHECK(MatchFiles(dir.path + "/none.yml")->empty());
}

TEST_CASE("file_sd_configs are checked") {
  struct Case {
    std::string text, error;
  };
  const Case cases[] = {
      {"files: [a.yml, 'b/*.json']\nrefresh_interval: 1m\n", ""},
      {"{}", "file service discovery config must contain at least one path name"},
      {"files: [a.txt]", "path name \"a.txt\" is not valid for file discovery"},
      {"files: ['*/a.yml']", "path name \"*/a.yml\" is not valid for file discovery"},
      {"files: ['a*b*.yml']", "is not valid for file discovery"},
      {"files: [a.yml]\nnope: 1\n", "field nope not found in type file.plain"},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    FileSdConfig config;
    const Status status = config::Decode(c.text, &config);
    if (c.error.empty()) {
      CHECK(status.ok());
      CHECK(config.refresh_interval_ms == 60'000);
    } else {
      CHECK(std::string(MessageOf(status)).find(c.error) != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace narthex::discovery
