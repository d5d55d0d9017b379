// Runs every script of testdata/.

#include "server/promql/testing/script.h"

#include <algorithm>
#include <filesystem>

#include "core/base/file.h"
#include "server/promql/parser/functions_table.h"
#include "tests/catch.h"

namespace narthex::promql {
namespace {

TEST_CASE("scripts") {
  EngineOptions options;
  options.parser.experimental_functions = true;
  options.parser.binop_fill_modifiers = true;
  options.parser.extended_range_selectors = true;
  const Engine plain(options);
  options.eval.delayed_name_removal = true;
  const Engine delayed(options);
  options.eval = {.type_and_unit_labels = true};
  const Engine typed(options);
  int scripts = 0;
  for (const auto& entry : std::filesystem::directory_iterator("testdata")) {
    if (entry.path().extension() != ".pql") continue;
    ++scripts;
    auto text = ReadFile(entry.path());
    REQUIRE(text.ok());
    // A first line of "# features: …" says under which flag a script runs.
    const Engine* engine = &plain;
    if (text->starts_with("# features: promql-delayed-name-removal")) engine = &delayed;
    if (text->starts_with("# features: type-and-unit-labels")) engine = &typed;
    auto failures = RunScript(*text, *engine);
    INFO(entry.path());
    if (!failures.ok()) FAIL(MessageOf(failures.status()));
    for (const ScriptFailure& f : *failures) {
      FAIL_CHECK(entry.path().filename().string() << ":" << f.line << ": " << f.query << "\nwant:\n"
                                                  << f.want << "\ngot:\n"
                                                  << f.got);
    }
    CHECK(failures->empty());
  }
  CHECK(scripts > 0);
}

TEST_CASE("no function is missing from the table of all functions") {
  const auto text = ReadFile("testdata/all_functions.pql");
  REQUIRE(text.ok());
  for (const FunctionSignature& f : AllFunctions()) {
    // The storage keeps no start timestamps.
    if (f.name == "start_timestamp") continue;
    INFO(f.name);
    size_t cases = 0;
    size_t errors = 0;
    for (std::string_view rest = *text; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      const size_t call = line.find(fmt::format(" 4m {}(", f.name));
      const size_t negated = line.find(fmt::format(" 4m -{}(", f.name));
      if (call == std::string_view::npos && negated == std::string_view::npos) continue;
      ++(line.starts_with("error") ? errors : cases);
    }
    CHECK(cases >= 2);
    CHECK(errors >= 1);
  }
}

}  // namespace
}  // namespace narthex::promql
