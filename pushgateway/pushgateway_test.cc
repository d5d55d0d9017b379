// Pushes from URL and body to the scrape answer; the rules as a table, the index against a full
// check, persistence over restarts.

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "core/base/file.h"
#include "core/compress/gzip.h"
#include "core/compress/snappy.h"
#include "core/exposition/families.h"
#include "core/exposition/writer.h"
#include "core/http/recorded_response.h"
#include "core/metrics/consistency.h"
#include "pushgateway/api.h"
#include "pushgateway/exposition.h"
#include "pushgateway/gateway.h"
#include "pushgateway/group_store.h"
#include "pushgateway/grouping.h"
#include "pushgateway/series_index.h"
#include "tests/catch.h"

namespace narthex::pushgateway {
namespace {

http::RecordedResponse Call(const Gateway& gateway, const std::string& method,
                            const std::string& path, const std::string& body = "",
                            const std::vector<std::pair<std::string, std::string>>& headers = {}) {
  http::Request request;
  request.method = method;
  request.target = path;
  request.path = *http::PercentDecode(path);
  request.body = body;
  for (const auto& [name, value] : headers) request.headers.Set(name, value);
  http::RecordedResponse response;
  gateway.Serve(request, response);
  return response;
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The scrape answer without the program's own families and without HELP and TYPE.
std::string Series(const Gateway& gateway) {
  std::string out;
  const std::string text = Call(gateway, "GET", "/metrics").body;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at + 1);
    at = end + 1;
    if (line[0] == '#' || line.starts_with("process_") || line.starts_with("pushgateway_") ||
        line.starts_with("push_")) {
      continue;
    }
    out += line;
  }
  return out;
}

struct ScratchDir {
  ScratchDir() {
    std::string name = "/tmp/pushgateway_test.XXXXXX";
    path = mkdtemp(name.data());
  }
  ~ScratchDir() { std::filesystem::remove_all(path); }
  std::string path;
};

const std::string kRefused = "pushed metrics are invalid or inconsistent with existing metrics: ";

TEST_CASE("grouping keys") {
  struct Case {
    std::string job;
    bool base64;
    std::string labels;
    std::string result;  // name=value,… or the error
  };
  const Case cases[] = {
      {"a", false, "", "job=a,"},
      {"a", false, "/", "job=a,"},
      {"a", false, "/x/1/b/2", "b=2,job=a,x=1,"},
      {"a", false, "/x/1/x/2", "job=a,x=2,"},
      {"a", false, "/job/b", "job=a,"},
      {"Zm9v", true, "/path@base64/L3Zhci90bXA", "job=foo,path=/var/tmp,"},
      {"Zm8=", true, "/p@base64/=", "job=fo,p=,"},
      {"a", false, "/odd", "odd number of components in label string \"/odd\""},
      {"a", false, "/a.b/c", "improper label name \"a.b\""},
      {"a", false, "/__x/c", "improper label name \"__x\""},
      {"a", false, "/a@base64/!!",
       "invalid base64 encoding for label a=\"!!\": illegal base64 data "
       "at input byte 0"},
      {"a", false, "/a@base64/abcde",
       "invalid base64 encoding for label a=\"abcde\": illegal base64 "
       "data at input byte 4"},
      {"a", false, "/a@base64/ab+d",
       "invalid base64 encoding for label a=\"ab+d\": illegal base64 "
       "data at input byte 2"},
      {"!!", true, "",
       "invalid base64 encoding in job name \"\": illegal base64 data at input byte 0"},
      {"=", true, "", "job name is required"},
      {"a", false, "/U__a_2e_b/1", "U__a_2e_b=1,job=a,"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.job, c.labels);
    auto grouping = ParseGrouping(c.job, c.base64, c.labels, {});
    std::string result;
    if (grouping.ok()) {
      for (const auto& [name, value] : *grouping) result += name + "=" + value + ",";
      CHECK(*ParseGroupKey(GroupKey(*grouping)) == *grouping);
    } else {
      result = MessageOf(grouping.status());
    }
    CHECK(result == c.result);
  }
  CHECK(ParseGrouping("a", false, "/U__a_2e_b/1", {.utf8_names = true})->contains("a.b"));
  CHECK_FALSE(ParseGroupKey("\x05"
                            "ab")
                  .ok());
}

TEST_CASE("PUT replaces the group, POST families, DELETE all of it") {
  Gateway gateway({});
  CHECK(
      Call(gateway, "PUT", "/metrics/job/a", "m 1\n# TYPE n counter\nn{x=\"1\"} 2\nn{x=\"2\"} 3\n")
          .status == 200);
  CHECK(Call(gateway, "POST", "/metrics/job/a", "# TYPE n counter\nn{x=\"3\"} 4\n").status == 200);
  CHECK(Call(gateway, "POST", "/metrics/job/a/l/v", "m 7\n").status == 200);
  CHECK(Series(gateway) ==
        "m{instance=\"\",job=\"a\"} 1\n"
        "m{instance=\"\",job=\"a\",l=\"v\"} 7\n"
        "n{instance=\"\",job=\"a\",x=\"3\"} 4\n");
  CHECK(Call(gateway, "PUT", "/metrics/job/a", "o 1\n").status == 200);
  CHECK(Series(gateway) == "m{instance=\"\",job=\"a\",l=\"v\"} 7\no{instance=\"\",job=\"a\"} 1\n");
  const auto deleted = Call(gateway, "DELETE", "/metrics/job/a");
  CHECK(deleted.status == 202);
  CHECK(deleted.body.empty());
  CHECK(Call(gateway, "DELETE", "/metrics/job/none").status == 202);
  CHECK(Series(gateway) == "m{instance=\"\",job=\"a\",l=\"v\"} 7\n");
}

TEST_CASE("grouping labels win, instance is filled in") {
  Gateway gateway({});
  Call(gateway, "PUT", "/metrics/job/a", "m{job=\"x\",b=\"1\"} 1\nm{instance=\"i\"} 2\n");
  Call(gateway, "PUT", "/metrics/job/b/instance/k", "m{instance=\"x\"} 3\n");
  CHECK(Series(gateway) ==
        "m{instance=\"i\",job=\"a\"} 2\n"
        "m{instance=\"k\",job=\"b\"} 3\n"
        "m{b=\"1\",instance=\"\",job=\"a\"} 1\n");
}

TEST_CASE("pushes that are refused") {
  Gateway gateway({});
  REQUIRE(Call(gateway, "PUT", "/metrics/job/base",
               "m 1\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n")
              .status == 200);
  struct Case {
    std::string path, body, error;
  };
  const Case cases[] = {
      {"/metrics/job/a", "m 1",
       "text format parsing error in line 1: unexpected end of input stream"},
      {"/metrics/job/a", "m 1\r\n",
       "text format parsing error in line 1: expected float as value, got \"1\\r\""},
      {"/metrics/job/a", "{\"my.dot\"} 1\n",
       "text format parsing error in line 1: invalid metric name \"my.dot\""},
      {"/metrics/job/a", "t 1 123\n", kRefused + "pushed metrics must not have timestamps"},
      {"/metrics/job/a", "# TYPE m counter\nm 1\n",
       kRefused +
           "collected metric \"m\" { label:{name:\"instance\" value:\"\"} label:{name:\"job\" "
           "value:\"a\"} counter:{value:1}} is not a UNTYPED"},
      {"/metrics/job/a", "# TYPE process_open_fds counter\nprocess_open_fds 1\n",
       kRefused + "gathered metric family process_open_fds has type COUNTER but should have GAUGE"},
      {"/metrics/job/a", "x{a=\"1\"} 1\nx{a=\"1\"} 2\n",
       kRefused +
           "collected metric \"x\" { label:{name:\"a\" value:\"1\"} label:{name:\"instance\" "
           "value:\"\"} label:{name:\"job\" value:\"a\"} untyped:{value:2}} was collected "
           "before with the same name and label values"},
      {"/metrics/job/a", "h_count 2\n",
       kRefused + "collected metric named \"h_count\" collides with previously collected histogram "
                  "named \"h\""},
      {"/metrics/job/a",
       "# TYPE m_sum histogram\nm_sum_bucket{le=\"+Inf\"} 1\nm_sum_sum 1\n"
       "m_sum_count 1\nm_sum_sum_count 1\n",
       ""},
      {"/metrics/job/a/odd", "m 1\n", "odd number of components in label string \"/odd\""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.body);
    const auto response = Call(gateway, "POST", c.path, c.body);
    CHECK(response.status == (c.error.empty() ? 200 : 400));
    CHECK(response.body == (c.error.empty() ? "" : c.error + "\n"));
  }
}

TEST_CASE("the same series from two groups is refused while the other group has it") {
  Gateway gateway({});
  REQUIRE(Call(gateway, "PUT", "/metrics/job/a", "m{x=\"1\"} 1\n").status == 200);
  CHECK(Call(gateway, "PUT", "/metrics/job/a/x/1", "m 2\n").status == 400);
  CHECK(Call(gateway, "PUT", "/metrics/job/a", "m{x=\"2\"} 1\n").status == 200);
  CHECK(Call(gateway, "PUT", "/metrics/job/a/x/1", "m 2\n").status == 200);
  CHECK(Call(gateway, "POST", "/metrics/job/a", "m{x=\"1\"} 1\n").status == 400);
  Call(gateway, "DELETE", "/metrics/job/a/x/1");
  CHECK(Call(gateway, "POST", "/metrics/job/a", "m{x=\"1\"} 1\n").status == 200);
  // A type may change once nobody else uses the name.
  CHECK(Call(gateway, "PUT", "/metrics/job/a", "# TYPE m counter\nm 1\n").status == 200);
}

TEST_CASE("push times tell success from failure") {
  Gateway gateway({});
  const auto time_of = [&](const std::string& name, const std::string& job) {
    const std::string text = Call(gateway, "GET", "/metrics").body;
    const std::string start = name + "{instance=\"\",job=\"" + job + "\"} ";
    const size_t at = text.find(start);
    return at == std::string::npos ? -1 : std::strtod(text.c_str() + at + start.size(), nullptr);
  };
  CHECK(Call(gateway, "POST", "/metrics/job/a", "m 1 5\n").status == 400);
  CHECK(time_of("push_time_seconds", "a") == 0);
  CHECK(time_of("push_failure_time_seconds", "a") > 1e9);
  CHECK(Contains(Call(gateway, "GET", "/api/v1/metrics").body, "\"last_push_successful\":false"));
  CHECK(Call(gateway, "POST", "/metrics/job/a", "").status == 200);
  CHECK(time_of("push_time_seconds", "a") > 1e9);
  CHECK(time_of("push_failure_time_seconds", "a") > 1e9);
  CHECK(Contains(Call(gateway, "GET", "/api/v1/metrics").body, "\"last_push_successful\":true"));
  // What cannot be parsed leaves no trace; nor do labels that cannot be shown.
  CHECK(Call(gateway, "POST", "/metrics/job/b", "???\n").status == 400);
  CHECK(time_of("push_time_seconds", "b") == -1);
  CHECK(Call(gateway, "POST", "/metrics/job/%ff", "m 1\n").status == 400);
  CHECK(Call(gateway, "POST", "/metrics/job/c", "m 1\n").status == 200);
  // Pushed families of these names are not taken.
  CHECK(Call(gateway, "POST", "/metrics/job/d",
             "# TYPE push_time_seconds counter\npush_time_seconds 7\n")
            .status == 200);
  CHECK(time_of("push_time_seconds", "d") > 1e9);
}

TEST_CASE("content codings and protobuf") {
  Gateway gateway({});
  using Headers = std::vector<std::pair<std::string, std::string>>;
  const auto push = [&](const std::string& body, const Headers& headers) {
    return Call(gateway, "POST", "/metrics/job/a", body, headers);
  };
  CHECK(push(GzipCompress("g 1\n"), {{"Content-Encoding", "gzip"}}).status == 200);
  CHECK(push(SnappyFramedCompress("s 1\n"), {{"Content-Encoding", "snappy"}}).status == 200);
  CHECK(push("u 1\n", {{"Content-Encoding", "br"}}).status == 200);
  const auto bad = push("0123456789abcdef", {{"Content-Encoding", "gzip"}});
  CHECK(bad.status == 400);
  CHECK(bad.body == "gzip: invalid header\n");

  MetricFamily family{.name = "pb", .help = "P.", .type = MetricType::kGauge};
  family.samples.push_back({.labels = {{"x", "1"}}, .value = 2.5});
  std::string body;
  AppendFamily(family, {.format = ExpositionFormat::kProtobuf}, &body);
  const std::string type =
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
      "encoding=delimited";
  CHECK(push(body, {{"Content-Type", type}}).status == 200);
  CHECK(push(body, {{"Content-Type", "application/vnd.google.protobuf"}}).status == 400);
  CHECK(push("\x05"
             "abc",
             {{"Content-Type", type}})
            .status == 400);
  CHECK(Series(gateway) ==
        "g{instance=\"\",job=\"a\"} 1\npb{instance=\"\",job=\"a\",x=\"1\"} 2.5\n"
        "s{instance=\"\",job=\"a\"} 1\nu{instance=\"\",job=\"a\"} 1\n");
}

TEST_CASE("HELP: the first group's, the program's own always") {
  Gateway gateway({});
  Call(gateway, "PUT", "/metrics/job/a",
       "# HELP m one\nm 1\n# TYPE process_open_fds gauge\nprocess_open_fds 5\n");
  CHECK(Call(gateway, "PUT", "/metrics/job/b", "# HELP m two\nm 1\n").status == 200);
  const auto scrape = Call(gateway, "GET", "/metrics");
  CHECK(scrape.status == 200);
  CHECK(Contains(scrape.body, "# HELP m one\n"));
  CHECK(Contains(scrape.body, "# HELP process_open_fds Number of open file descriptors.\n"));
  CHECK(Contains(scrape.body, "process_open_fds{instance=\"\",job=\"a\"} 5\n"));
}

TEST_CASE("without the check everything is taken and the scrape may fail") {
  Gateway gateway({.check = false});
  CHECK(Call(gateway, "PUT", "/metrics/job/a", "m 1\n").status == 202);
  CHECK(Call(gateway, "PUT", "/metrics/job/b", "t 1 5\n").status == 202);
  CHECK(Call(gateway, "GET", "/metrics").status == 200);
  CHECK(Call(gateway, "PUT", "/metrics/job/b", "# TYPE m counter\nm 1\n").status == 202);
  const auto scrape = Call(gateway, "GET", "/metrics");
  CHECK(scrape.status == 500);
  CHECK(scrape.body.starts_with("An error has occurred while serving metrics:\n\n"));
  Call(gateway, "DELETE", "/metrics/job/b");
  CHECK(Call(gateway, "GET", "/metrics").status == 200);
}

TEST_CASE("routes, methods, redirects") {
  bool quit = false;
  Gateway gateway({.enable_lifecycle = true, .quit = [&] { quit = true; }});
  struct Case {
    std::string method, path;
    int status;
    std::string body, header, value;
  };
  const Case cases[] = {
      {"GET", "/-/healthy", 200, "OK", "Content-Type", "text/plain; charset=utf-8"},
      {"GET", "/-/ready", 200, "OK", "", ""},
      {"POST", "/-/healthy", 405, "Method Not Allowed\n", "Allow", "GET, OPTIONS"},
      {"GET", "/-/quit", 405, "Only POST or PUT requests allowed.", "", ""},
      {"GET", "/metrics/job/a", 405, "Method Not Allowed\n", "Allow", "DELETE, OPTIONS, POST, PUT"},
      {"GET", "/metrics/", 301, "<a href=\"/metrics\">Moved Permanently</a>.\n\n", "Location",
       "/metrics"},
      {"POST", "/metrics", 405, "Method Not Allowed\n", "Allow", "GET, OPTIONS"},
      {"POST", "/metrics/job/", 307, "", "Location", "/metrics/job"},
      {"POST", "/metrics//job/a", 301, "", "Location", "/metrics/job/a"},
      {"POST", "/metrics/job/a/./l/v%20w/../x", 301, "", "Location", "/metrics/job/a/l/x"},
      {"OPTIONS", "/api/v1/anything", 200, "", "Access-Control-Allow-Origin", "*"},
      {"OPTIONS", "/metrics", 200, "", "Allow", "GET, OPTIONS"},
      {"POST", "/api/v1/status", 405, "Method Not Allowed\n", "Allow", "GET, OPTIONS"},
      {"GET", "/api/v1/nope", 404, "404 page not found\n", "", ""},
      {"PUT", "/api/v1/admin/wipe", 404, "404 page not found\n", "", ""},
      {"GET", "/nope", 404, "404 page not found\n", "", ""},
  };
  for (const Case& c : cases) {
    CAPTURE(c.method, c.path);
    auto response = Call(gateway, c.method, c.path);
    CHECK(response.status == c.status);
    CHECK(response.body == c.body);
    if (!c.header.empty()) CHECK(response.headers().Get(c.header) == c.value);
  }
  CHECK_FALSE(quit);
  CHECK(Call(gateway, "PUT", "/-/quit").body == "Requesting termination... Goodbye!");
  CHECK(quit);
  Gateway closed({});
  CHECK(Call(closed, "PUT", "/-/quit").status == 403);
  CHECK(Contains(
      Call(gateway, "GET", "/metrics").body,
      "pushgateway_http_requests_total{code=\"200\",handler=\"healthy\",method=\"get\"} 1\n"));
}

TEST_CASE("prefix, telemetry path, wipe") {
  Gateway gateway({.telemetry_path = "/own", .route_prefix = "/pg", .enable_admin_api = true});
  CHECK(Call(gateway, "PUT", "/pg/metrics/job/<a>", "m 1\n").status == 200);
  CHECK(Call(gateway, "PUT", "/metrics/job/a", "m 1\n").status == 404);
  CHECK(Contains(Call(gateway, "GET", "/pg/own").body, "\nm{instance=\"\",job=\"<a>\"} 1\n"));
  CHECK(Call(gateway, "GET", "/").status == 404);
  CHECK(Call(gateway, "GET", "/pg").status == 301);
  const auto page = Call(gateway, "GET", "/pg/");
  CHECK(page.status == 200);
  CHECK(Contains(page.body, "job=\"&lt;a&gt;\""));
  CHECK(Call(gateway, "PUT", "/pg/api/v1/admin/wipe").status == 202);
  CHECK_FALSE(Contains(Call(gateway, "GET", "/pg/own").body, "job="));
}

TEST_CASE("the query API") {
  Gateway gateway({.flags = {{"log.level", "info"}}});
  Call(gateway, "PUT", "/metrics/job/a",
       "# HELP s S.\n# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_count 3\n"
       "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 2\nh_count 2\n"
       "# TYPE g gauge\ng 1.5e9\n");
  const auto response = Call(gateway, "GET", "/api/v1/metrics");
  CHECK(response.status == 200);
  const std::string labels = "\"labels\":{\"instance\":\"\",\"job\":\"a\"}";
  for (const std::string& part :
       {std::string("{\"status\":\"success\",\"data\":[{\"labels\":{\"job\":\"a\"},\"last_push_"
                    "successful\":true,\"g\":{\"time_stamp\":\""),
        "\"type\":\"GAUGE\",\"metrics\":[{" + labels + ",\"value\":\"1.5e+09\"}]}",
        "\"type\":\"SUMMARY\",\"help\":\"S.\",\"metrics\":[{" + labels +
            ",\"count\":\"3\",\"sum\":\"2\",\"quantiles\":{\"0.5\":\"1\"}}]",
        "\"metrics\":[{" + labels +
            ",\"count\":\"2\",\"sum\":\"2\",\"buckets\":{\"1\":\"1\",\"+Inf\":\"2\"}}]",
        std::string("\"push_failure_time_seconds\":{")}) {
    CAPTURE(part);
    CHECK(Contains(response.body, part));
  }
  const auto status = Call(gateway, "GET", "/api/v1/status").body;
  CHECK(Contains(status, "\"flags\":{\"log.level\":\"info\"}"));
  CHECK(Contains(status, "\"build_information\":{\"branch\":"));
  CHECK(Contains(status, "\"start_time\":\"2"));
}

TEST_CASE("native buckets in the query API") {
  auto native = std::make_shared<NativeHistogram>(NativeHistogram{.schema = 0,
                                                                  .zero_threshold = 0.25,
                                                                  .zero_count = 1,
                                                                  .positive_spans = {{0, 2}},
                                                                  .negative_spans = {{1, 1}},
                                                                  .positive_deltas = {1, -1},
                                                                  .negative_deltas = {4}});
  MetricFamily family{.name = "n", .type = MetricType::kHistogram};
  family.samples.push_back({.sample_count = 6, .native = native});
  auto group = std::make_shared<Group>(Group{.labels = {{"job", "a"}}});
  group->families["n"] = StoredFamily(1, family);
  CHECK(Contains(MetricsJson({group}),
                 "\"buckets\":[[1,\"-2\",\"-1\",\"4\"],[3,\"-0.25\",\"0.25\",\"1\"],[0,\"0.5\","
                 "\"1\",\"1\"]]"));
}

TEST_CASE("the incremental check judges as a check of everything does") {
  std::mt19937 rng(11);
  GroupStore store({});
  std::map<std::string, std::map<std::string, MetricFamily>> model;  // group → name → family
  int refused = 0;
  for (int step = 0; step < 600; ++step) {
    // Few names, types and labels, so that contradictions happen all the time.
    const std::string group_label = std::to_string(rng() % 3);
    Grouping grouping = {{"job", "j"}};
    if (rng() % 2) grouping["x"] = group_label;
    std::string body;
    const char* names[] = {"a", "b", "a_count"};
    const char* types[] = {"gauge", "counter", "histogram"};
    const std::string name = names[rng() % 3], type = types[rng() % 3];
    body = "# TYPE " + name + " " + type + "\n";
    for (unsigned i = 0; i < 1 + rng() % 3; ++i) {
      const std::string labels =
          "{y=\"" + std::to_string(rng() % 3) + "\",x=\"" + std::to_string(rng() % 3) + "\"";
      body += type == "histogram" ? name + "_bucket" + labels + ",le=\"+Inf\"} 1\n"
                                  : name + labels + "} 1\n";
    }
    const bool replace = rng() % 3 == 0;
    auto families = ParseTextFamilies(body);
    if (!families.ok()) continue;

    auto next = model;
    auto& content = next[GroupKey(grouping)];
    if (replace) content.clear();
    for (MetricFamily& f : Relabel(*families, grouping)) content[f.name] = f;
    std::vector<MetricFamily> all;
    for (const auto& [key, group] : next) {
      for (const auto& [n, f] : group) all.push_back(f);
    }
    const bool consistent = MergeFamilies(all).errors.empty();
    const Status status = store.Push(grouping, *families, replace);
    CAPTURE(step, body);
    REQUIRE(status.ok() == consistent);
    if (consistent) {
      model = std::move(next);
    } else {
      ++refused;
    }
    if (rng() % 20 == 0) {
      REQUIRE(store.Delete(grouping).ok());
      model.erase(GroupKey(grouping));
    }
  }
  CHECK(refused > 50);
}

TEST_CASE("groups survive a restart") {
  ScratchDir dir;
  const std::string path = dir.path + "/store";
  std::string before, api;
  {
    auto persistence = Persistence::Open(path, std::chrono::hours(1));
    REQUIRE(persistence.ok());
    Gateway gateway({.persistence = persistence->get()});
    REQUIRE(gateway.Load().ok());
    Call(gateway, "PUT", "/metrics/job/a", "# HELP m M.\n# TYPE m gauge\nm{x=\"1\"} 1\nold 1\n");
    Call(gateway, "POST", "/metrics/job/a/l@base64/L2E_", "# TYPE c counter\nc 5\n");
    Call(gateway, "PUT", "/metrics/job/a", "# HELP m M.\n# TYPE m gauge\nm{x=\"2\"} 1\n");
    Call(gateway, "PUT", "/metrics/job/gone", "g 1\n");
    Call(gateway, "DELETE", "/metrics/job/gone");
    Call(gateway, "POST", "/metrics/job/failed", "f 1 1\n");
    before = Series(gateway);
    api = Call(gateway, "GET", "/api/v1/metrics").body;
    // One process at a time.
    CHECK_FALSE(Persistence::Open(path, std::chrono::hours(1)).ok());
  }
  auto persistence = Persistence::Open(path, std::chrono::milliseconds(1));
  REQUIRE(persistence.ok());
  Gateway gateway({.persistence = persistence->get()});
  REQUIRE(gateway.Load().ok());
  CHECK(Series(gateway) == before);
  CHECK(Contains(before, "m{instance=\"\",job=\"a\",x=\"2\"} 1\n"));
  CHECK(Contains(before, "c{instance=\"\",job=\"a\",l=\"/a?\"} 5\n"));
  CHECK_FALSE(Contains(before, "old"));
  CHECK(Call(gateway, "GET", "/api/v1/metrics").body == api);
  // The index is back too.
  CHECK(Call(gateway, "PUT", "/metrics/job/new", "# TYPE m counter\nm 1\n").status == 400);
  CHECK(Call(gateway, "PUT", "/metrics/job/new", "# TYPE m gauge\nm 1\n").status == 200);
}

TEST_CASE("a file of an upstream pushgateway is not overwritten") {
  ScratchDir dir;
  const std::string path = dir.path + "/metrics.store";
  std::ofstream(path) << "gob";
  auto persistence = Persistence::Open(path, std::chrono::hours(1));
  REQUIRE_FALSE(persistence.ok());
  CHECK(Contains(MessageOf(persistence.status()), path));
  CHECK(*ReadFile(path) == "gob");
}

TEST_CASE("pushes, deletions and scrapes from many threads") {
  Gateway gateway({});
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::string path = "/metrics/job/j/t/" + std::to_string(t);
      for (int i = 0; i < 60; ++i) {
        failures +=
            Call(gateway, "POST", path, "m{i=\"" + std::to_string(i) + "\"} 1\n").status != 200;
        if (i % 7 == 0) failures += Call(gateway, "DELETE", path).status != 202;
        if (i % 5 == 0) failures += Call(gateway, "GET", "/metrics").status != 200;
      }
    });
  }
  for (auto& t : threads) t.join();
  CHECK(failures == 0);
  CHECK(Call(gateway, "GET", "/metrics").status == 200);
}

}  // namespace
}  // namespace narthex::pushgateway
