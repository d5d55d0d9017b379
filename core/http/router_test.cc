// Routes, and the forms requests bring.
#include <mutex>

#include "core/http/server_test_util.h"

namespace narthex::http {
namespace {

TEST_CASE("routes") {
  Router router;
  const auto reply = [](std::string text) {
    return [text](const Request& request, ResponseWriter& response) {
      std::string out = text;
      for (const auto& [name, value] : request.path_params) out += " " + name + "=" + value;
      response.Send(200, "text/plain", out);
    };
  };
  router.Handle("GET", "/", reply("root"));
  router.Handle("GET", "/api/query", reply("query"));
  router.Handle("POST", "/api/query", reply("post"));
  router.Handle("GET", "/label/:name/values", reply("values"));
  router.Handle("GET", "/label/special/values", reply("special"));
  router.Handle("GET", "/static/*filepath", reply("static"));
  router.HandleAny("/any", reply("any"));
  std::vector<std::string> seen;
  std::mutex mutex;
  router.Use([&](std::string_view pattern, const Request& request, ResponseWriter& response,
                 const Handler& next) {
    {
      std::lock_guard lock(mutex);
      seen.emplace_back(pattern);
    }
    next(request, response);
  });
  auto server = StartServer(router.AsHandler());
  const std::string url = fmt::format("http://127.0.0.1:{}", server->ports()[0]);
  CHECK(Curl(url + "/") == "root");
  CHECK(Curl(url + "/api/query") == "query");
  CHECK(Curl("-d a=b " + url + "/api/query") == "post");
  CHECK(Curl(url + "/label/job/values") == "values name=job");
  CHECK(Curl(url + "/label/special/values") == "special");
  CHECK(Curl(url + "/static/a/b.js") == "static filepath=a/b.js");
  CHECK(Curl("-X BREW " + url + "/any") == "any");
  {
    std::lock_guard lock(mutex);
    CHECK(seen == std::vector<std::string>{"/", "/api/query", "/api/query", "/label/:name/values",
                                           "/label/special/values", "/static/*filepath", "/any"});
  }
  CHECK_THAT(Curl("-i " + url + "/nothing"), Catch::Contains("404 Not Found\r\n"));
  CHECK(Curl(url + "/nothing") == "404 page not found\n");
  CHECK(Curl(url + "/label//values").starts_with("<a href=\"/label/values\">"));
  CHECK(Curl(url + "/api/query/") == "404 page not found\n");
  const std::string wrong = Curl("-i -X DELETE " + url + "/api/query");
  CHECK_THAT(wrong, Catch::Contains("405 Method Not Allowed\r\n"));
  CHECK_THAT(wrong, Catch::Contains("Allow: GET, POST\r\n"));
  CHECK_THAT(wrong, Catch::Contains("X-Content-Type-Options: nosniff\r\n"));
  CHECK_THAT(wrong, Catch::EndsWith("Method Not Allowed\n"));
}

TEST_CASE("paths that are nearly a route") {
  Router router;
  const Handler ok = [](const Request& request, ResponseWriter& response) {
    response.Send(200, "text/plain", request.path);
  };
  router.Handle("GET", "/", ok);
  router.Handle("GET", "/metrics", ok);
  router.Handle("POST", "/api/query", ok);
  router.Handle("GET", "/api/query", ok);
  router.Handle("GET", "/label/:name/values", ok);
  router.Handle("GET", "/static/*filepath", ok);
  router.Handle("GET", "/docs/", ok);
  router.Handle("OPTIONS", "/docs/", ok);
  router.Handle("GET", "/label/special/values", ok);
  router.Handle("POST", "/label/:name/values", ok);
  router.ForgiveSpelling();
  auto server = StartServer(router.AsHandler());
  struct Case {
    const char* method;
    const char* target;
    const char* status;
    const char* header;  // one that is there, "" for any
  };
  const auto test = GENERATE(values<Case>({
      {"GET", "/metrics/", "301", "Location: /metrics\r\n"},
      {"GET", "/METRICS?a=b%20c", "301", "Location: /metrics?a=b%20c\r\n"},
      {"GET", "/Metrics/", "301", "Location: /metrics\r\n"},
      {"POST", "/api/Query/", "307", "Location: /api/query\r\n"},
      {"GET", "/LABEL/Job%20A/values/", "301", "Location: /label/Job%20A/values\r\n"},
      {"GET", "/static", "301", "Location: /static/\r\n"},
      {"GET", "/Static/A/b.JS", "301", "Location: /static/A/b.JS\r\n"},
      {"GET", "/docs", "301", "Location: /docs/\r\n"},
      {"GET", "/metrics", "200", ""},
      {"GET", "/metric", "404", ""},
      {"GET", "/label/values/", "404", ""},
      {"HEAD", "/metrics/", "404", ""},  // there is no route for HEAD
      {"HEAD", "/metrics", "405", "Allow: GET, OPTIONS\r\n"},
      {"PUT", "/api/query", "405", "Allow: GET, OPTIONS, POST\r\n"},
      {"OPTIONS", "/api/query", "200", "Allow: GET, OPTIONS, POST\r\n"},
      {"PUT", "/docs/", "405", "Allow: GET, OPTIONS\r\n"},
      {"OPTIONS", "/docs", "307", "Location: /docs/\r\n"},
      {"OPTIONS", "/metrics/", "404", ""},
      {"POST", "/label/special/values", "405", ""},  // and not sent to itself for ever
  }));
  CAPTURE(test.method, test.target);
  const std::string answer =
      Ask(server->ports()[0],
          fmt::format("{} {} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                      test.method, test.target));
  CHECK_THAT(answer, Catch::StartsWith(fmt::format("HTTP/1.1 {} ", test.status)));
  CHECK_THAT(answer, Catch::Contains(test.header));
}

TEST_CASE("forms put the body in front of the query") {
  auto server = StartServer([](const Request& request, ResponseWriter& response) {
    const auto form = request.Form();
    if (!form.ok()) return response.Error(400, MessageOf(form.status()));
    response.Send(200, "text/plain", form->Encode());
  });
  const std::string url = fmt::format("http://127.0.0.1:{}/?a=url", server->ports()[0]);
  CHECK(Curl("-d 'a=body&b=1' '" + url + "'") == "a=body&b=1&a=url");
  CHECK(Curl("-H 'Content-Type: text/plain' -d a=body '" + url + "'") == "a=url");
  CHECK(Curl("'" + url + "&x=%zz'") == "invalid URL escape \"%zz\"\n");
  CHECK_THAT(Curl("-i '" + url + "'"), Catch::Contains("200 OK"));
}

}  // namespace
}  // namespace narthex::http
