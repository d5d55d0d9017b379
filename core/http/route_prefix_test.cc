#include "core/http/route_prefix.h"

#include "core/http/recorded_response.h"
#include "tests/catch.h"

namespace narthex::http {
namespace {

TEST_CASE("route prefixes: the flag, else the path of the external URL") {
  struct Row {
    std::string flag, url, prefix;
  };
  const Row rows[] = {
      {"", "", ""},           {"", "http://h:1/", ""},  {"", "https://h/p/q/", "/p/q"},
      {"", "/prom", "/prom"}, {"", "/prom/", "/prom"},  {"", "prom/x", "/prom/x"},
      {"", "/", ""},          {"/", "https://h/p", ""}, {"x/", "https://h/p", "/x"},
      {"/x/y/", "", "/x/y"},
  };
  for (const Row& row : rows) {
    INFO(row.flag << " " << row.url);
    const StatusOr<std::string> prefix = RoutePrefix(row.flag, row.url);
    REQUIRE(prefix.ok());
    CHECK(*prefix == row.prefix);
  }
  for (const char* bad : {"not a url", "example.org:9090/x", "'/x'", "http://h:port/", "//h/x"}) {
    INFO(bad);
    CHECK_FALSE(RoutePrefix("", bad).ok());
  }
}

TEST_CASE("what leads to the prefix") {
  Router with_root, without_root, none;
  RedirectToPrefix(with_root, "/p/q", true);
  RedirectToPrefix(without_root, "/p/q", false);
  RedirectToPrefix(none, "", true);
  struct Row {
    const Router* router;
    std::string method, path, query;
    int status;
    std::string location;
  };
  const Row rows[] = {
      {&with_root, "GET", "/", "", 302, "/p/q"},
      {&with_root, "GET", "/p/q", "", 301, "/p/q/"},
      {&with_root, "POST", "/p/q", "a=b&c", 301, "/p/q/?a=b&c"},
      {&with_root, "GET", "/p", "", 404, ""},
      {&without_root, "GET", "/", "", 404, ""},
      {&without_root, "HEAD", "/p/q", "", 301, "/p/q/"},
      {&none, "GET", "/", "", 404, ""},
  };
  for (const Row& row : rows) {
    INFO(row.method << " " << row.path << "?" << row.query);
    Request request;
    request.method = row.method;
    request.path = row.path;
    request.raw_query = row.query;
    RecordedResponse response;
    row.router->Serve(request, response);
    CHECK(response.status == row.status);
    CHECK(response.headers().Get("Location") == row.location);
  }
}

}  // namespace
}  // namespace narthex::http
