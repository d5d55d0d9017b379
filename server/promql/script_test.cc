// Runs every script of testdata/.

#include <algorithm>
#include <filesystem>

#include "core/base/file.h"
#include "server/promql/testing/script.h"
#include "tests/catch.h"

namespace narthex::promql {
namespace {

TEST_CASE("scripts") {
  EngineOptions options;
  options.parser.experimental_functions = true;
  options.parser.binop_fill_modifiers = true;
  options.parser.extended_range_selectors = true;
  const Engine engine(options);
  int scripts = 0;
  for (const auto& entry : std::filesystem::directory_iterator("testdata")) {
    if (entry.path().extension() != ".pql") continue;
    ++scripts;
    auto text = ReadFile(entry.path());
    REQUIRE(text.ok());
    auto failures = RunScript(*text, engine);
    INFO(entry.path());
    if (!failures.ok()) FAIL(MessageOf(failures.status()));
    for (const ScriptFailure& f : *failures) {
      FAIL_CHECK(entry.path().filename().string() << ":" << f.line << ": " << f.query << "\nwant:\n"
                                                  << f.want << "\ngot:\n" << f.got);
    }
    CHECK(failures->empty());
  }
  CHECK(scripts > 0);
}

}  // namespace
}  // namespace narthex::promql
