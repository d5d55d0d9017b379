#include "node_exporter/handler.h"

#include <atomic>
#include <thread>

#include "core/http/recorded_response.h"
#include "node_exporter/testing.h"

namespace narthex::node {
namespace {

http::RecordedResponse Get(const Handler& handler, const std::string& path,
                           const std::string& query = "", const std::string& method = "GET") {
  http::Request request;
  request.method = method;
  request.path = path;
  request.query = *http::ParseForm(query);
  http::RecordedResponse response;
  handler.Serve(request, response);
  return response;
}

TEST_CASE("requests: filters, pages, methods") {
  Configured configured({"--no-collector.uname", "--no-collector.netdev"});
  REQUIRE(configured.status.ok());
  Handler handler(configured.set, {});
  const std::string filter_error =
      "Couldn't create filtered metrics handler: couldn't create collector: ";
  struct Case {
    std::string path, query;
    int status;
    std::string body;  // a part of it
  };
  const Case cases[] = {
      {"/metrics", "", 200, "node_load1 0.21\n"},
      {"/metrics", "", 200, "process_open_fds "},
      {"/metrics", "", 200, "promhttp_metric_handler_requests_in_flight 1\n"},
      {"/metrics", "", 200, "node_exporter_build_info{branch="},
      {"/metrics", "collect[]=x", 400, filter_error + "missing collector: x"},
      {"/metrics", "collect[]=", 400, filter_error + "missing collector: "},
      {"/metrics", "collect[]=uname", 400, filter_error + "disabled collector: uname"},
      {"/metrics", "collect[]=arp", 400, filter_error + "disabled collector: arp"},
      {"/metrics", "collect[]=cpu&exclude[]=stat", 400,
       "Combined collect and exclude queries are not allowed."},
      {"/", "", 200, "<a href=\"/metrics\">Metrics</a>"},
      {"/nope", "", 404, "404 page not found"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.path, c.query);
    const auto response = Get(handler, c.path, c.query);
    CHECK(response.status == c.status);
    CHECK(Contains(response.body, c.body));
  }
  CHECK(Get(handler, "/metrics", "", "POST").status == 200);

  const auto only = Get(handler, "/metrics", "collect[]=loadavg&collect[]=stat").body;
  CHECK(Contains(only, "node_scrape_collector_success{collector=\"loadavg\"} 1\n"));
  CHECK(Contains(only, "node_scrape_collector_success{collector=\"stat\"} 1\n"));
  CHECK_FALSE(Contains(only, "collector=\"cpu\""));
  const auto without = Get(handler, "/metrics", "exclude[]=loadavg&exclude[]=unknown").body;
  CHECK_FALSE(Contains(without, "node_load1"));
  CHECK(Contains(without, "node_cpu_seconds_total"));
  // Excluding everything means no filter at all.
  std::string everything;
  for (const auto& c : configured.set.enabled()) everything += "exclude[]=" + c.name + "&";
  everything.pop_back();
  CHECK(Contains(Get(handler, "/metrics", everything).body, "node_load1"));
}

TEST_CASE("the exporter's own metrics can be left out, the path can be moved") {
  Configured configured({"--collector.disable-defaults", "--collector.loadavg"});
  Handler handler(configured.set, {.telemetry_path = "/", .exporter_metrics = false});
  const auto response = Get(handler, "/");
  CHECK(Contains(response.body, "node_load1"));
  CHECK(Contains(response.body, "node_exporter_build_info"));
  CHECK_FALSE(Contains(response.body, "process_"));
  CHECK_FALSE(Contains(response.body, "promhttp_"));
  CHECK(Get(handler, "/metrics").status == 404);
}

TEST_CASE("scrapes from many threads at once") {
  Configured configured({});
  Handler handler(configured.set, {.helper_threads = 3});
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) good += Get(handler, "/metrics").status == 200;
    });
  }
  for (auto& t : threads) t.join();
  CHECK(good == 20);
}

}  // namespace
}  // namespace narthex::node
