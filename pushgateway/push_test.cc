// Pushes, from the body to the scrape answer: what is taken, what is refused, what is told of it.
#include <cstdlib>

#include "core/compress/gzip.h"
#include "core/compress/snappy.h"
#include "core/exposition/writer.h"
#include "pushgateway/testing.h"

namespace narthex::pushgateway {
namespace {

const std::string kRefused = "pushed metrics are invalid or inconsistent with existing metrics: ";

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

}  // namespace
}  // namespace narthex::pushgateway
