// How answers are printed, and the commands that need no server. The texts are those of upstream's
// promtool 3.5.

#include "server/cmd/promtool/query.h"

#include "core/http/server.h"
#include "server/cmd/promtool/query_analyze.h"
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

// The texts are promtool's 3.5.
TEST_CASE("Buckets in use over time are counted") {
  const std::string answer = R"({"status":"success","data":{"resultType":"matrix","result":[
    {"metric":{"__name__":"n","i":"1"},"histograms":[
      [1,{"count":"3","sum":"1","buckets":[[0,"1","2","1"],[0,"2","4","2"]]}],
      [2,{"count":"3","sum":"1","buckets":[[0,"2","4","3"]]}]]},
    {"metric":{"__name__":"n","i":"2"},"histograms":[
      [1,{"count":"3","sum":"1","buckets":[[0,"1","2","1"]]}],
      [2,{"count":"3","sum":"1","buckets":[[0,"2","4","1"]]}]]},
    {"metric":{"__name__":"n","i":"once"},"histograms":[[1,{"count":"0","sum":"0"}]]},
    {"metric":{"__name__":"up"},"values":[[1,"1"],[2,"1"]]},
    {"metric":{"__name__":"c_bucket","le":"+Inf"},"values":[[1,"3"],[2,"5"]]},
    {"metric":{"__name__":"c_bucket","le":"0.5"},"values":[[1,"1"],[2,"1"]]},
    {"metric":{"__name__":"c_bucket","le":"10"},"values":[[1,"1"],[2,"4"]]}]}})";
  http::Router router;
  std::string asked;
  router.Handle("POST", "/api/v1/query",
                [&](const http::Request& request, http::ResponseWriter& response) {
                  asked = request.body;
                  response.Send(200, "application/json", answer);
                });
  auto server = http::Server::Create({.listen_addresses = {"127.0.0.1:0"}}, router.AsHandler());
  REQUIRE(server.ok());
  REQUIRE((*server)->Start().ok());
  const std::string url = fmt::format("http://127.0.0.1:{}", (*server)->ports()[0]);
  const auto run = [&](const std::string& type, const std::string& time) {
    return testing::RunToEnd({testing::Binary("promtool"), "query", "analyze", "--server", url,
                              "--type", type, "--match", "n", "--duration", "30m", "--time", time});
  };
  const testing::RunResult result = run("histogram", "60");
  CHECK(result.exit_code == 0);
  CHECK(asked == "query=n%5B30m%5D&time=60");
  CHECK(result.output == R"(Bucket stats for each histogram series over time
------------------------------------------------
First the min, avg, and max number of populated buckets, followed by the total
number of buckets (only if different from the max number of populated buckets
which is typical for classic but not native histograms).

- n{i="1"} (native): 1/1.500/2
- n{i="2"} (native): 1/1.000/1/2
- c_bucket (classic): 2/2.500/3

Aggregated bucket stats
-----------------------
Each line shows min/avg/max over the series above.

Native histogram series (2 in total):
- min populated: 1/1.000/1
- avg populated: 1/1.000/1
- max populated: 1/1.500/2
- total: 2/2.000/2

Classic histogram series (1 in total):
- min populated: 2/2.000/2
- avg populated: 2/2.000/2
- max populated: 3/3.000/3
)");
  CHECK(run("counter", "60").output == "analyze type is counter, must be 'histogram'\n");
  CHECK(run("histogram", "x").output ==
        "error parsing time 'x': cannot parse \"x\" to a valid timestamp\n");
  const auto bucket = ParseJson(R"({"metric":{"le":"1"},"values":[[1,"1"],[2,"1"]]})");
  const auto other = ParseJson(R"({"metric":{"le":"x"},"values":[[1,"1"],[3,"1"]]})");
  CHECK_FALSE(ClassicBucketStats({*bucket, *other}).ok());
  CHECK_FALSE(ClassicBucketStats({}).ok());
  CHECK(ClassicBucketStats({*bucket}).value().ToString() == "1/1.000/1");
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

TEST_CASE("Format and headers of a query") {
  http::Router router;
  std::string seen;
  router.Handle("POST", "/api/v1/query",
                [&](const http::Request& request, http::ResponseWriter& response) {
                  seen = request.headers.Get("X-Scope");
                  response.Send(200, "application/json",
                                R"({"status":"success","data":{"resultType":"scalar","result":)"
                                R"([1,"2"]}})");
                });
  auto server = http::Server::Create({.listen_addresses = {"127.0.0.1:0"}}, router.AsHandler());
  REQUIRE(server.ok());
  REQUIRE((*server)->Start().ok());
  const std::string address = fmt::format("127.0.0.1:{}", (*server)->ports()[0]);
  CHECK(Promtool({"query", "-o", "json", "instant", "--header=X-Scope=a=b", "http://" + address,
                  "2"}) == "[1,\"2\"]\nexit 0");
  CHECK(seen == "a=b");
  // Without a scheme it is http; the format may stand behind the command, too.
  CHECK(Promtool({"query", "instant", "--format=json", address, "2"}) == "[1,\"2\"]\nexit 0");
  CHECK(Promtool({"query", "instant", address, "2"}) == "scalar: 2 @[1]\nexit 0");
  CHECK(Promtool({"query", "instant", "--header=x", address, "2"}) ==
        "promtool: error: expected KEY=VALUE got 'x', try --help\nexit 1");
}

TEST_CASE("Answers that are errors") {
  http::Router router;
  const struct {
    int status;
    std::string body, want;
  } kCases[] = {
      {404, "404 page not found\n", "client_error: client error: 404 (detail: 404 page not found)"},
      {503, "", "server_error: server error: 503"},
      {503, R"({"status":"error"})",
       R"(server_error: server error: 503 (detail: {"status":"error"}))"},
      {304, "", "bad_response: bad response code 304"},
      {422, R"({"status":"error","errorType":"execution","error":"no"})", "execution: no"},
      {400, R"({"status":"error","errorType":"bad_data","error":"no"})", "bad_data: no"},
  };
  size_t at = 0;
  router.Handle("POST", "/api/v1/query", [&](const http::Request&, http::ResponseWriter& response) {
    response.Send(kCases[at].status, "text/plain", kCases[at].body);
  });
  auto server = http::Server::Create({.listen_addresses = {"127.0.0.1:0"}}, router.AsHandler());
  REQUIRE(server.ok());
  REQUIRE((*server)->Start().ok());
  const std::string address = fmt::format("127.0.0.1:{}", (*server)->ports()[0]);
  for (; at < std::size(kCases); ++at) {
    CHECK(Promtool({"query", "instant", address, "2"}) ==
          fmt::format("query error: {}\nexit 1", kCases[at].want));
  }
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
