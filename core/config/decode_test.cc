#include "core/config/decode.h"

#include "core/config/types.h"
#include "tests/catch.h"

namespace narthex::config {
namespace {

struct Child {
  static constexpr std::string_view kNullItemError = "empty or null child section";
  std::string name;
  int weight = 1;
  Status check = OkStatus();

  void Describe(Fields& f) {
    f.Type("config.plain", "config.Child");
    f.Field("name", name);
    f.Field("weight", weight, Print::kAlways);
  }
  Status AfterDecode() {
    if (name.empty()) return InvalidArgument("child has no name");
    return OkStatus();
  }
};

struct Shared {
  bool follow = true;
  std::string proxy;
  void Describe(Fields& f) {
    f.Type("config.Shared");
    f.Field("follow", follow, Print::kAlways);
    f.Url("proxy", proxy);
  }
  Status AfterDecode() {
    return follow || proxy.empty() ? OkStatus() : InvalidArgument("proxy needs follow");
  }
};

struct Root {
  std::string text;
  bool flag = false;
  int64_t count = 0;
  uint32_t limit = 0;
  double factor = 0;
  Duration interval{60'000};
  int64_t millis = 5'000;
  int64_t bytes = 0;
  std::string password;
  std::vector<std::string> list, flow;
  std::map<std::string, std::string> params;
  std::optional<Child> maybe;
  std::vector<Child> children;
  Child child{"default", 1, OkStatus()};
  Labels labels;
  Shared shared;

  void Describe(Fields& f) {
    f.Type("config.Root");
    f.Field("text", text);
    f.Field("flag", flag);
    f.Field("count", count);
    f.Field("limit", limit);
    f.Field("factor", factor);
    f.Field("interval", interval);
    f.Millis("millis", millis);
    f.Bytes("bytes", bytes);
    f.Secret("password", password);
    f.Field("list", list);
    f.FlowList("flow", flow);
    f.Field("params", params);
    f.Field("maybe", maybe);
    f.Field("children", children);
    f.Field("child", child, Print::kNever);
    f.Field("labels", labels);
    f.Refuse("sigv4", "known, not implemented here");
    f.Inline(shared);
  }
};

std::string ErrorOf(std::string_view text, Dialect dialect = Dialect::kV2) {
  Root root;
  return std::string(MessageOf(Decode(text, &root, dialect)));
}

TEST_CASE("a description decodes every kind of field") {
  Root root;
  REQUIRE(Decode("text: hello\nflag: on\ncount: -5\nlimit: 0x10\nfactor: 1.5\ninterval: 1h30m\n"
                 "millis: 2s\nbytes: 2KB\npassword: secret\nlist: [a, 012, yes, 1.0, ~]\n"
                 "params: {b: 1, a: x}\nmaybe: {name: m}\nchildren:\n- name: c\n  weight: 7\n"
                 "child:\n  weight: 3\nlabels: {z: 1, y: ok}\nfollow: no\n",
                 &root)
              .ok());
  CHECK(root.text == "hello");
  CHECK(root.flag);
  CHECK(root.count == -5);
  CHECK(root.limit == 16);
  CHECK(root.factor == 1.5);
  CHECK(root.interval.ms == 5'400'000);
  CHECK(root.millis == 2'000);
  CHECK(root.bytes == 2048);
  CHECK(root.password == "secret");
  CHECK(root.list == std::vector<std::string>{"a", "012", "yes", "1.0", ""});
  CHECK(root.params == std::map<std::string, std::string>{{"a", "x"}, {"b", "1"}});
  REQUIRE(root.maybe.has_value());
  CHECK(root.maybe->name == "m");
  REQUIRE(root.children.size() == 1);
  CHECK(root.children[0].weight == 7);
  CHECK(root.child.name == "default");
  CHECK(root.child.weight == 3);
  CHECK(root.labels == Labels{{"y", "ok"}, {"z", "1"}});
  CHECK_FALSE(root.shared.follow);
}

TEST_CASE("null gives zero, absence keeps the default") {
  Root root;
  REQUIRE(Decode("interval:\nmillis: ~\nmaybe: null\nchild:\nlist:\n", &root).ok());
  CHECK(root.interval.ms == 0);
  CHECK(root.millis == 0);
  CHECK_FALSE(root.maybe.has_value());
  CHECK(root.child.name == "default");
  Root untouched;
  REQUIRE(Decode("", &untouched).ok());
  CHECK(untouched.interval.ms == 60'000);
}

TEST_CASE("errors of kind and name are collected in document order") {
  struct Row {
    std::string_view text, error;
  };
  const Row rows[] = {
      {"foo: 1\n", "\n  line 1: field foo not found in type config.Root"},
      {"text: a\n\ntext: b\n", "\n  line 3: field text already set in type config.Root"},
      {"foo: 1\ncount: abc\nflag: \"true\"\n",
       "\n  line 1: field foo not found in type config.Root"
       "\n  line 2: cannot unmarshal !!str `abc` into int"
       "\n  line 3: cannot unmarshal !!str `true` into bool"},
      {"text: [a]\n", "\n  line 1: cannot unmarshal !!seq into string"},
      {"text:\n  a: b\n", "\n  line 2: cannot unmarshal !!map into string"},
      {"list: x\n", "\n  line 1: cannot unmarshal !!str `x` into []string"},
      {"children: {}\n", "\n  line 1: cannot unmarshal !!map into []*config.Child"},
      {"children: [5]\n", "\n  line 1: cannot unmarshal !!int `5` into config.plain"},
      {"children:\n- nam: x\n", "\n  line 2: field nam not found in type config.plain"},
      {"limit: -1\n", "\n  line 1: cannot unmarshal !!int `-1` into uint32"},
      {"limit: 42949672960\n", "\n  line 1: cannot unmarshal !!int `4294967...` into uint32"},
      {"factor: x\n", "\n  line 1: cannot unmarshal !!str `x` into float64"},
      {"params: {a: 1, a: 2}\n", "\n  line 1: key \"a\" already set in map"},
      {"params: [a]\n", "\n  line 1: cannot unmarshal !!seq into map[string]string"},
      {"- a\n", "\n  line 1: cannot unmarshal !!seq into config.Root"},
      {"interval: [5s]\n", "\n  line 1: cannot unmarshal !!seq into string"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(ErrorOf(row.text) == "yaml: unmarshal errors:" + std::string(row.error));
  }
  CHECK(ErrorOf("text: a\ntext: b\n", Dialect::kV3) ==
        "yaml: unmarshal errors:\n  line 2: mapping key \"text\" already defined at line 1");
}

TEST_CASE("errors of meaning end the decode as they are") {
  CHECK(ErrorOf("interval: abc\n") == "not a valid duration string: \"abc\"");
  CHECK(ErrorOf("children: [{weight: 2}]\n") == "child has no name");
  CHECK(ErrorOf("children:\n- name: a\n-\n") == "empty or null child section");
  CHECK(ErrorOf("follow: false\nproxy: http://p/\n") == "proxy needs follow");
  CHECK(ErrorOf("proxy: \"http://a b/\"\n") ==
        "parse \"http://a b/\": invalid character \" \" in host name");
  CHECK(ErrorOf("sigv4: {region: x}\n") == "line 1: sigv4 is known, not implemented here");
  CHECK(ErrorOf("sigv4:\n").empty());
}

TEST_CASE("checks are skipped where the struct did not decode") {
  CHECK(ErrorOf("children: [{weight: x}]\n") ==
        "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `x` into int32");
}

TEST_CASE("merged keys are as strict as explicit ones") {
  CHECK(ErrorOf("maybe: &m {name: x}\nchild: {<<: *m, weight: 2}\n").empty());
  CHECK(ErrorOf("maybe: &m {name: x}\n<<: *m\n") ==
        "yaml: unmarshal errors:\n  line 1: field name not found in type config.Root");
}

TEST_CASE("printing keeps order, leaves out zeros, hides secrets") {
  Root root;
  root.text = "yes";
  root.password = "hunter2";
  root.list = {"a", "b: c"};
  root.flow = {"x", "y"};
  root.children = {{"c", 1, OkStatus()}};
  root.labels = Labels{{"b", "2"}, {"a", "1"}};
  root.shared.proxy = "http://me:pw@proxy:3128/x";
  CHECK(Marshal(root) ==
        "text: \"yes\"\ninterval: 1m\nmillis: 5s\npassword: <secret>\nlist:\n- a\n- 'b: c'\n"
        "flow: [x, \"y\"]\nchildren:\n- name: c\n  weight: 1\nlabels:\n  a: \"1\"\n  b: \"2\"\n"
        "follow: true\nproxy: http://me:xxxxx@proxy:3128/x\n");
}

TEST_CASE("what is printed decodes to the same values") {
  Root root;
  REQUIRE(
      Decode("text: |\n  two\n  lines\nlist: ['', ' ', '#x', \"a\\tb\"]\ncount: -3\nfactor: 2.5\n"
             "params: {'y': n, 'a b': 'c: d'}\n",
             &root)
          .ok());
  const std::string first = Marshal(root);
  Root again;
  REQUIRE(Decode(first, &again).ok());
  CHECK(again.text == "two\nlines\n");
  CHECK(again.list == root.list);
  CHECK(again.params == root.params);
  CHECK(Marshal(again) == first);
}

TEST_CASE("located values know their place") {
  struct Rule {
    Located<std::string> expr;
    void Describe(Fields& f) {
      f.Type("rulefmt.Rule");
      f.Field("expr", expr);
    }
  };
  Rule rule;
  REQUIRE(Decode("\n\nexpr: up == 0\n", &rule).ok());
  CHECK(rule.expr.value == "up == 0");
  CHECK(rule.expr.line == 3);
  CHECK(rule.expr.column == 7);
  REQUIRE(Decode("expr: é\n", &rule).ok());
  CHECK(rule.expr.column == 7);
  struct Pair {
    Located<std::string> first, expr;
    void Describe(Fields& f) {
      f.Type("pair");
      f.Field("first", first);
      f.Field("expr", expr);
    }
  };
  Pair pair;
  REQUIRE(Decode("{\"first\": \"é→\", \"expr\": \"up\"}", &pair).ok());
  CHECK(pair.expr.column == 25);  // characters, not bytes
}

TEST_CASE("a hostile document cannot make a novel of errors") {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += fmt::format("k{}: 1\n", i);
  CHECK(ErrorOf(text).size() < 100'000);
}

}  // namespace
}  // namespace narthex::config
