// Parses PromQL expressions as the API would: promql_parse [FEATURE...] < LINES
//
// A line of input is an expression in hexadecimal, so that any bytes can be asked about. A line of
// output is {"error":…} or {"pretty":…,"ast":…}. Features are those of --enable-feature.

#include <cstdio>
#include <cstring>

#include "core/json/writer.h"
#include "server/api/ast_json.h"
#include "server/promql/parser/parser.h"

namespace narthex::promql {
namespace {

std::string FromHex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(
        static_cast<char>(std::strtol(std::string(hex.substr(i, 2)).c_str(), nullptr, 16)));
  }
  return out;
}

std::string Answer(const std::string& text, const ParserOptions& options) {
  std::string out;
  JsonWriter json(&out);
  const auto expr = ParseExpr(text, options);
  if (!expr.ok()) {
    json.BeginObject().Member("error", MessageOf(expr.status())).EndObject();
    return out;
  }
  json.BeginObject().Member("pretty", Prettify(**expr));
  json.Key("ast");
  api::WriteAst(json, **expr);
  json.EndObject();
  return out;
}

int Main(int argc, char** argv) {
  ParserOptions options;
  options.duration_expressions = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view feature = argv[i];
    bool* const flag = feature == "promql-experimental-functions" ? &options.experimental_functions
                       : feature == "promql-duration-expr"        ? &options.duration_expressions
                       : feature == "promql-extended-range-selectors"
                           ? &options.extended_range_selectors
                       : feature == "promql-binop-fill-modifiers" ? &options.binop_fill_modifiers
                                                                  : nullptr;
    if (flag == nullptr) {
      std::fprintf(stderr, "unknown feature %s\n", argv[i]);
      return 2;
    }
    *flag = true;
  }
  char* line = nullptr;
  size_t capacity = 0;
  for (ssize_t n; (n = getline(&line, &capacity, stdin)) > 0;) {
    std::string_view text(line, static_cast<size_t>(n));
    if (text.ends_with('\n')) text.remove_suffix(1);
    std::puts(Answer(FromHex(text), options).c_str());
  }
  std::free(line);
  return 0;
}

}  // namespace
}  // namespace narthex::promql

int main(int argc, char** argv) { return narthex::promql::Main(argc, argv); }
