#include "core/http/server.h"

#include "tests/catch.h"

namespace narthex::http {
namespace {

TEST_CASE("a server answers") {
  Router router;
  router.Handle("GET", "/hello/:name", [](const Request& request, ResponseWriter& response) {
    response.Send(200, "text/plain", "hello " + std::string(request.PathParam("name")));
  });
  auto server = Server::Create({.listen_addresses = {"127.0.0.1:0"}}, router.AsHandler());
  REQUIRE(server.ok());
  REQUIRE((*server)->Start().ok());
  FILE* pipe = ::popen(
      fmt::format("curl -s http://127.0.0.1:{}/hello/x", (*server)->ports()[0]).c_str(), "r");
  char buffer[100] = "";
  REQUIRE(::fgets(buffer, sizeof buffer, pipe) != nullptr);
  ::pclose(pipe);
  CHECK(std::string(buffer) == "hello x");
}

}  // namespace
}  // namespace narthex::http
