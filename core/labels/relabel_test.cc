#include "core/labels/relabel.h"

#include "tests/catch.h"

namespace narthex {
namespace {

RelabelConfig Config(RelabelAction action) {
  RelabelConfig c;
  c.action = action;
  return c;
}

struct Edit {
  std::vector<std::string> source;
  std::string regex = "(.*)";
  std::string target;
  std::string replacement = "$1";
  RelabelAction action = RelabelAction::kReplace;
  std::string separator = ";";
  uint64_t modulus = 0;
};

RelabelConfig Make(const Edit& e) {
  RelabelConfig c;
  c.source_labels = e.source;
  c.regex = e.regex;
  c.target_label = e.target;
  c.replacement = e.replacement;
  c.action = e.action;
  c.separator = e.separator;
  c.modulus = e.modulus;
  return c;
}

TEST_CASE("relabel rules rewrite, keep and drop") {
  struct Case {
    std::string name;
    std::vector<Edit> rules;
    Labels want;
    bool keep = true;
  };
  const Labels input = {{"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"__meta_x", "\xC3\x84pfel"}};
  using enum RelabelAction;
  const std::string meta = "\xC3\x84pfel";
  const Case cases[] = {
      {"replace with group",
       {{{"a"}, "f(.*)", "d", "ch${1}-ch${1}"}},
       {{"__meta_x", meta}, {"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"d", "choo-choo"}}},
      {"joins with separator",
       {{{"a", "b"}, "f(.*);(.*)r", "a", "b${1}${2}m"}},
       {{"__meta_x", meta}, {"a", "boobam"}, {"b", "bar"}, {"c", "baz"}}},
      {"custom separator and empty one",
       {{{"a", "b"}, "foo\\|bar", "s", "yes", kReplace, "|"},
        {{"a", "b"}, "foobar", "t", "yes", kReplace, ""}},
       {{"__meta_x", meta}, {"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"s", "yes"}, {"t", "yes"}}},
      {"no match leaves alone",
       {{{"a"}, "x(.*)", "b", "new"}},
       {{"__meta_x", meta}, {"a", "foo"}, {"b", "bar"}, {"c", "baz"}}},
      {"anchored",
       {{{"a"}, "o", "b", "new"}},
       {{"__meta_x", meta}, {"a", "foo"}, {"b", "bar"}, {"c", "baz"}}},
      {"empty result deletes",
       {{{"a"}, "(f).*", "b", "$2"}},
       {{"__meta_x", meta}, {"a", "foo"}, {"c", "baz"}}},
      {"greedy group name: $1abc is the group 1abc, which is empty",
       {{{"a"}, "(.*)", "b", "$1abc"}},
       {{"__meta_x", meta}, {"a", "foo"}, {"c", "baz"}}},
      {"named group and target from a group",
       {{{"a"}, "(?P<n>f.)o", "t_${n}", "$n"}},
       {{"__meta_x", meta}, {"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"t_fo", "fo"}}},
      {"double dollar",
       {{{"a"}, "(.*)", "b", "$$1"}},
       {{"__meta_x", meta}, {"a", "foo"}, {"b", "$1"}, {"c", "baz"}}},
      {"drop", {{{"a"}, ".*o.*", "", "$1", kDrop}}, {}, false},
      {"drop without match",
       {{{"a"}, "f|o", "", "$1", kDrop}},
       {{"__meta_x", meta}, {"a", "foo"}, {"b", "bar"}, {"c", "baz"}}},
      {"keep", {{{"a"}, "no-match", "", "$1", kKeep}}, {}, false},
      {"keep missing label as empty",
       {{{"zz"}, "", "", "$1", kKeep}, {{"a"}, "foo", "a", ""}},
       {{"__meta_x", meta}, {"b", "bar"}, {"c", "baz"}}},
      {"hashmod: low half of MD5",
       {{{"c"}, "(.*)", "d", "$1", kHashMod, ";", 1000}},
       {{"__meta_x", meta}, {"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"d", "976"}}},
      {"hashmod of joined values",
       {{{"a", "b"}, "(.*)", "d", "$1", kHashMod, ";", 100}},
       {{"__meta_x", meta}, {"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"d", "50"}}},
      {"labelmap",
       {{{}, "(b.*|c)", "", "x_${1}", kLabelMap}},
       {{"__meta_x", meta},
        {"a", "foo"},
        {"b", "bar"},
        {"c", "baz"},
        {"x_b", "bar"},
        {"x_c", "baz"}}},
      {"labeldrop", {{{}, "(b.*|__.*)", "", "$1", kLabelDrop}}, {{"a", "foo"}, {"c", "baz"}}},
      {"labelkeep", {{{}, "(b.*)", "", "$1", kLabelKeep}}, {{"b", "bar"}}},
      {"upper and lower case, also beyond ASCII",
       {{{"__meta_x"}, "(.*)", "u", "$1", kUppercase}, {{"u"}, "(.*)", "l", "$1", kLowercase}},
       {{"__meta_x", meta},
        {"a", "foo"},
        {"b", "bar"},
        {"c", "baz"},
        {"l", "\xC3\xA4pfel"},
        {"u", "\xC3\x84PFEL"}}},
      {"keepequal drops", {{{"a"}, "(.*)", "b", "$1", kKeepEqual}}, {}, false},
      {"dropequal keeps",
       {{{"a"}, "(.*)", "b", "$1", kDropEqual}},
       {{"__meta_x", meta}, {"a", "foo"}, {"b", "bar"}, {"c", "baz"}}},
      {"dropequal of two missing labels drops",
       {{{"x"}, "(.*)", "y", "$1", kDropEqual}},
       {},
       false},
      {"invalid expanded target is left alone",
       {{{"a"}, "(.*)", "${2}", "x"}},
       {{"__meta_x", meta}, {"a", "foo"}, {"b", "bar"}, {"c", "baz"}}},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    std::vector<RelabelConfig> configs;
    for (const Edit& e : c.rules) configs.push_back(Make(e));
    const auto rules = CompileRelabelRules(configs);
    if (!rules.ok()) {
      FAIL_CHECK(MessageOf(rules.status()));
      continue;
    }
    LabelsBuilder labels(input);
    CHECK(Relabel(*rules, &labels) == c.keep);
    if (c.keep) CHECK(labels.Build().ToString() == c.want.ToString());
  }
}

TEST_CASE("a newline is matched by dot, bytes that are no UTF-8 become U+FFFD in case changes") {
  LabelsBuilder labels(Labels{{"a", "x\ny"}, {"b", "A\xffZ"}});
  const auto rules = CompileRelabelRules(
      std::vector<RelabelConfig>{Make({{"a"}, "x.y", "m", "yes"}),
                                 Make({{"b"}, "(.*)", "b", "$1", RelabelAction::kLowercase})});
  REQUIRE(rules.ok());
  REQUIRE(Relabel(*rules, &labels));
  CHECK(labels.Get("m") == "yes");
  CHECK(labels.Get("b") == "a\xef\xbf\xbdz");
}

TEST_CASE("relabel rules are refused in upstream's words") {
  using enum RelabelAction;
  struct Case {
    Edit edit;
    std::string want;
    NameValidation validation = NameValidation::kUtf8;
  };
  const Case cases[] = {
      {{{}, "(", "a"}, "error parsing regexp: missing closing ): `^(?s:()$`"},
      {{{}, "a)", "a"}, "error parsing regexp: unexpected ): `^(?s:a))$`"},
      {{{}, "a\\", "a"}, "error parsing regexp: missing closing ): `^(?s:a\\)$`"},
      {{{}, "x[a", "a"}, "error parsing regexp: missing closing ]: `[a)$`"},
      {{{}, "*a", "a"}, "error parsing regexp: missing argument to repetition operator: `*`"},
      {{{"a"}, "(.*)", "", "$1", kHashMod},
       "relabel configuration for hashmod requires non-zero modulus"},
      {{{"a"}, "(.*)", "", "$1", kHashMod, ";", 8},
       "relabel configuration for hashmod action requires 'target_label' value"},
      {{{"a"}, "(.*)", ""},
       "relabel configuration for replace action requires 'target_label' value"},
      {{{"a"}, "(.*)", "", "$1", kLowercase},
       "relabel configuration for lowercase action requires 'target_label' value"},
      {{{"a"}, "(.*)", "b", "x", kUppercase}, "'replacement' can not be set for uppercase action"},
      {{{"a"}, "(.*)", "b", "x", kKeepEqual}, "'replacement' can not be set for keepequal action"},
      {{{"a"}, "x", "b", "$1", kDropEqual},
       "dropequal action requires only 'source_labels' and `target_label`, and no other fields"},
      {{{"a"}, "x", "", "$1", kLabelDrop},
       "labeldrop action requires only 'regex', and no other fields"},
      {{{}, "x", "t", "$1", kLabelKeep},
       "labelkeep action requires only 'regex', and no other fields"},
      {{{"a"}, "(.*)", "0bad"},
       "\"0bad\" is invalid 'target_label' for replace action",
       NameValidation::kLegacy},
      {{{"a"}, "(.*)", "x${a"},
       "\"x${a\" is invalid 'target_label' for replace action",
       NameValidation::kLegacy},
      {{{}, "(.*)", "", "0$1", kLabelMap},
       "\"0$1\" is invalid 'replacement' for labelmap action",
       NameValidation::kLegacy},
  };
  for (const Case& c : cases) {
    const auto rule = RelabelRule::Compile(Make(c.edit), c.validation);
    INFO(c.want);
    REQUIRE_FALSE(rule.ok());
    CHECK(MessageOf(rule.status()) == c.want);
  }
  for (const char* target : {"a$1", "${1}", "${foo}_x", "a${1}b$2"}) {
    CHECK(RelabelRule::Compile(Make({{"a"}, "(.*)", target}), NameValidation::kLegacy).ok());
  }
}

TEST_CASE("actions are read in any case") {
  CHECK(*ParseRelabelAction("LabelMap") == RelabelAction::kLabelMap);
  CHECK(*ParseRelabelAction("KEEP") == RelabelAction::kKeep);
  CHECK(MessageOf(ParseRelabelAction("kep").status()) == "unknown relabel action \"kep\"");
  for (int i = 0; i <= static_cast<int>(RelabelAction::kUppercase); ++i) {
    const auto action = static_cast<RelabelAction>(i);
    CHECK(*ParseRelabelAction(RelabelActionToString(action)) == action);
  }
  CHECK_FALSE(Config(RelabelAction::kDrop) == Config(RelabelAction::kKeep));
}

}  // namespace
}  // namespace narthex
