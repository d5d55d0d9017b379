#include "server/discovery/file/file.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include "server/discovery/testing/config_cases.h"
#include "server/discovery/testing/provider_rig.h"
#include "tests/temp_dir.h"

namespace narthex::discovery::file {
namespace {

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
      // As Go reads JSON.
      {true, R"([{"Targets":["a"],"LABELS":{"l":"x"}}])", "a/x", ""},
      {true, R"([{"targets":["a"],"targets":["b"]}])", "b/", ""},
      {true, R"([{"targets":["a"],"labels":{"l":"x"},"labels":{"m":"y"}}])", "a/x", ""},
      {true, R"([{"targets":["a"],"labels":{"l":null}}])", "a/", ""},
      {true, "[{\"targets\":[\"a\"],\"labels\":{\"l\":\"x\xff\"}}]", "a/x\xef\xbf\xbd", ""},
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
  dir.Write("a.yml", "- targets: [a:1]\n");
  dir.Write("b.json", R"([{"targets":["b:1"]}])");
  dir.Write("c.txt", "not mine");
  ProviderRig rig;
  REQUIRE(rig.Start(Config{{dir.path() + "/*.yml", dir.path() + "/b.json"}, 3'600'000}).ok());
  const auto refresh = [&] {
    rig.On([&] { static_cast<FileProvider*>(rig.provider())->Refresh(); });
    return rig.Addresses();
  };
  CHECK(rig.Addresses() == "a:1,b:1");
  CHECK(refresh() == "a:1,b:1");

  std::ofstream(dir.path() + "/a.yml") << "- targets: [a:1, a:2\n";  // cut off half-way
  CHECK(refresh() == "a:1,b:1");
  CHECK(rig.Metric("prometheus_sd_file_read_errors_total") >= 1);

  dir.Write("a.yml", "- targets: [a:1, a:2]\n- targets: [a:3]\n");
  CHECK(refresh() == "a:1,a:2,a:3,b:1");
  dir.Write("a.yml", "- targets: [a:1, a:2]\n");
  CHECK(refresh() == "a:1,a:2,b:1");
  CHECK(rig.Metric("prometheus_sd_file_mtime_seconds") > 1e9);

  std::filesystem::remove(dir.path() + "/b.json");
  CHECK(refresh() == "a:1,a:2");
  CHECK(rig.Metric("prometheus_sd_file_scan_duration_seconds") >= 6);
  rig.Stop();
  CHECK(rig.Metric("prometheus_sd_file_mtime_seconds") <= 0);
}

TEST_CASE("directories that come later are watched") {
  TempDir dir;
  ProviderRig rig;
  REQUIRE(rig.Start(Config{{dir.path() + "/later/deep/*.json"}, 3'600'000}).ok());
  CHECK(rig.published());
  CHECK(rig.Addresses().empty());
  std::filesystem::create_directories(dir.path() + "/later/deep");
  dir.Write("later/deep/x.json", R"([{"targets":["x:1"]}])");
  REQUIRE(rig.WaitFor([&] { return rig.Addresses() == "x:1"; }));
  // And when they went and came back, by a rename as well.
  std::filesystem::rename(dir.path() + "/later", dir.path() + "/gone");
  dir.Write("gone/deep/x.json", R"([{"targets":["x:2"]}])");
  std::filesystem::rename(dir.path() + "/gone", dir.path() + "/later");
  dir.Write("later/deep/y.json", R"([{"targets":["y:1"]}])");
  REQUIRE(rig.WaitFor([&] { return rig.Addresses() == "x:2,y:1"; }));
}

TEST_CASE("a directory that comes while the ones above it are looked at is watched, too") {
  TempDir dir;
  for (int round = 0; round < 50; ++round) {
    INFO(round);
    const std::string root = fmt::format("r{}", round);
    ProviderRig rig;
    std::thread writer([&] { dir.Write(root + "/a/b/c/x.json", R"([{"targets":["x:1"]}])"); });
    const Status started =
        rig.Start(Config{{dir.path() + "/" + root + "/a/b/c/*.json"}, 3'600'000});
    writer.join();
    REQUIRE(started.ok());
    REQUIRE(rig.WaitFor([&] { return rig.Addresses() == "x:1"; }));
  }
}

TEST_CASE("symbolic links as a mounted ConfigMap swaps them") {
  TempDir dir;
  std::filesystem::create_directories(dir.path() + "/..1");
  dir.Write("..1/t.yml", "- targets: [a:1]\n");
  std::filesystem::create_directory_symlink("..1", dir.path() + "/..data");
  std::filesystem::create_symlink("..data/t.yml", dir.path() + "/t.yml");
  ProviderRig rig;
  REQUIRE(rig.Start(Config{{dir.path() + "/*.yml"}, 3'600'000}).ok());
  CHECK(rig.Addresses() == "a:1");
  std::filesystem::create_directories(dir.path() + "/..2");
  dir.Write("..2/t.yml", "- targets: [a:2]\n");
  std::filesystem::create_directory_symlink("..2", dir.path() + "/..tmp");
  std::filesystem::rename(dir.path() + "/..tmp", dir.path() + "/..data");
  REQUIRE(rig.WaitFor([&] { return rig.Addresses() == "a:2"; }));
}

TEST_CASE("globs: one star, matched names sorted, a missing directory matches nothing") {
  TempDir dir;
  for (const char* name : {"b.yml", "a.yml", "a.json"}) dir.Write(name, "");
  CHECK(*MatchFiles(dir.path() + "/*.yml") ==
        std::vector<std::string>{dir.path() + "/a.yml", dir.path() + "/b.yml"});
  CHECK(*MatchFiles(dir.path() + "/a.yml") == std::vector<std::string>{dir.path() + "/a.yml"});
  CHECK(MatchFiles(dir.path() + "/none/*.yml")->empty());
  CHECK(MatchFiles(dir.path() + "/none.yml")->empty());
}

TEST_CASE("file_sd_configs are checked") {
  CheckConfigs<Config>({
      {"files: [a.yml, 'b/*.json']\nrefresh_interval: 1m\n", ""},
      {"{}", "file service discovery config must contain at least one path name"},
      {"files: [a.txt]", "path name \"a.txt\" is not valid for file discovery"},
      {"files: ['*/a.yml']", "path name \"*/a.yml\" is not valid for file discovery"},
      {"files: ['a*/b.yml']", "is not valid for file discovery"},
      {"files: [a.yml]\nnope: 1\n", "field nope not found in type file.plain"},
  });
  Config config;
  REQUIRE(config::Decode("files: [a.yml]\nrefresh_interval: 1m\n", &config).ok());
  CHECK(config.refresh_interval_ms == 60'000);
}

}  // namespace
}  // namespace narthex::discovery::file
