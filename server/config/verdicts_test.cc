// testdata/verdicts.txt, as far as loading goes; tests/differential/check_config.py holds promtool
// and its peers to the same file.

#include <filesystem>

#include "core/base/file.h"
#include "core/strings/quote.h"
#include "server/config/config.h"
#include "tests/temp_dir.h"

namespace narthex::config {
namespace {

struct Case {
  std::string name, error;
  std::vector<std::pair<std::string, std::string>> files;
};

std::vector<Case> ReadCases() {
  const auto text = ReadFile("testdata/verdicts.txt", 1 << 20);
  REQUIRE(text.ok());
  std::vector<Case> cases;
  for (const std::string_view line : SplitString(*text, '\n')) {
    if (line.starts_with("=== ")) {
      cases.emplace_back().name = line.substr(4);
    } else if (!cases.empty() && line.starts_with("--- ") && line.size() > 4) {
      cases.back().files.emplace_back(line.substr(4), "");
    } else if (!cases.empty() && !cases.back().files.empty()) {
      cases.back().files.back().second.append(line).append("\n");
    } else if (line.starts_with("error: ")) {
      cases.back().error = line.substr(7);
    }
  }
  return cases;
}

TEST_CASE("configurations are taken and refused as the table of verdicts says") {
  const TempDir scratch;
  const std::string& dir = scratch.path();
  size_t refused = 0;
  for (const Case& c : ReadCases()) {
    INFO(c.name);
    for (const auto& [file, content] : c.files) {
      scratch.Write(file, content);
    }
    const auto config = LoadFile(dir + "/prometheus.yml");
    for (const auto& entry : std::filesystem::directory_iterator(dir)) {
      std::filesystem::remove(entry.path());
    }
    if (c.error.empty()) {
      if (!config.ok()) FAIL_CHECK(MessageOf(config.status()));
      continue;
    }
    ++refused;
    if (config.ok()) {
      FAIL_CHECK("was accepted");
      continue;
    }
    // The table names files as they are called from their own directory.
    std::string message(MessageOf(config.status()));
    for (size_t at; (at = message.find(dir + "/")) != std::string::npos;) {
      message.erase(at, dir.size() + 1);
    }
    INFO(message);
    CHECK(message.find(c.error) != std::string::npos);
    CHECK(message.starts_with("parsing YAML file prometheus.yml: "));
  }
  CHECK(refused >= 200);
}

}  // namespace
}  // namespace narthex::config
