#include "core/http/client.h"

#include "core/http/server.h"
#include "tests/catch.h"

namespace narthex::http {
namespace {

TEST_CASE("a client asks") {
  Router router;
  router.Handle("GET", "/hello", [](const Request& request, ResponseWriter& response) {
    response.Send(200, "text/plain", "hello " + std::string(request.query.Get("name")));
  });
  auto server = Server::Create({.listen_addresses = {"127.0.0.1:0"}}, router.AsHandler());
  REQUIRE(server.ok());
  REQUIRE((*server)->Start().ok());
  ClientRuntime runtime;
  auto client = Client::Create(runtime, {});
  REQUIRE(client.ok());
  for (int i = 0; i < 3; ++i) {
    const auto response = (*client)->DoBlocking(
        {.url = fmt::format("http://127.0.0.1:{}/hello?name=you", (*server)->ports()[0])});
    REQUIRE(response.ok());
    CHECK(response->body == "hello you");
  }
  CHECK((*server)->stats().accepted_connections == 1);
  const auto refused = (*client)->DoBlocking({.url = "http://127.0.0.1:1/metrics"});
  CHECK(MessageOf(refused.status()) ==
        "Get \"http://127.0.0.1:1/metrics\": dial tcp 127.0.0.1:1: connect: connection refused");
}

}  // namespace
}  // namespace narthex::http
