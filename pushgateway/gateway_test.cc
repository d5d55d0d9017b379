#include "pushgateway/gateway.h"

#include <atomic>
#include <thread>

#include "pushgateway/testing.h"

namespace narthex::pushgateway {
namespace {

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
