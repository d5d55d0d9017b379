// What the API answers, from outside. Expected bodies were compared with the original server's.
#include "server/api/api_rig.h"
#include "server/api/group_token.h"

namespace narthex::api {
namespace {

TEST_CASE("instant queries") {
  Fixture f;
  f.Fill();
  CHECK(f.Data("query?query=up") ==
        R"({"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},)"
        R"("value":[1700000000,"4.5"]},{"metric":{"__name__":"up","job":"b<"},)"
        R"("value":[1700000000,"4.5"]}]})");
  CHECK(f.Data("query?query=1e30&time=1.25") ==
        R"({"resultType":"scalar","result":[1.25,"1000000000000000000000000000000"]})");
  CHECK(f.Data("query?query=%22a%3Cb%22&time=2026-01-01T00:00:00Z") ==
        R"({"resultType":"string","result":[1767225600,"a\u003cb"]})");
  CHECK(f.Data("query?query=nope") == R"({"resultType":"vector","result":[]})");
  CHECK(f.Data("query?query=sum(up)") ==
        R"({"resultType":"vector","result":[{"metric":{},"value":[1700000000,"9"]}]})");
  CHECK(f.Data("query?query=up%7Bjob=%22a%22%7D%5B20s%5D&time=1699999999.5") ==
        R"({"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},)"
        R"("values":[[1699999985,"3.5"]]}]})");
  const auto posted = f.Send("POST", "/api/v1/query?time=6", "query=time()&time=5.001");
  CHECK(posted.body ==
        R"({"status":"success","data":{"resultType":"scalar","result":[5.001,"5.001"]}})");
  const auto limited = f.Get("/api/v1/query?query=up&limit=1");
  CHECK(limited.body.find(R"("job":"b)") == std::string::npos);
  CHECK(limited.body.ends_with(R"(,"warnings":["results truncated due to limit"]})"));
  const auto stats = ParseJson(f.Get("/api/v1/query?query=up&stats=true").body).value();
  CHECK(stats["data"]["stats"]["timings"].Has("execTotalTime"));
  CHECK(stats["data"]["stats"]["samples"]["totalQueryableSamples"].AsInt() == 2);
  CHECK_FALSE(stats.Has("warnings"));
  const auto old = ParseJson(f.Get("/api/v1/query?query=1&stats=yes").body).value();
  CHECK(old["data"].Has("stats"));
  CHECK(old["warnings"].items().size() == 1);
}

TEST_CASE("range queries") {
  Fixture f;
  f.Fill();
  CHECK(f.Data("query_range?query=up&start=1699999970&end=1700000000&step=15s") ==
        R"({"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a"},)"
        R"("values":[[1699999970,"2.5"],[1699999985,"3.5"],[1700000000,"4.5"]]},)"
        R"({"metric":{"__name__":"up","job":"b<"},)"
        R"("values":[[1699999970,"2.5"],[1699999985,"3.5"],[1700000000,"4.5"]]}]})");
  CHECK(f.Data("query_range?query=vector(1e30)&start=1&end=2&step=0.5") ==
        R"({"resultType":"matrix","result":[{"metric":{},)"
        R"("values":[[1,"1e+30"],[1.500,"1e+30"],[2,"1e+30"]]}]})");
  CHECK(f.Data("query_range?query=nope&start=1&end=2&step=1") ==
        R"({"resultType":"matrix","result":[]})");
  // A matrix that goes out in several chunks arrives whole.
  const auto big =
      ParseJson(f.Get("/api/v1/query_range?query=label_replace(up,%22x%22,%22y%22,%22%22,%22%22)"
                      "%20or%20vector(1)&start=1699900000&end=1700000000&step=10")
                    .body);
  REQUIRE(big.ok());
  const auto& series = (*big)["data"]["result"].items();
  REQUIRE(series.size() == 3);
  CHECK(series[0]["values"].items().size() == 10'001);
}

TEST_CASE("query errors say what the original says") {
  Fixture f;
  CHECK(f.Error("query") ==
        "400 bad_data: invalid parameter \"query\": unknown position: parse error: no expression "
        "found in input");
  CHECK(f.Error("query?query=sum(") ==
        "400 bad_data: invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis");
  CHECK(f.Error("query?query=up&time=abc") ==
        "400 bad_data: invalid parameter \"time\": invalid time value for 'time': cannot parse "
        "\"abc\" to a valid timestamp");
  CHECK(f.Error("query?query=up&timeout=x") ==
        "400 bad_data: invalid parameter \"timeout\": cannot parse \"x\" to a valid duration");
  CHECK(
      f.Error("query?query=up&timeout=1e30") ==
      "400 bad_data: invalid parameter \"timeout\": cannot parse \"1e30\" to a valid duration. It "
      "overflows int64");
  for (const char* none : {"0", "-1", "0s"}) {
    CHECK(f.Error(std::string("query?query=up&timeout=") + none) ==
          "503 timeout: query timed out in query execution");
  }
  CHECK(f.Error("query?query=up&limit=9223372036854775808") ==
        "400 bad_data: invalid parameter \"limit\": strconv.Atoi: parsing "
        "\"9223372036854775808\": value out of range");
  CHECK(f.Error("query?query=up&limit=1e1") ==
        "400 bad_data: invalid parameter \"limit\": strconv.Atoi: parsing \"1e1\": invalid syntax");
  CHECK(f.Error("query?query=up&limit=-1") ==
        "400 bad_data: invalid parameter \"limit\": limit must be non-negative");
  CHECK(f.Error("query?query=up&lookback_delta=x") ==
        "400 bad_data: error parsing lookback delta duration: cannot parse \"x\" to a valid "
        "duration");
  CHECK(f.Error("query_range?query=up&start=1&end=0&step=1") ==
        "400 bad_data: invalid parameter \"end\": end timestamp must not be before start time");
  CHECK(
      f.Error("query_range?query=up&start=1&end=2&step=0") ==
      "400 bad_data: invalid parameter \"step\": zero or negative query resolution step widths are "
      "not accepted. Try a positive integer");
  CHECK(f.Error("query_range?query=up&start=1&end=200000&step=1") ==
        "400 bad_data: exceeded maximum resolution of 11,000 points per timeseries. Try decreasing "
        "the query resolution (?step=XX)");
  // A step counts with its nanoseconds, although the engine steps in whole milliseconds.
  CHECK(
      f.Data("query_range?query=vector(1)&start=0&end=11001&step=1.0001").ends_with("\"1\"]]}]}"));
  CHECK(f.Error("query_range?query=up&start=0&end=11001&step=1")
            .starts_with("400 bad_data: exceeded"));
  CHECK(f.Error("query_range?query=up&start=0&end=10&step=0.0009")
            .starts_with("400 bad_data: exceeded"));
  CHECK(f.Error("query_range?query=up&end=2&step=1") ==
        "400 bad_data: invalid parameter \"start\": cannot parse \"\" to a valid timestamp");
  CHECK(f.Error("query_range?query=up&start=1&end=2") ==
        "400 bad_data: invalid parameter \"step\": cannot parse \"\" to a valid duration");
  CHECK(f.Error("query_range?query=up%5B5m%5D&start=1&end=2&step=1") ==
        "400 bad_data: invalid parameter \"query\": invalid expression type \"range vector\" for "
        "range query, must be Scalar or instant Vector");
  CHECK(f.Error("query_range?query=up&start=-292273086-05-16T16:47:06Z&end=1&step=1")
            .starts_with("400 bad_data: exceeded maximum resolution"));
  CHECK(f.Send("POST", "/api/v1/query", "query=%zz").status == 400);
}

TEST_CASE("series, label names and label values") {
  Fixture f;
  f.Fill();
  CHECK(f.Data("series?match%5B%5D=up") ==
        R"([{"__name__":"up","job":"a"},{"__name__":"up","job":"b<"}])");
  CHECK(f.Data("series?match%5B%5D=up&match%5B%5D=%7Bjob=%22a%22%7D&match%5B%5D=nope") ==
        R"([{"__name__":"up","job":"a"},{"__name__":"up","job":"b<"}])");
  CHECK(f.Get("/api/v1/series?match%5B%5D=up&limit=1").body ==
        R"({"status":"success","data":[{"__name__":"up","job":"a"}],)"
        R"("warnings":["results truncated due to limit"]})");
  CHECK(f.Data("series?match%5B%5D=nope") == "[]");
  CHECK(f.Error("series") == "400 bad_data: no match[] parameter provided");
  CHECK(
      f.Error("series?match%5B%5D=") ==
      "400 bad_data: invalid parameter \"match[]\": unknown position: parse error: unexpected end "
      "of input");
  CHECK(f.Error("labels?match%5B%5D=%20") ==
        "400 bad_data: 1:2: parse error: unexpected end of input");
  for (const char* window : {"start=1&end=2", "start=1800000000&end=1900000000", "start=5&end=1"}) {
    INFO(window);
    CHECK(f.Data(std::string("series?match%5B%5D=up&") + window) == "[]");
    CHECK(f.Data(std::string("labels?") + window) == "[]");
    CHECK(f.Data(std::string("labels?match%5B%5D=up&") + window) == "[]");
    CHECK(f.Data(std::string("label/job/values?") + window) == "[]");
  }
  CHECK(f.Error("series?match%5B%5D=%7B%7D") ==
        "400 bad_data: invalid parameter \"match[]\": match[] must contain at least one non-empty "
        "matcher");
  CHECK(f.Error("labels?match%5B%5D=%7Ba=%22%22%7D") ==
        "400 bad_data: match[] must contain at least one non-empty matcher");
  CHECK(f.Data("labels") == R"(["__name__","job"])");
  CHECK(f.Data("labels?match%5B%5D=nope") == "[]");
  CHECK(f.Data("labels?limit=1") ==
        R"(["__name__"],"warnings":["results truncated due to limit"])");
  CHECK(f.Error("labels?start=abc") ==
        "400 bad_data: invalid parameter \"start\": invalid time value for 'start': cannot parse "
        "\"abc\" to a valid timestamp");
  CHECK(f.Data("label/job/values") == R"(["a","b\u003c"])");
  CHECK(f.Data("label/U__job/values") == R"(["a","b\u003c"])");
  CHECK(f.Data("label/job/values?match%5B%5D=up%7Bjob=%22a%22%7D") == R"(["a"])");
  CHECK(f.Data("label/nope/values") == "[]");
  CHECK(f.Error("label/%ff/values") == "400 bad_data: invalid label name: \"\\xff\"");
  CHECK(f.Send("POST", "/api/v1/labels", "match[]=up").status == 200);
}

TEST_CASE("targets, pools and metadata") {
  Fixture f({.listen_address = "0.0.0.0:9090"});
  const std::string active =
      R"({"discoveredLabels":{"__address__":"localhost:9100","job":"node"},)"
      R"("labels":{"instance":"localhost:9100","job":"node"},"scrapePool":"node",)"
      R"("scrapeUrl":"http://localhost:9100/metrics",)"
      R"("globalUrl":"http://prom.example:9100/metrics","lastError":"",)"
      R"("lastScrape":"2023-11-14T22:13:20.000000005Z","lastScrapeDuration":0.25,"health":"up",)"
      R"("scrapeInterval":"15s","scrapeTimeout":"10s"})";
  const std::string dropped = R"({"discoveredLabels":{"__address__":"x:1"},"scrapePool":"old"})";
  CHECK(f.Data("targets") == R"({"activeTargets":[)" + active + R"(],"droppedTargets":[)" +
                                 dropped + R"(],"droppedTargetCounts":{"node":0,"old":1}})");
  CHECK(f.Data("targets?state=active") ==
        R"({"activeTargets":[)" + active + R"(],"droppedTargets":[],"droppedTargetCounts":null})");
  CHECK(f.Data("targets?state=Dropped&scrapePool=x")
            .starts_with(R"({"activeTargets":[],"droppedTargets":[{)"));
  CHECK(f.Data("scrape_pools") == R"({"scrapePools":["a","node"]})");
  CHECK(f.Data("scrape_pools/config?scrapePool=node") == R"({"yaml":"job_name: node\n"})");
  CHECK(f.Error("scrape_pools/config?scrapePool=x").starts_with("404 not_found: "));
  const auto steps = [&](const std::string& labels) {
    return "targets/relabel_steps?scrapePool=node&labels=" + http::QueryEscape(labels);
  };
  const std::string join =
      R"x({"sourceLabels":["a","b"],"separator":";","regex":"(.*)","targetLabel":"c",)x"
      R"("replacement":"$1","action":"replace"})";
  const std::string drop =
      R"({"sourceLabels":["a"],"separator":";","regex":"x","replacement":"$1","action":"drop"})";
  const std::string hash =
      R"x({"separator":";","regex":"(.*)","modulus":8,"targetLabel":"h","replacement":"$1",)x"
      R"("action":"hashmod"})";
  CHECK(f.Data(steps(R"({"a":"1","b":"2"})")) ==
        R"({"steps":[{"rule":)" + join + R"(,"output":{"a":"1","b":"2","c":"1;2"},"keep":true},)" +
            R"({"rule":)" + drop + R"(,"output":{"a":"1","b":"2","c":"1;2"},"keep":true},)" +
            R"({"rule":)" + hash +
            R"(,"output":{"a":"1","b":"2","c":"1;2","h":"6"},"keep":true}]})");
  CHECK(f.Data(steps(R"({"a":"x"})")) ==
        R"({"steps":[{"rule":)" + join + R"(,"output":{"a":"x","c":"x;"},"keep":true},)" +
            R"({"rule":)" + drop + R"(,"output":{},"keep":false},{"rule":)" + hash +
            R"(,"output":{},"keep":false}]})");
  CHECK(f.Error("targets/relabel_steps") == "400 bad_data: no scrapePool parameter provided");
  CHECK(f.Error("targets/relabel_steps?scrapePool=node") ==
        "400 bad_data: no labels parameter provided");
  CHECK(f.Error("targets/relabel_steps?scrapePool=x&labels={}") ==
        "400 bad_data: error retrieving scrape config: scrape pool x not found");
  for (const char* bad : {"[", "[]", R"({"a":1})"}) {
    CHECK(f.Error(steps(bad)).starts_with("400 bad_data: error parsing labels: "));
  }
  CHECK(
      f.Data("metadata") ==
      R"({"up_total":[{"type":"counter","unit":"s","help":"Ups."},)"
      R"({"type":"gauge","unit":"","help":"Other."}],"zz":[{"type":"gauge","unit":"","help":"Z."}]})");
  CHECK(f.Data("metadata?limit=1&limit_per_metric=1") ==
        R"({"up_total":[{"type":"counter","unit":"s","help":"Ups."}]})");
  CHECK(f.Data("metadata?metric=nope") == "{}");
  CHECK(f.Error("metadata?limit=x") == "400 bad_data: limit must be a number");
  CHECK(
      f.Error("targets/metadata?match_target=%7B") ==
      "400 bad_data: invalid parameter \"match_target\": 1:2: parse error: unexpected end of input "
      "inside braces");
  CHECK(f.Data("targets/metadata?metric=zz") ==
        R"([{"target":{"instance":"b"},"type":"gauge","help":"Z.","unit":""}])");
  // The limit does not cut in the middle of a target.
  const std::string of_a =
      R"({"target":{"instance":"a"},"metric":"up_total","type":"counter","help":"Ups.","unit":"s"})";
  CHECK(f.Data("targets/metadata?limit=1") == "[" + of_a + "]");
  CHECK(ParseJson(f.Data("targets/metadata?limit=2")).value().items().size() == 4);
  CHECK(ParseJson(f.Data("targets/metadata?match_target=%7Binstance=%22b%22%7D&limit=1"))
            .value()
            .items()
            .size() == 3);
  CHECK(f.Data("targets/metadata?limit=0") == "[]");
  CHECK(
      f.Error("targets/metadata?match_target=x%7B") ==
      "400 bad_data: invalid parameter \"match_target\": 1:3: parse error: unexpected end of input "
      "inside braces");
}

TEST_CASE("rules, alerts and alertmanagers") {
  Fixture f;
  const std::string record =
      R"x({"name":"job:up:sum","query":"sum by (job) (up)","labels":{"team":"a"},"health":"ok",)x"
      R"("evaluationTime":0.000334166,"lastEvaluation":"2023-11-14T22:13:20Z","type":"recording"})";
  const std::string alert = R"({"labels":{"alertname":"Always"},"annotations":{"summary":"<b>"},)"
                            R"("state":"firing","activeAt":"2023-11-14T22:13:20Z",)"
                            R"("keepFiringSince":"2023-11-14T22:13:20Z","value":"1e+00"})";
  const std::string alerting =
      R"({"state":"firing","name":"Always","query":"vector(1) \u003e 0","duration":90,)"
      R"("keepFiringFor":0,"labels":{"severity":"page"},"annotations":{"summary":"<b>"},)"
      R"("alerts":[)" +
      alert +
      R"(],"health":"err","lastError":"bad","evaluationTime":0,)"
      R"("lastEvaluation":"0001-01-01T00:00:00Z","type":"alerting"})";
  auto group = [](std::string name, std::string file, std::string rules, int interval) {
    return fmt::format(R"({{"name":"{}","file":"{}","rules":[{}],"interval":{},"limit":0,)"
                       R"("evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z"}})",
                       name, file, rules, interval);
  };
  auto groups = [](std::string list) { return R"({"groups":[)" + list + "]}"; };
  const std::string h = group("h", "s.yml", record, 60);
  CHECK(f.Data("rules") == groups(group("g", "r.yml", record + "," + alerting, 30) + "," + h));
  CHECK(f.Data("rules?type=alert") == groups(group("g", "r.yml", alerting, 30)));
  CHECK(f.Data("rules?type=record&file%5B%5D=s.yml") == groups(h));
  CHECK(f.Data("rules?rule_name%5B%5D=Always&rule_group%5B%5D=g") ==
        groups(group("g", "r.yml", alerting, 30)));
  CHECK(f.Data("rules?match%5B%5D=%7Bseverity=%22page%22%7D") ==
        groups(group("g", "r.yml", alerting, 30)));
  CHECK(f.Data("rules?rule_name%5B%5D=nope") == groups(""));
  CHECK(f.Data("rules?exclude_alerts=true").find(R"("alerts":[])") != std::string::npos);
  CHECK(f.Error("rules?type=foo") ==
        "400 bad_data: invalid parameter \"type\": not supported value \"foo\"");
  CHECK(f.Error("rules?group_limit=0").find("greater than 0") != std::string::npos);
  CHECK(f.Error("rules?group_next_token=x").find("needs to be present") != std::string::npos);
  CHECK(f.Error("rules?group_limit=1&group_next_token=x").find("were rule groups changed") !=
        std::string::npos);
  const auto page = ParseJson(f.Get("/api/v1/rules?group_limit=1").body).value()["data"];
  CHECK(page["groups"].items().size() == 1);
  CHECK(page["groupNextToken"].AsString() == GroupToken("s.yml", "h"));
  CHECK(f.Data("rules?group_limit=1&group_next_token=" + GroupToken("s.yml", "h")) == groups(h));
  CHECK(f.Data("alerts") == R"({"alerts":[)" + alert + "]}");
  CHECK(f.Data("alertmanagers") ==
        R"({"activeAlertmanagers":[{"url":"http://am/api/v2/alerts"}],"droppedAlertmanagers":[]})");
}

TEST_CASE("status pages") {
  Fixture f;
  CHECK(f.Data("status/config") == R"({"yaml":"global:\n  a: \u003csecret\u003e\n"})");
  CHECK(f.Data("status/flags") == R"({"a":"1","b":"2"})");
  CHECK(f.Data("features") == R"({"api":{"admin":false},"promql_operators":{"<":true}})");
  const auto info = ParseJson(f.Get("/api/v1/status/runtimeinfo").body).value()["data"];
  CHECK(info["serverTime"].AsString() == "2023-11-14T22:13:20Z");
  CHECK(info["storageRetention"].AsString() == "15d");
  CHECK(info["GOGC"].AsString() == "75");
  const auto build = ParseJson(f.Get("/api/v1/status/buildinfo").body).value()["data"];
  CHECK(build["version"].AsString().starts_with("3."));
  CHECK(build.Has("goVersion"));
  CHECK(f.Data("status/tsdb?limit=3") ==
        R"({"headStats":{"numSeries":7,"numLabelPairs":0,"chunkCount":0,"minTime":1,"maxTime":0},)"
        R"("seriesCountByMetricName":[{"name":"up","value":3}],"labelValueCountByLabelName":[],)"
        R"("memoryInBytesByLabelName":[],"seriesCountByLabelValuePair":[]})");
  CHECK(f.Error("status/tsdb?limit=0") == "400 bad_data: limit must be a positive number");
  CHECK(f.Error("status/tsdb?limit=10001").starts_with("400 "));
  CHECK(f.Data("status/walreplay") == R"({"min":1,"max":5,"current":3})");
  CHECK(f.Send("POST", "/api/v1/admin/tsdb/snapshot").body ==
        R"({"status":"error","errorType":"unavailable","error":"admin APIs disabled"})");
  CHECK(ParseJson(f.Get("/version").body).value()["version"].AsString().starts_with("3."));
}

TEST_CASE("exemplars of the series an expression selects") {
  Fixture f;
  auto appender = f.db->NewAppender();
  for (const char* name : {"a", "b", "c"}) {
    const Labels series{{"__name__", name}, {"job", "x"}};
    REQUIRE(appender->Append(series, kNow, 1).ok());
    REQUIRE(appender
                ->AppendExemplar(
                    series,
                    {.labels = Labels{{"trace_id", "t\""}}, .value = 0.25, .timestamp = kNow + 250})
                .ok());
  }
  REQUIRE(appender->Commit().ok());
  const std::string of_a =
      R"({"seriesLabels":{"__name__":"a","job":"x"},"exemplars":[{"labels":{"trace_id":"t\""},)"
      R"("value":"0.25","timestamp":1700000000.250}]})";
  CHECK(f.Data("query_exemplars?query=rate(a%5B5m%5D)&start=1700000000&end=1700000001") ==
        "[" + of_a + "]");
  const std::string both = f.Data("query_exemplars?query=sum(a)/b");
  CHECK(both.starts_with("[" + of_a + ",{"));
  CHECK(both.find("\"c\"") == std::string::npos);
  CHECK(f.Data("query_exemplars?query=a&start=1700000001") == "[]");
  const auto none = f.Get("/api/v1/query_exemplars?query=1");
  CHECK(none.status == 204);
  CHECK(none.body.empty());
}

TEST_CASE("queries are formatted and taken apart") {
  Fixture f;
  CHECK(f.Data("format_query?query=sum(up)by(job)") == "\"sum by (job) (up)\"");
  CHECK(f.Error("format_query?query=sum(") ==
        "400 bad_data: invalid parameter \"query\": 1:5: parse error: unclosed left parenthesis");
  CHECK(
      f.Data("parse_query?query=-rate(up%7Bjob!=%22x%22%7D%5B5m%5D%20offset%201m)%20%2B%20bool%201")
          .find("error") != std::string::npos);
  CHECK(
      f.Data("parse_query?query=sum(rate(up%5B5m%5D))%20%3E%20bool%202") ==
      R"({"type":"binaryExpr","bool":true,"lhs":{"type":"aggregation","expr":{"type":"call",)"
      R"("args":[{"type":"matrixSelector","anchored":false,"matchers":[{"name":"__name__",)"
      R"("type":"=","value":"up"}],"name":"up","smoothed":false,"offset":0,"startOrEnd":null,)"
      R"("timestamp":null,"range":300000}],"func":{"argTypes":["matrix"],"name":"rate",)"
      R"("returnType":"vector","variadic":0}},"grouping":[],"op":"sum","param":null,)"
      R"("without":false},"matching":null,"op":"\u003e","rhs":{"type":"numberLiteral","val":"2"}})");
  CHECK(f.Data("query_exemplars?query=up&start=1&end=2") == "[]");
  CHECK(f.Error("query_exemplars?query=up(").starts_with("400 bad_data: "));
}

}  // namespace
}  // namespace narthex::api
