#include "server/web/web.h"

#include <atomic>

#include "core/http/client.h"
#include "tests/catch.h"
#include "web/assets.h"

namespace narthex::web {
namespace {

using http::ClientRequest;
using http::ClientResponse;

struct Site {
  explicit Site(WebOptions options) {
    RegisterWebRoutes(router, std::move(options));
    auto made = http::Server::Create({.listen_addresses = {"127.0.0.1:0"}}, router.AsHandler());
    REQUIRE(made.ok());
    server = *std::move(made);
    REQUIRE(server->Start().ok());
    auto client_made = http::Client::Create(runtime, {.config = {.follow_redirects = false}});
    REQUIRE(client_made.ok());
    client = *std::move(client_made);
  }
  ClientResponse Get(const std::string& path, const std::string& header = "",
                     const std::string& value = "") {
    ClientRequest request{.url = "http://127.0.0.1:" + std::to_string(server->ports()[0]) + path,
                          .decode_gzip = true};
    if (!header.empty()) request.headers.Add(header, value);
    auto response = client->DoBlocking(request);
    REQUIRE(response.ok());
    return *std::move(response);
  }

  http::Router router;
  std::unique_ptr<http::Server> server;
  http::ClientRuntime runtime;
  std::shared_ptr<http::Client> client;
};

TEST_CASE("old addresses lead to the query page with their parameters") {
  Site site({.external_prefix = "/prom"});
  for (const char* path : {"/", "/graph"}) {
    const auto bare = site.Get(path);
    CHECK(bare.status == 302);
    CHECK(bare.headers.Get("Location") == "/prom/query");
  }
  CHECK(site.Get("/graph?g0.expr=up%20%3D%3D%200&g0.tab=1").headers.Get("Location") ==
        "/prom/query?g0.expr=up%20%3D%3D%200&g0.tab=1");
}

TEST_CASE("the page has its placeholders filled, safely") {
  std::atomic<bool> ready{false};
  Site site({.route_prefix = "/p", .page_title = "A <b>\"title\"", .ready = [&] {
               return ready.load();
             }});
  const auto starting = site.Get("/p/query?g0.expr=up");
  CHECK(starting.status == 200);
  CHECK(starting.headers.Get("Content-Type") == "text/html; charset=utf-8");
  CHECK_THAT(starting.body, Catch::Contains("<title>A &lt;b&gt;&#34;title&#34;</title>"));
  CHECK_THAT(starting.body, !Catch::Contains("_PLACEHOLDER"));
  CHECK(site.Get("/query").status == 404);
  ready = true;
  const auto up = site.Get("/p/query");
  CHECK_THAT(up.body, !Catch::Contains("_PLACEHOLDER"));
}

TEST_CASE("every file the page refers to is there, compressed, and may be kept") {
  Site site({});
  const std::string page = site.Get("/query").body;
  size_t references = 0;
  for (size_t at = page.find("\"./"); at != std::string::npos; at = page.find("\"./", at + 1)) {
    const std::string path = page.substr(at + 2, page.find('"', at + 1) - at - 2);
    if (path.starts_with("/api") || path.starts_with("/metrics")) continue;  // the plain page
    INFO(path);
    const auto asset = site.Get(path);
    CHECK(asset.status == 200);
    CHECK_FALSE(asset.body.empty());
    CHECK(asset.headers.Get("Vary") == "Accept-Encoding");
    const std::string etag(asset.headers.Get("ETag"));
    const auto unchanged = site.Get(path, "If-None-Match", etag);
    CHECK(unchanged.status == 304);
    CHECK(unchanged.body.empty());
    const auto plain = site.Get(path, "Accept-Encoding", "identity");
    CHECK_FALSE(plain.headers.Has("Content-Encoding"));
    CHECK(plain.body == asset.body);
    ++references;
  }
  CHECK(references >= 1);
  CHECK(site.Get("/favicon.ico").headers.Get("Content-Type") == "image/svg+xml");
  CHECK(site.Get("/assets/none.js").status == 404);
  CHECK(site.Get("/assets/../index.html").status == 301);
  CHECK(FindAsset("nothing") == nullptr);
}

}  // namespace
}  // namespace narthex::web
