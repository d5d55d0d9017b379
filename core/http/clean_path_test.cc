#include "core/http/clean_path.h"

#include "core/http/recorded_response.h"
#include "tests/catch.h"

namespace narthex::http {
namespace {

TEST_CASE("clean paths") {
  struct Row {
    std::string path, clean;
  };
  const Row rows[] = {
      {"/", "/"},          {"", "/"},
      {"//", "/"},         {"/a", "/a"},
      {"/a/", "/a/"},      {"//a", "/a"},
      {"/a//b", "/a/b"},   {"/a/./b", "/a/b"},
      {"/a/../b", "/b"},   {"/../a", "/a"},
      {"/a/..", "/"},      {"/a/b/..", "/a"},
      {"/a/b/../", "/a/"}, {"/.a/..b", "/.a/..b"},
      {"/a/.", "/a"},      {"/-/ready", "/-/ready"},
  };
  for (const Row& row : rows) {
    INFO(row.path);
    CHECK(CleanPath(row.path) == row.clean);
    CHECK(IsCleanPath(row.path) == (row.path == row.clean));
  }
  CHECK(CleanLocation("//a b/c", "q=1&r") == "/a%20b/c?q=1&r");
}

TEST_CASE("a router redirects from paths that are not clean, whatever the method") {
  Router router;
  router.Handle("GET", "/a/*rest", [](const Request&, ResponseWriter& response) {
    response.Send(200, "text/plain", "found");
  });
  for (const char* method : {"GET", "POST"}) {
    Request request;
    request.method = method;
    request.path = "/a//b";
    request.raw_query = "q";
    RecordedResponse response;
    router.Serve(request, response);
    CHECK(response.status == 301);
    CHECK(response.headers().Get("Location") == "/a/b?q");
  }
}

}  // namespace
}  // namespace narthex::http
