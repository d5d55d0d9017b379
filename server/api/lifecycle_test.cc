// Readiness, reload, quit, routes, counting and cancellation, from outside.
#include "server/api/api_rig.h"

namespace narthex::api {
namespace {

TEST_CASE("until it is ready and once it stops the server says so") {
  Fixture f({}, /*ready=*/false);
  CHECK(f.Get("/-/healthy").body == "Prometheus Server is Healthy.\n");
  for (const char* path : {"/-/ready", "/api/v1/query?query=1", "/api/v1/status/config"}) {
    const auto response = f.Get(path);
    CHECK(response.status == 503);
    CHECK(response.body == "Service Unavailable");
    CHECK(response.headers.Get("X-Prometheus-Stopping") == "false");
  }
  CHECK(f.Get("/api/v1/status/walreplay").status == 200);
  CHECK(f.Get("/metrics").status == 200);
  CHECK(f.Get("/version").status == 200);
  CHECK(f.Get("/metrics").body.find("\nprometheus_ready 0\n") != std::string::npos);
  f.api->SetState(Api::State::kReady);
  CHECK(f.Get("/-/ready").body == "Prometheus Server is Ready.\n");
  CHECK(f.Get("/metrics").body.find("\nprometheus_ready 1\n") != std::string::npos);
  CHECK(f.Send("HEAD", "/-/ready").status == 200);
  f.api->SetState(Api::State::kStopping);
  CHECK(f.Get("/-/ready").headers.Get("X-Prometheus-Stopping") == "true");
  CHECK(f.Get("/-/healthy").status == 200);
}

TEST_CASE("reload and quit need the lifecycle API and a writing method") {
  Fixture off;
  for (const char* path : {"/-/reload", "/-/quit"}) {
    const auto refused = off.Send("POST", path);
    CHECK(refused.status == 403);
    CHECK(refused.body == "Lifecycle API is not enabled.");
    CHECK(off.Get(path).status == 405);
  }
  Fixture on({.enable_lifecycle = true});
  CHECK(on.Send("POST", "/-/reload").status == 200);
  on.reload_status = InvalidArgument("line 3: bad");
  const auto failed = on.Send("PUT", "/-/reload");
  CHECK(failed.status == 500);
  CHECK(failed.body == "failed to reload config: line 3: bad\n");
  CHECK(on.Get("/-/reload").status == 405);
  CHECK(on.Get("/-/reload").body == "Only POST or PUT requests allowed");
  CHECK(on.quits == 0);
  CHECK(on.Send("PUT", "/-/quit").body == "Requesting termination... Goodbye!");
  CHECK(Eventually([&] { return on.quits == 1; }));
}

TEST_CASE("unknown paths, other methods and CORS") {
  Fixture f({.cors_origin = "https?://(a|b)\\.example"});
  CHECK(f.Get("/api/v1/nope").status == 404);
  CHECK(f.Get("/api/v1/nope").body == "404 page not found\n");
  CHECK(f.Send("DELETE", "/api/v1/query").status == 405);
  CHECK(f.Send("DELETE", "/api/v1/query").headers.Get("Allow") == "GET, OPTIONS, POST");
  CHECK(f.Send("POST", "/api/v1/targets").status == 405);
  http::ClientRequest request;
  request.url = "/api/v1/labels";
  auto plain = f.Do(request);
  CHECK(plain.headers.Get("Vary").find("Origin") != std::string_view::npos);
  CHECK_FALSE(plain.headers.Has("Access-Control-Allow-Origin"));
  request.headers.Add("Origin", "http://a.example");
  auto known = f.Do(request);
  CHECK(known.headers.Get("Access-Control-Allow-Origin") == "http://a.example");
  CHECK(known.headers.Get("Access-Control-Expose-Headers") == "Date");
  request.headers.Set("Origin", "http://evil.example");
  CHECK_FALSE(f.Do(request).headers.Has("Access-Control-Allow-Origin"));
  request.method = "OPTIONS";
  for (const char* path : {"/api/v1/query", "/api/v1/nope", "/api/v1/label/x", "/api/v1/write"}) {
    INFO(path);
    auto preflight = request;
    preflight.url = path;
    const auto answer = f.Do(preflight);
    CHECK(answer.status == 204);
    CHECK(answer.headers.Has("Access-Control-Allow-Methods"));
    preflight.method = "GET";
    if (std::string_view(path).find("query") == std::string_view::npos) {
      CHECK(f.Do(preflight).status / 100 == 4);
    }
  }
  CHECK(f.Send("OPTIONS", "/nope").status == 404);
  CHECK(f.Send("OPTIONS", "/-/healthy").headers.Get("Allow") == "GET, HEAD, OPTIONS");
  CHECK(f.Do(request).status == 204);
  Fixture any;
  CHECK(any.Do(request).headers.Get("Access-Control-Allow-Origin") == "*");
  CHECK_FALSE(Api::Create({.cors_origin = "(("}, {}, &any.registry).ok());
}

TEST_CASE("requests are counted by route, below a prefix too") {
  Fixture f({.external_url = "http://x/p", .route_prefix = "/p"});
  const std::string count = "prometheus_http_requests_total";
  CHECK(f.Metric(count, "/api/v1/query", "200") == 0);
  CHECK(f.Get("/p/api/v1/query?query=1").status == 200);
  CHECK(f.Get("/p/api/v1/query?query=(").status == 400);
  CHECK(f.Get("/p/api/v1/label/job/values").status == 200);
  CHECK(f.Get("/api/v1/query?query=1").status == 404);
  // A request is counted once it has been answered.
  const auto reaches = [&](const std::string& name, const std::string& route,
                           const std::string& code, double want) {
    return Eventually([&] { return f.Metric(name, route, code) == want; });
  };
  CHECK(reaches(count, "/api/v1/query", "200", 1));
  CHECK(reaches(count, "/api/v1/query", "400", 1));
  CHECK(reaches(count, "/api/v1/label/:name/values", "200", 1));
  CHECK(reaches("prometheus_http_request_duration_seconds", "/api/v1/query", "", 2));
  CHECK(reaches("prometheus_http_response_size_bytes", "/api/v1/query", "", 2));
}

TEST_CASE("a query ends when its client goes or the server stops") {
  Fixture f;
  std::atomic<bool> answered{false};
  // The engine polls while it evaluates: a query heavy enough to be still at work.
  std::thread slow([&] {
    const auto response = f.Get(
        "/api/v1/query?query=count_over_time((vector(time())%5E2)%5B100000000s:1s%5D)&time="
        "1700000000&timeout=60");
    answered = true;
    CHECK(response.status != 200);
  });
  while (!answered && f.server->stats().requests == 0) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  f.api->SetState(Api::State::kStopping);
  slow.join();
  CHECK(answered);
}

TEST_CASE("notifications tell what an operator should know, also before the server is ready") {
  Fixture f({}, false);
  const std::string date = R"(","date":"2023-11-14T22:13:20Z","active":true})";
  CHECK(f.Data("notifications") ==
        R"([{"text":"Prometheus is starting and replaying the write-ahead log (WAL).)" + date +
            "]");
  f.api->SetState(Api::State::kReady);
  CHECK(f.Data("notifications") == "[]");
  f.api->NoteReload(false);
  CHECK(f.Data("notifications") == R"([{"text":"Configuration reload has failed.)" + date + "]");
  f.api->SetState(Api::State::kStopping);
  CHECK(f.Data("notifications") ==
        R"([{"text":"Configuration reload has failed.)" + date +
            R"(,{"text":"Prometheus is shutting down and gracefully stopping all operations.)" +
            date + "]");
  f.api->NoteReload(true);
  CHECK(f.Data("notifications").find("reload") == std::string::npos);
}

}  // namespace
}  // namespace narthex::api
