// check healthy and check ready, as the executable answers. The texts were compared with promtool
// 3.5.3.

#include "core/http/server.h"
#include "server/cmd/promtool/test_files.h"

namespace narthex::promtool {
namespace {

TEST_CASE("a running server is asked how it is") {
  http::Router router;
  router.Handle("GET", "/-/healthy", [](const http::Request&, http::ResponseWriter& response) {
    response.Send(200, "text/plain", "It is Healthy.\n");
  });
  router.Handle("GET", "/-/ready", [](const http::Request&, http::ResponseWriter& response) {
    response.Send(503, "text/plain", "not yet");
  });
  auto server = http::Server::Create({.listen_addresses = {"127.0.0.1:0"}}, router.AsHandler());
  REQUIRE(server.ok());
  REQUIRE((*server)->Start().ok());
  const std::string url = fmt::format("http://127.0.0.1:{}", (*server)->ports()[0]);
  RunResult result = RunToEnd({Binary("promtool"), "check", "healthy", "--url", url});
  CHECK(result.output == "  SUCCESS:  It is Healthy.\n\n");
  CHECK(result.exit_code == 0);
  result = RunToEnd({Binary("promtool"), "check", "ready", "--url", url + "/"});
  CHECK(result.output == "check failed: URL=" + url + "/, status=503\n");
  CHECK(result.exit_code == 1);
  (*server)->Stop();
  result = RunToEnd({Binary("promtool"), "check", "ready", "--url", url});
  CHECK(Has(result.output, "connection refused"));
  CHECK(result.exit_code == 1);
}

}  // namespace
}  // namespace narthex::promtool
