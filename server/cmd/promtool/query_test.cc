// How answers are printed, and the commands that need no server. The texts are those of upstream's
// promtool 3.5.

#include "server/cmd/promtool/query.h"

#include "server/cmd/promtool/times.h"
#include "tests/catch.h"
#include "tests/support/process.h"

namespace narthex::promtool {
namespace {

struct Case {
  std::string data, promql, json;
};

TEST_CASE("Answers of queries are printed as upstream prints them") {
  const Case cases[] = {
      {R"({"resultType":"vector","result":[]})", "", "[]"},
      {R"({"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},"value":[1700002000.05,"1"]},
          {"metric":{},"value":[1,"7e22"]},{"metric":{"job":"<b>"},"value":[2,"NaN"]}]})",
       "up{job=\"a\"} => 1 @[1700002000.05]\n{} => 70000000000000000000000 @[1]\n"
       "{job=\"<b>\"} => NaN @[2]",
       "[{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},\"value\":[1700002000.05,\"1\"]},"
       "{\"metric\":{},\"value\":[1,\"70000000000000000000000\"]},"
       "{\"metric\":{\"job\":\"\\u003cb\\u003e\"},\"value\":[2,\"NaN\"]}]"},
      {R"({"resultType":"matrix","result":[{"metric":{"__name__":"up"},"values":[[1.5,"1"],[2.5,"-Inf"]]}]})",
       "up =>\n1 @[1.5]\n-Inf @[2.5]",
       "[{\"metric\":{\"__name__\":\"up\"},\"values\":[[1.5,\"1\"],[2.5,\"-Inf\"]]}]"},
      {R"({"resultType":"scalar","result":[3,"0.5"]})", "scalar: 0.5 @[3]", "[3,\"0.5\"]"},
      {R"({"resultType":"string","result":[3,"x"]})", "x", "[3,\"x\"]"},
      {R"({"resultType":"vector","result":[{"metric":{},"histogram":[4,{"count":"3","sum":"1.5",
          "buckets":[[0,"0.5","1","2"],[3,"-0.1","0.1","1"]]}]}]})",
       "{} => Count: 3.000000, Sum: 1.500000, Buckets: [(0.5,1]:2 [-0.1,0.1]:1] @[4]",
       "[{\"metric\":{},\"histogram\":[4,{\"count\":\"3\",\"sum\":\"1.5\",\"buckets\":"
       "[[0,\"0.5\",\"1\",\"2\"],[3,\"-0.1\",\"0.1\",\"1\"]]}]}]"},
  };
  for (const Case& c : cases) {
    INFO(c.data);
    const auto data = ParseJson(c.data);
    REQUIRE(data.ok());
    const auto promql = FormatQueryData(*data), json = QueryDataAsJson(*data);
    REQUIRE(promql.ok());
    REQUIRE(json.ok());
    CHECK(*promql == c.promql);
    CHECK(*json == c.json);
  }
}

TEST_CASE("Answers that make no sense are errors") {
  for (const char* text :
       {R"({"resultType":"vector","result":[{"metric":{},"value":[1]}]})",
        R"({"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]})",
        R"({"resultType":"scalar","result":[]})", R"({"resultType":"wonder","result":7})", "{}"}) {
    INFO(text);
    const auto data = ParseJson(text);
    REQUIRE(data.ok());
    CHECK_FALSE(FormatQueryData(*data).ok());
    CHECK_FALSE(QueryDataAsJson(*data).ok());
  }
}

TEST_CASE("Times are seconds or RFC 3339") {
  CHECK(*ParseTime("1.5") == 1'500'000'000);
  CHECK(*ParseTime("2023-11-14T22:13:20Z") == 1'700'000'000'000'000'000);
  CHECK(MessageOf(ParseTime("x").status()) == "cannot parse \"x\" to a valid timestamp");
  CHECK_FALSE(ParseTime("1e300").ok());
}

// What the program prints, both streams, and its exit code at the end.
std::string Promtool(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), testing::Binary("promtool"));
  const testing::RunResult result = testing::RunToEnd(std::move(arguments));
  return result.output + fmt::format("exit {}", result.exit_code);
}

TEST_CASE("Expressions are laid out and edited") {
  const std::string refusal =
      "This command is experimental and requires the --experimental flag to be set.\nexit 1";
  CHECK(Promtool({"promql", "format", "sum(x)by(a)"}) == refusal);
  CHECK(Promtool({"promql", "label-matchers", "delete", "x", "a"}) == refusal);
  const auto experimental = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--experimental", "promql"});
    return Promtool(std::move(arguments));
  };
  CHECK(experimental({"format", "sum(x)by(a)"}) == "sum by (a) (x)\nexit 0");
  CHECK(experimental({"format", "x y"}) == "1:3: parse error: unexpected identifier \"y\"\nexit 1");
  CHECK(experimental({"format", "mad_over_time(x[5m])"}) ==
        "1:1: parse error: function \"mad_over_time\" is not enabled\nexit 1");
  CHECK(experimental({"--enable-feature=promql-experimental-functions", "format",
                      "mad_over_time(x[5m])"}) == "mad_over_time(x[5m])\nexit 0");
  CHECK(experimental({"label-matchers", "set", "rate(x{a=\"b\"}[5m]) + y", "a", "c"}) ==
        "rate(x{a=\"c\"}[5m]) + y{a=\"c\"}\nexit 0");
  CHECK(experimental({"label-matchers", "set", "-t", "!~", "x{a=\"b\",b=\"c\"}", "a", "c.*"}) ==
        "x{a!~\"c.*\",b=\"c\"}\nexit 0");
  CHECK(experimental({"label-matchers", "set", "-t", "x", "x", "a", "b"}) ==
        "promtool: error: enum value must be one of =,!=,=~,!~, got 'x', try --help\nexit 1");
  CHECK(experimental({"label-matchers", "delete", "rate(x{a=\"b\",c=\"d\"}[5m]) + y{a=\"b\"}",
                      "a"}) == "rate(x{c=\"d\"}[5m]) + y\nexit 0");
}

TEST_CASE("What cannot be asked is refused before asking") {
  const std::string url = "http://127.0.0.1:1";
  CHECK(Promtool({"query", "instant", "--time", "x", url, "up"}) ==
        "error parsing evaluation time: cannot parse \"x\" to a valid timestamp\nexit 1");
  CHECK(Promtool({"query", "range", "--start=2", "--end=1", url, "up"}) ==
        "start time is not before end time\nexit 1");
  CHECK(Promtool({"query", "series", url}) ==
        "promtool: error: required flag(s) '--match' not provided, try --help\nexit 1");
  CHECK(Promtool({"query", "instant", url, "up"}).find("query error: ") == 0);
}

}  // namespace
}  // namespace narthex::promtool
