#include "core/config/node.h"
#include "tests/catch.h"

namespace narthex::config {
namespace {

std::string PrintValue(std::string text) {
  std::string out = Emit(*MakeMapping({{"k", MakeString(std::move(text))}}));
  REQUIRE(out.starts_with("k: "));
  return out.substr(3, out.size() - 4);
}

// The right-hand sides are what Prometheus prints for these external labels.
TEST_CASE("strings are quoted as go-yaml quotes them") {
  struct Row {
    std::string_view text, printed;
  };
  const Row rows[] = {
      {"yes", "\"yes\""},
      {"012", "\"012\""},
      {"x: y", "'x: y'"},
      {"#h", "'#h'"},
      {"", "\"\""},
      {"a\tb", "\"a\\tb\""},
      {" lead", "' lead'"},
      {"null", "\"null\""},
      {"1:30", "\"1:30\""},
      {"2020-01-01", "\"2020-01-01\""},
      {"it's", "it's"},
      {"-", "'-'"},
      {"*x", "'*x'"},
      {"a #b", "'a #b'"},
      {"ünï", "ünï"},
      {"1e3", "\"1e3\""},
      {"~", "\"~\""},
      {"tail ", "'tail '"},
      {"@a", "'@a'"},
      {"%a", "'%a'"},
      {"a,b", "a,b"},
      {"[x", "'[x'"},
      {"l1\nl2", "|-\n  l1\n  l2"},
      {"l1\nl2\n", "|\n  l1\n  l2"},
      {"a:b", "a:b"},
      {"a:", "'a:'"},
      {"-x", "-x"},
      {"?x", "?x"},
      {"---", "'---'"},
      {"'q'", "'''q'''"},
      {"\"q\"", "'\"q\"'"},
      {"(.*)", "(.*)"},
      {"$1", "$1"},
      {"<secret>", "<secret>"},
      {"2020:2022", "2020:2022"},
      {"1:5", "\"1:5\""},
      {"1:2:3.4", "\"1:2:3.4\""},
      {"1:90", "1:90"},
      {";", ";"},
      {"\x1b", "\"\\e\""},
      {"\x01", "\"\\x01\""},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(PrintValue(std::string(row.text)) == row.printed);
  }
}

TEST_CASE("what is printed reads back as the same text") {
  const std::string texts[] = {
      "",
      " ",
      "\n",
      "\n\n",
      "a\n",
      "a\n\n",
      "\na",
      " a\nb",
      "a \nb",
      "a\n b",
      "a\n\n\nb\n",
      "\ta\nb",
      "it's: 'x'",
      "a\"b\\c",
      "|",
      ">",
      "- a",
      "? b",
      "{",
      "}",
      "!x",
      "&a",
      "null",
      "0x10",
      "<<",
      std::string(79, 'x') + " y  z " + std::string(90, 'w') + " end",
      "'" + std::string(100, 'x') + " y  z' # " + std::string(90, 'w') + " end",
      "\t" + std::string(100, 'x') + " y   z " + std::string(90, 'w') + " end",
  };
  for (const std::string& text : texts) {
    NodePtr tree = MakeMapping({{text + "k", MakeString(text)},
                                {"list", MakeSequence({MakeString(text), MakeString(text)})},
                                {"flow", MakeFlowSequence({MakeString(text), MakeString(text)})}});
    const std::string printed = Emit(*tree);
    INFO(printed);
    StatusOr<NodePtr> back = ReadDocument(printed);
    REQUIRE(back.ok());
    REQUIRE((*back)->members.size() == 3);
    CHECK((*back)->members[0].second->value == text);
    CHECK((*back)->members[1].second->items[1]->value == text);
    CHECK((*back)->members[2].second->items[0]->value == text);
  }
}

TEST_CASE("long texts fold behind column 80") {
  NodePtr tree = MakeMapping(
      {{"global",
        MakeMapping(
            {{"external_labels",
              MakeMapping({{"r", MakeString("very long text with spaces that goes on and on "
                                            "and on and on, more than eighty columns wide "
                                            "for sure, yes")}})}})}});
  CHECK(Emit(*tree) ==
        "global:\n  external_labels:\n"
        "    r: very long text with spaces that goes on and on and on and on, more than eighty\n"
        "      columns wide for sure, yes\n");
}

TEST_CASE("blocks nest as in upstream's print-outs") {
  NodePtr tree = MakeMapping({
      {"empty_list", MakeSequence({})},
      {"empty_map", MakeMapping({})},
      {"none", MakeNull()},
      {"jobs", MakeSequence({MakeMapping({{"name", MakeString("a")},
                                          {"targets", MakeSequence({MakeString("x:1")})},
                                          {"labels", MakeMapping({{"y", MakeString("z")}})}}),
                             MakeMapping({{"n", MakePlain("1")}})})},
      {"nested", MakeSequence({MakeSequence({MakePlain("1"), MakePlain("2")}), MakePlain("3")})},
      {"flow", MakeFlowSequence({MakeString("a"), MakeString("b,c"), MakeString("yes")})},
  });
  CHECK(Emit(*tree) ==
        "empty_list: []\nempty_map: {}\nnone: null\n"
        "jobs:\n- name: a\n  targets:\n  - x:1\n  labels:\n    \"y\": z\n- \"n\": 1\n"
        "nested:\n- - 1\n  - 2\n- 3\n"
        "flow: [a, 'b,c', \"yes\"]\n");
}

}  // namespace
}  // namespace narthex::config
