#include "core/template/template.h"

#include "tests/catch.h"

namespace narthex::tmpl {
namespace {

FunctionMap TestFunctions() {
  return {
      {"toUpper",
       {"s",
        [](std::span<const Value> a) -> StatusOr<Value> {
          std::string text = a[0].as_string();
          for (char& c : text) c = static_cast<char>(std::toupper(c));
          return Value(text);
        }}},
      {"join",
       {"sl",
        [](std::span<const Value> a) -> StatusOr<Value> {
          std::string out;
          for (const Value& item : *a[1].list()) {
            if (!out.empty()) out += a[0].as_string();
            out += ToText(item);
          }
          return Value(out);
        }}},
      {"half",
       {"f",
        [](std::span<const Value> a) -> StatusOr<Value> { return Value(a[0].as_float() / 2); }}},
      {"fail",
       {"",
        [](std::span<const Value>) -> StatusOr<Value> { return InvalidArgument("it failed"); }}},
  };
}

class Person final : public Object {
 public:
  std::string type_name() const override { return "test.Person"; }
  std::string ToText() const override { return "{Ada}"; }
  bool GetField(std::string_view name, Value* out) const override {
    if (name == "Name") *out = Value("Ada");
    return name == "Name";
  }
  const Function* GetMethod(std::string_view name) const override {
    return name == "Greet" ? &greet_ : nullptr;
  }

 private:
  Function greet_{"s", [](std::span<const Value> a) -> StatusOr<Value> {
                    return Value("hello " + a[0].as_string());
                  }};
};

Value TestData() {
  Map any;
  any.items["k"] = Value("v");
  return Struct::Make(
      "template.Data",
      {{"Status", Value("alertstatus")},
       {"Count", Value(3)},
       {"Ratio", Value(0.25)},
       {"Empty", Value("")},
       {"Nothing", Value()},
       {"Labels", Value(Map::OfStrings({{"b", "2"}, {"a", "1"}}))},
       {"Any", Value(any)},
       {"List", Value::StringList({"x", "y", "z"})},
       {"None", Value(List{})},
       {"Person", Value(std::static_pointer_cast<const Object>(std::make_shared<Person>()))}});
}

std::string Render(std::string_view text, ExecOptions options = {}) {
  TemplateSet set(std::make_shared<const FunctionMap>(TestFunctions()));
  if (Status status = set.Parse("t", text); !status.ok()) {
    return "ERROR " + std::string(MessageOf(status));
  }
  StatusOr<std::string> out = set.Execute("t", TestData(), options);
  return out.ok() ? *out : "ERROR " + std::string(MessageOf(out.status()));
}

struct Row {
  std::string_view text, result;
};

void CheckRows(std::span<const Row> rows, const ExecOptions& options = {}) {
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(Render(row.text, options) == row.result);
  }
}

TEST_CASE("text, actions, comments and trim markers") {
  const Row rows[] = {
      {"plain", "plain"},
      {"a {{ .Status }} b", "a alertstatus b"},
      {"a {{- .Status -}} b", "aalertstatusb"},
      {"a \n {{- /* gone */ -}} \n b", "ab"},
      {"{{/* c */}}x{{/* d */}}", "x"},
      {"{{- 3 -}}", "3"},
      {"{{-3}}", "-3"},
      {"x{{\"a\\tb\"}}{{`c\\d`}}", "xa\tbc\\d"},
      {"{{ 1000000.5 }} {{ 123456.0 }} {{ print 1e8 }}", "1.0000005e+06 123456 1e+08"},
      {"{{ printf \"%+q\" \"é\" }}", "\"\\u00e9\""},
      {"{{ 'a' }} {{ 0x10 }} {{ 1e3 }} {{ 1_000 }} {{ .5 }}", "97 16 1000 1000 0.5"},
      {"{{ true }}{{ .Count }}{{ .Ratio }}{{ .List }}{{ .Labels }}",
       "true30.25[x y z]map[a:1 b:2]"},
      {"{{ .Nothing }}|{{ .Empty }}|{{ .None }}", "<no value>||[]"},
      {"{{ .Person }} {{ .Person.Name }} {{ .Person.Greet \"you\" }}", "{Ada} Ada hello you"},
  };
  CheckRows(rows);
}

TEST_CASE("control structures") {
  const Row rows[] = {
      {"{{if .Status}}y{{else}}n{{end}}{{if .Empty}}y{{else}}n{{end}}", "yn"},
      {"{{if .Empty}}a{{else if .None}}b{{else if .Count}}c{{else}}d{{end}}", "c"},
      {"{{with .Count}}{{.}}{{end}}{{with .Empty}}a{{else}}b{{end}}", "3b"},
      {"{{with .Empty}}a{{else with .Status}}{{.}}{{end}}", "alertstatus"},
      {"{{range .List}}{{.}},{{end}}", "x,y,z,"},
      {"{{range $i, $v := .List}}{{$i}}={{$v}} {{end}}", "0=x 1=y 2=z "},
      {"{{range $k, $v := .Labels}}{{$k}}={{$v}} {{end}}", "a=1 b=2 "},
      {"{{range $v := .Labels}}{{$v}}{{end}}", "12"},
      {"{{range .None}}a{{else}}none{{end}}{{range .Nothing}}a{{else}}nil{{end}}", "nonenil"},
      {"{{range 3}}{{.}}{{end}}", "012"},
      {"{{range .List}}{{if eq . \"y\"}}{{continue}}{{end}}{{.}}{{end}}", "xz"},
      {"{{range .List}}{{if eq . \"y\"}}{{break}}{{end}}{{.}}{{end}}", "x"},
      {"{{$x := 1}}{{if true}}{{$x = 2}}{{$y := 3}}{{$y}}{{end}}{{$x}}", "32"},
      {"{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"},
      {"{{range .List}}{{$.Count}}{{end}}", "333"},
      {"{{define \"a\"}}[{{.}}]{{end}}{{template \"a\" .Count}}{{template \"a\"}}",
       "[3][<no value>]"},
      {"{{block \"b\" .Status}}<{{.}}>{{end}}", "<alertstatus>"},
      {"{{define \"r\"}}{{if gt . 0}}{{.}}{{template \"r\" 0}}{{end}}{{end}}{{template \"r\" 5}}",
       "5"},
      {"{{.Labels.a}}{{$l := .Labels}}{{$l.b}}{{(index .List 1)}}", "12y"},
  };
  CheckRows(rows);
}

TEST_CASE("builtins") {
  const Row rows[] = {
      {"{{and 1 0 fail}}{{or 0 2 fail}}{{and 1 2}}{{or 0 \"\"}}", "022"},
      {"{{not 0}}{{not .Status}}", "truefalse"},
      {"{{eq 1 1}}{{eq 1 2 3 1}}{{ne 1 2}}{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge \"b\" \"a\"}}",
       "truetruetruetruetruefalsetrue"},
      {"{{eq nil 1}}{{eq .Nothing nil}}", "falsetrue"},
      {"{{len \"äb\"}}{{len .List}}{{len .Labels}}", "332"},
      {"{{index .List 2}}{{index .Labels \"b\"}}{{index .Labels \"zz\"}}{{index \"abc\" 1}}",
       "z298"},
      {"{{slice \"abcd\" 1 3}}{{slice .List 1}}{{slice \"abc\"}}", "bc[y z]abc"},
      {"{{print 1 2 \"a\" 3 3}}", "1 2a3 3"},
      {"{{println 1 \"a\"}}", "1 a\n"},
      {"{{html \"<a&\\\"'>\"}}", "&lt;a&amp;&#34;&#39;&gt;"},
      {"{{js \"<a&\\\"'>=\"}}", "\\u003Ca\\u0026\\\"\\'\\u003E\\u003D"},
      {"{{urlquery \"a b&c\"}}", "a+b%26c"},
      {"{{.Status | toUpper | printf \"%s-%d\" \"x\" 1}}", "x-1%!(EXTRA string=ALERTSTATUS)"},
      {"{{\"a\" | printf \"%q\" | len | printf \"%05d\"}}", "00003"},
      {"{{half 3}}{{half 0.5}}{{half .Ratio}}", "1.50.250.125"},
      {"{{join \",\" .List}}", "x,y,z"},
      {"{{(print \"x\") | toUpper}}", "X"},
  };
  CheckRows(rows);
}

// The right-hand sides were produced by Go (amtool template render), the name "t" put in.
TEST_CASE("execution errors read as Go's") {
  const Row rows[] = {
      {"{{ .Foo.Bar.Baz }}",
       "ERROR template: t:1:7: executing \"t\" at <.Foo.Bar.Baz>: can't evaluate field Foo in type "
       "template.Data"},
      {"{{ 1 | len }}",
       "ERROR template: t:1:7: executing \"t\" at <len>: error calling len: len of type int"},
      {"{{ .Status.X }}",
       "ERROR template: t:1:10: executing \"t\" at <.Status.X>: can't evaluate field X in type "
       "string"},
      {"{{ index .Labels 1 2}}",
       "ERROR template: t:1:3: executing \"t\" at <index .Labels 1 2>: error calling index: value "
       "has type "
       "int; should be string"},
      {"{{ template \"nope\" }}",
       "ERROR template: t:1:12: executing \"t\" at <{{template \"nope\"}}>: template \"nope\" not "
       "defined"},
      {"{{ eq 1 \"a\" }}",
       "ERROR template: t:1:3: executing \"t\" at <eq 1 \"a\">: error calling eq: incompatible "
       "types for "
       "comparison"},
      {"{{ lt 1 1.5 }}",
       "ERROR template: t:1:3: executing \"t\" at <lt 1 1.5>: error calling lt: incompatible types "
       "for "
       "comparison"},
      {"{{ toUpper 1 }}",
       "ERROR template: t:1:11: executing \"t\" at <1>: expected string; found 1"},
      {"{{ 3 4 }}",
       "ERROR template: t:1:3: executing \"t\" at <3>: can't give argument to non-function 3"},
      {"{{ .Status \"x\" }}",
       "ERROR template: t:1:3: executing \"t\" at <.Status>: Status has arguments but cannot be "
       "invoked as "
       "function"},
      {"{{ call 3 }}",
       "ERROR template: t:1:3: executing \"t\" at <call 3>: error calling call: non-function of "
       "type int"},
      {"{{ toUpper }}",
       "ERROR template: t:1:3: executing \"t\" at <toUpper>: wrong number of args for toUpper: "
       "want 1 got 0"},
      {"{{ $x := 1 }}{{ $x.Foo }}",
       "ERROR template: t:1:18: executing \"t\" at <$x.Foo>: can't evaluate field Foo in type int"},
      {"{{ index .List 10 }}",
       "ERROR template: t:1:3: executing \"t\" at <index .List 10>: error calling index: index out "
       "of range: 10"},
      {"{{ slice \"abc\" 2 1 }}",
       "ERROR template: t:1:3: executing \"t\" at <slice \"abc\" 2 1>: error calling slice: "
       "invalid slice "
       "index: 2 > 1"},
      {"{{ nil }}", "ERROR template: t:1:3: executing \"t\" at <nil>: nil is not a command"},
      {"{{ and }}",
       "ERROR template: t:1:3: executing \"t\" at <and>: wrong number of args for and: want at "
       "least 1 got 0"},
      {"{{ gt \"a\" }}",
       "ERROR template: t:1:3: executing \"t\" at <gt>: wrong number of args for gt: want 2 got 1"},
      {"{{ index nil 1 }}",
       "ERROR template: t:1:3: executing \"t\" at <index nil 1>: error calling index: index of "
       "untyped nil"},
      {"{{ range .Status }}x{{end}}",
       "ERROR template: t:1:9: executing \"t\" at <.Status>: range can't iterate over alertstatus"},
      {"{{ (len \"abc\").X }}",
       "ERROR template: t:1:8: executing \"t\" at <\"abc\">: can't evaluate field X in type int"},
      {"{{ join \",\" \"x\" }}",
       "ERROR template: t:1:12: executing \"t\" at <\"x\">: can't handle \"x\" for arg of type "
       "[]string"},
      {"{{ 9223372036854775808 }}",
       "ERROR template: t:1:3: executing \"t\" at <9223372036854775808>: 9223372036854775808 "
       "overflows int"},
      {"{{ 18446744073709551616 }}",
       "ERROR template: t:1: integer overflow: \"18446744073709551616\""},
      {"{{ -9223372036854775809 }}",
       "ERROR template: t:1: integer overflow: \"-9223372036854775809\""},
      {"{{ 1e400 }}", "ERROR template: t:1: illegal number syntax: \"1e400\""},
      {"{{ (nil).X }}", "ERROR template: t:1:4: executing \"t\" at <nil>: nil is not a command"},
      {"line\n{{ fail }}",
       "ERROR template: t:2:3: executing \"t\" at <fail>: error calling fail: it failed"},
      {"{{ eq }}",
       "ERROR template: t:1:3: executing \"t\" at <eq>: wrong number of args for eq: want at least "
       "1 got 0"},
  };
  CheckRows(rows);
}

TEST_CASE("parse errors read as Go's") {
  const Row rows[] = {
      {"{{ foo }}", "ERROR template: t:1: function \"foo\" not defined"},
      {"{{ end }}", "ERROR template: t:1: unexpected {{end}}"},
      {"{{ if }}x{{end}}", "ERROR template: t:1: missing value for if"},
      {"{{ $x }}", "ERROR template: t:1: undefined variable \"$x\""},
      {"{{ \"abc }}", "ERROR template: t:1: unterminated quoted string"},
      {"{{ if .Status }}x", "ERROR template: t:1: unexpected EOF"},
      {"{{ 08 }}", "ERROR template: t:1: integer overflow: \"08\""},
      {"{{ . | nil }}", "ERROR template: t:1: non executable command in pipeline stage 2"},
      {"{{ break }}", "ERROR template: t:1: {{break}} outside {{range}}"},
      {"{{ else }}", "ERROR template: t:1: unexpected {{else}}"},
      {"{{ else if 1 }}", "ERROR template: t:1: unexpected {{else}}"},
      {"{{ define \"x\" }}", "ERROR template: t:1: unexpected EOF"},
      {"{{ define x }}{{end}}", "ERROR template: t:1: unexpected \"x\" in define clause"},
      {"{{/* x }}", "ERROR template: t:1: unclosed comment"},
      {"{{ $x, $y := 1 }}", "ERROR template: t:1: too many declarations in command"},
      {"{{ range $i, $j, $k := .List }}{{end}}",
       "ERROR template: t:1: too many declarations in range"},
      {"{{ .X.. }}", "ERROR template: t:1: unexpected <.> in operand"},
      {"{{ ) }}", "ERROR template: t:1: unexpected right paren"},
      {"{{ ( }}", "ERROR template: t:1: unclosed left paren"},
      {"{{ 'ab' }}", "ERROR template: t:1: malformed character constant: 'ab'"},
      {"{{ @ }}", "ERROR template: t:1: unexpected \"@\" in command"},
      {"{{ .Status@ }}", "ERROR template: t:1: bad character U+0040 '@'"},
      {"{{ block \"x\" }}{{end}}", "ERROR template: t:1: missing value for block clause"},
      {"{{ if 1 }}{{else}}{{else}}{{end}}", "ERROR template: t:1: expected end; found {{else}}"},
      {"{{ }}", "ERROR template: t:1: missing value for command"},
      {"{{ true.x }}", "ERROR template: t:1: unexpected . after term \"true\""},
      {"{{ 1.2.3 }}", "ERROR template: t:1: unexpected \".3\" in operand"},
      {"{{ \"a\nb\" }}", "ERROR template: t:1: unterminated quoted string"},
      {"{{ if 1 }}\n{{ foo }}", "ERROR template: t:2: function \"foo\" not defined"},
      {"{{ with $x := 5 }}{{ $x }}{{ end }}{{ $x }}",
       "ERROR template: t:1: undefined variable \"$x\""},
      {"{{ .Status", "ERROR template: t:1: unclosed action"},
      {"{{ 3i }}", "ERROR template: t:1: complex numbers are not implemented"},
  };
  CheckRows(rows);
}

TEST_CASE("missing keys follow the option") {
  const std::string_view text = "{{ .Labels.zz }}|{{ .Any.zz }}|{{ .Any.zz.y }}";
  CHECK(Render(text) == "<no value>|<no value>|<no value>");
  CHECK(Render(text, {.missing_key = MissingKey::kZero}) == "|<no value>|<no value>");
  CHECK(Render(text, {.missing_key = MissingKey::kError}) ==
        "ERROR template: t:1:10: executing \"t\" at <.Labels.zz>: map has no entry for key \"zz\"");
}

TEST_CASE("limits end runaway templates") {
  const std::string loop = "{{define \"r\"}}{{template \"r\"}}{{end}}{{template \"r\"}}";
  CHECK(Render(loop).find("exceeded maximum template depth (200)") != std::string::npos);
  CHECK(Render("{{range 1000000000}}{{end}}", {.max_steps = 1000}).find("limit of 1000 steps") !=
        std::string::npos);
  CHECK(Render("{{range 1000}}0123456789{{end}}", {.max_output = 100}).find("larger than 100") !=
        std::string::npos);
  std::string deep = "{{ ";
  deep.append(100'000, '(');
  CHECK(Render(deep).find("nested too deep") != std::string::npos);
  std::string blocks;
  for (int i = 0; i < 10'000; ++i) blocks += "{{if 1}}";
  CHECK(Render(blocks).find("nested too deep") != std::string::npos);
  std::string comments;
  for (int i = 0; i < 100'000; ++i) comments += "{{/**/}}";
  CHECK(Render(comments).empty());
}

TEST_CASE("sets: later definitions win, empty ones do not, copies are independent") {
  TemplateSet set(nullptr);
  REQUIRE(set.Parse("a", "{{define \"x\"}}1{{end}}{{template \"x\"}}").ok());
  REQUIRE(set.Parse("b", "{{define \"x\"}} {{end}}").ok());
  CHECK(set.Execute("a", Value()).value() == "1");
  TemplateSet copy = set;
  REQUIRE(copy.Parse("c", "{{define \"x\"}}2{{end}}").ok());
  CHECK(copy.Execute("a", Value()).value() == "2");
  CHECK(set.Execute("a", Value()).value() == "1");
  CHECK(set.Has("x"));
  CHECK(set.Execute("zz", Value()).status().code() == StatusCode::kNotFound);
}

TEST_CASE("functions can be bound to one execution") {
  auto functions = std::make_shared<const FunctionMap>(
      FunctionMap{{"who", {"", [](std::span<const Value>) { return Value("set"); }}}});
  TemplateSet set(functions);
  REQUIRE(set.Parse("a", "{{who}}").ok());
  CHECK(set.Execute("a", Value()).value() == "set");
  const FunctionMap bound{{"who", {"", [](std::span<const Value>) { return Value("call"); }}}};
  CHECK(set.Execute("a", Value(), {.functions = &bound}).value() == "call");
}

}  // namespace
}  // namespace narthex::tmpl
