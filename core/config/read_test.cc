#include "core/config/node.h"
#include "tests/catch.h"

namespace narthex::config {
namespace {

std::string ErrorOf(std::string_view text) {
  StatusOr<NodePtr> node = ReadDocument(text);
  return node.ok() ? "" : std::string(MessageOf(node.status()));
}

TEST_CASE("scalars resolve by the rules of YAML 1.1 as go-yaml reads them") {
  struct Row {
    std::string_view text;
    ScalarType type;
    double number = 0;
  };
  const Row rows[] = {
      {"", ScalarType::kNull},
      {"~", ScalarType::kNull},
      {"null", ScalarType::kNull},
      {"NULL", ScalarType::kNull},
      {"nUll", ScalarType::kString},
      {"yes", ScalarType::kBool, 1},
      {"Off", ScalarType::kBool},
      {"y", ScalarType::kBool, 1},
      {"oN", ScalarType::kString},
      {"1", ScalarType::kInt, 1},
      {"-7", ScalarType::kInt, -7},
      {"+7", ScalarType::kInt, 7},
      {"012", ScalarType::kInt, 10},
      {"0x1F", ScalarType::kInt, 31},
      {"0b101", ScalarType::kInt, 5},
      {"0o17", ScalarType::kInt, 15},
      {"1_000", ScalarType::kInt, 1000},
      {"09", ScalarType::kFloat, 9},
      {"1.5", ScalarType::kFloat, 1.5},
      {"1e3", ScalarType::kFloat, 1000},
      {".5", ScalarType::kFloat, 0.5},
      {"5.", ScalarType::kFloat, 5},
      {"+1.5", ScalarType::kFloat, 1.5},
      {"1.5m", ScalarType::kString},
      {"1:30", ScalarType::kString},
      {"0x", ScalarType::kString},
      {"-", ScalarType::kString},
      {".", ScalarType::kString},
      {"1e", ScalarType::kString},
      {"2020-01-01", ScalarType::kTimestamp},
      {"2020-1-1T10:00:00Z", ScalarType::kTimestamp},
      {"2020-01", ScalarType::kString},
      {"<<", ScalarType::kMerge},
      {"abc", ScalarType::kString},
      {"-9223372036854775808", ScalarType::kInt, -9223372036854775808.0},
      {"18446744073709551615", ScalarType::kInt, 18446744073709551615.0},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Scalar scalar = ResolvePlain(row.text);
    CHECK(scalar.type == row.type);
    const double got = scalar.type == ScalarType::kBool ? scalar.boolean : scalar.number;
    CHECK(got == row.number);
  }
  CHECK(std::isinf(ResolvePlain("-.inf").number));
  CHECK(std::isnan(ResolvePlain(".NaN").number));
}

TEST_CASE("syntax errors carry go-yaml's words and line numbers") {
  struct Row {
    std::string_view text, error;
  };
  const Row rows[] = {
      {"a: b: c\n", "yaml: mapping values are not allowed in this context"},
      {"a: 1\nb: c: d\n", "yaml: line 2: mapping values are not allowed in this context"},
      {"a: *x\n", "yaml: unknown anchor 'x' referenced"},
      {"a: &x [*x]\n", "yaml: anchor 'x' value contains itself"},
      {"a: \x01\n", "yaml: control characters are not allowed"},
      {"a: \"x\n", "yaml: line 2: found unexpected end of stream"},
      {"a: 'it''s\n", "yaml: line 2: found unexpected end of stream"},
      {"a: &b !!str 'x\n", "yaml: line 2: found unexpected end of stream"},
      {"a: \"x\\\"\n", "yaml: line 2: found unexpected end of stream"},
      {"a: 'it''s'\nb: \"\\\\\"\n", ""},
      {"a: *nope\n", "yaml: unknown anchor 'nope' referenced"},
      {"a: %x\n", "yaml: found character that cannot start any token"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(ErrorOf(row.text) == row.error);
  }
  CHECK_FALSE(ErrorOf("a: [b\n").empty());
  CHECK_FALSE(ErrorOf("a:\n\t- b\n").empty());
}

TEST_CASE("aliases share nodes, merge keys yield to explicit keys") {
  const std::string_view text =
      "base: &base {a: 1, b: 2}\n"
      "more: &more {b: 3, c: 4}\n"
      "one:\n  b: 5\n  <<: *base\n"
      "two:\n  <<: [*base, *more]\n  d: 6\n"
      "quoted:\n  '<<': x\n";
  NodePtr root = ReadDocument(text).value();
  auto entries = Entries(*root).value();
  auto render = [](const Node& mapping) {
    std::string out;
    const auto all = Entries(mapping).value();
    for (const Entry& e : all) out += e.key + "=" + e.value->value + " ";
    return out;
  };
  CHECK(render(*entries[2].value) == "b=5 a=1 ");
  CHECK(render(*entries[3].value) == "d=6 a=1 b=2 c=4 ");
  CHECK(render(*entries[4].value) == "<<=x ");
  NodePtr bad = ReadDocument("<<: 5\n").value();
  CHECK(MessageOf(Entries(*bad).status()) ==
        "yaml: map merge requires map or sequence of maps as the value");
}

TEST_CASE("duplicate keys are marked with the line of the first") {
  NodePtr root = ReadDocument("a: 1\nb: 2\na: 3\na: 4\n").value();
  auto entries = Entries(*root).value();
  REQUIRE(entries.size() == 4);
  CHECK_FALSE(entries[0].duplicate);
  CHECK(entries[2].duplicate);
  CHECK(entries[3].duplicate);
  CHECK(entries[3].first_line == 1);
}

TEST_CASE("expansion, depth and size have limits") {
  std::string laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 12; ++i) {
    laughs +=
        fmt::format("a{0}: &a{0} [*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1},*a{1}]\n", i, i - 1);
  }
  CHECK(ErrorOf(laughs) == "yaml: document contains excessive aliasing");
  CHECK(ErrorOf(std::string(200, '[')) == "yaml: exceeded max depth of 100");
  CHECK_FALSE(ErrorOf(std::string(100'000, '[')).empty());
  std::string deep_alias = "a: &a " + std::string(60, '[') + std::string(60, ']') +
                           "\nb: " + std::string(60, '[') + "*a" + std::string(60, ']') + "\n";
  CHECK(ErrorOf(deep_alias) == "yaml: exceeded max depth of 100");
  CHECK(ReadDocument("abc", {.max_bytes = 2}).status().code() == StatusCode::kOutOfRange);
}

TEST_CASE("a text holds any number of documents") {
  CHECK(ReadDocuments("").value().empty());
  CHECK(ReadDocument("").value()->is_null());
  CHECK(ReadDocument("# only a comment\n").value()->is_null());
  auto documents = ReadDocuments("a: 1\n---\nb: 2\n---\n- c\n").value();
  REQUIRE(documents.size() == 3);
  CHECK(documents[1]->is_mapping());
  CHECK(documents[2]->is_sequence());
  CHECK(documents[1]->members[0].first->line == 3);
}

TEST_CASE("tags decide over looks") {
  NodePtr root = ReadDocument("a: !!str 5\nb: !!int \"5\"\nc: '5'\nd: 5\n").value();
  CHECK(Resolve(*root->members[0].second).type == ScalarType::kString);
  CHECK(Resolve(*root->members[1].second).type == ScalarType::kInt);
  CHECK(Resolve(*root->members[2].second).type == ScalarType::kString);
  CHECK(Resolve(*root->members[3].second).type == ScalarType::kInt);
  CHECK(ShortTag(*root->members[0].second) == "!!str");
  CHECK(ShortTag(*root) == "!!map");
}

}  // namespace
}  // namespace narthex::config
