#include "core/http/client.h"

#include "core/compress/gzip.h"
#include "core/http/cancellation.h"
#include "core/http/client_test_util.h"
#include "core/metrics/registry.h"

namespace narthex::http {
namespace {

TEST_CASE("connections are kept alive and requests are complete") {
  auto server = StartServer([](const Request& request, ResponseWriter& response) {
    std::string out = fmt::format("{} {} {}\n", request.method, request.target, request.body);
    for (const auto& [name, value] : request.headers) out += fmt::format("{}: {}\n", name, value);
    response.headers().Set("X-Reply", "yes");
    response.Send(201, "text/plain", out);
  });
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  for (int i = 0; i < 3; ++i) {
    const auto response = client->DoBlocking({.method = "POST",
                                              .url = UrlOf(*server, "/a%20b?c=d#e"),
                                              .headers =
                                                  [] {
                                                    Headers headers;
                                                    headers.Add("X-Own", "v\r\nX-Evil: 1");
                                                    return headers;
                                                  }(),
                                              .body = "payload"});
    REQUIRE(response.ok());
    CHECK(response->status == 201);
    CHECK(response->status_line() == "201 Created");
    CHECK(response->headers.Get("x-reply") == "yes");
    CHECK(response->url == UrlOf(*server, "/a%20b?c=d#e"));
    CHECK(response->body ==
          fmt::format("POST /a%20b?c=d payload\nHost: 127.0.0.1:{}\nUser-Agent: narthex/1\n"
                      "Content-Length: 7\nX-Own: v  X-Evil: 1\n",
                      server->ports()[0]));
  }
  CHECK(server->stats().accepted_connections == 1);
  const auto head = client->DoBlocking({.method = "HEAD", .url = UrlOf(*server)});
  REQUIRE(head.ok());
  CHECK(head->body.empty());
}

TEST_CASE("the connections of a named client are counted") {
  Registry registry;
  const auto count = [&](const std::string& what, const std::string& labels) {
    double sum = -1;
    for (const MetricFamily& family : registry.Gather().families) {
      if (family.name != "net_conntrack_dialer_conn_" + what + "_total") continue;
      for (const MetricSample& sample : family.samples) {
        std::string text;
        for (const MetricLabel& label : sample.labels) text += label.value + " ";
        if (text == labels + " ") sum = sample.value;
      }
    }
    return sum;
  };
  auto server = StartServer([](const Request&, ResponseWriter& response) { response.Send("x"); });
  RudeServer silent("", " ", milliseconds(1000));
  {
    ClientRuntime runtime(1, "counted", &registry);
    auto client = *Client::Create(runtime, {.name = "job"});
    auto nameless = MakeClient(runtime);
    CHECK(count("attempted", "default") == 0);
    CHECK(count("attempted", "job") == 0);
    CHECK(count("failed", "job resolution") == 0);
    for (int i = 0; i < 3; ++i) {
      REQUIRE(client->DoBlocking({.url = UrlOf(*server)}).ok());
      REQUIRE(nameless->DoBlocking({.url = UrlOf(*server)}).ok());
    }
    CHECK(count("attempted", "job") == 1);
    CHECK(count("established", "job") == 1);
    CHECK(count("closed", "job") == 0);
    CHECK_FALSE(client->DoBlocking({.url = "http://127.0.0.1:1/"}).ok());
    CHECK(count("failed", "job refused") == 1);
    CHECK(count("failed", "job unknown") == 1);  // as upstream counts it
    CHECK_FALSE(client->DoBlocking({.url = "http://nosuch.invalid/"}).ok());
    CHECK(count("failed", "job resolution") == 1);
    CHECK(count("attempted", "job") == 3);
    CHECK_FALSE(client->DoBlocking({.url = silent.url(), .timeout = milliseconds(50)}).ok());
    CHECK(Eventually([&] { return count("closed", "job") == 1; }));
    server->Stop();
    CHECK(Eventually([&] { return count("closed", "job") == 2; }));
  }
  CHECK(count("established", "job") == 2);
}

TEST_CASE("without keep-alive every request has its connection") {
  auto server = StartServer([](const Request&, ResponseWriter& response) { response.Send("x"); });
  ClientRuntime runtime;
  auto client = Client::Create(runtime, {.keep_alive = false});
  for (int i = 0; i < 3; ++i) CHECK((*client)->DoBlocking({.url = UrlOf(*server)}).ok());
  CHECK(server->stats().accepted_connections == 3);
  auto brief = Client::Create(runtime, {.idle_timeout = milliseconds(50)});
  CHECK((*brief)->DoBlocking({.url = UrlOf(*server)}).ok());
  CHECK(Eventually([&] { return server->stats().open_connections == 0; }));
}

TEST_CASE("network errors are worded as Go words them") {
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  CHECK(ErrorOf(*client, {.url = "http://u:secret@127.0.0.1:1/metrics"}) ==
        "Get \"http://u:xxxxx@127.0.0.1:1/metrics\": dial tcp 127.0.0.1:1: connect: connection "
        "refused");
  CHECK(ErrorOf(*client, {.url = "http://nosuch.invalid/"}) ==
        "Get \"http://nosuch.invalid/\": dial tcp: lookup nosuch.invalid: no such host");
  CHECK(ErrorOf(*client, {.url = "ftp://x/"}) ==
        "Get \"ftp://x/\": unsupported protocol scheme \"ftp\"");
  CHECK(ErrorOf(*client, {.url = "//x:1/y"}) ==
        "Get \"//x:1/y\": unsupported protocol scheme \"\"");
  CHECK_THAT(ErrorOf(*client, {.url = "nonsense"}), Catch::Contains("missing protocol scheme"));
  CHECK_THAT(ErrorOf(*client, {.url = "http:///x"}), Catch::Contains("no Host"));
  CHECK(ErrorOf(*client, {.url = "http://x/", .unix_socket = "/nowhere.sock"}) ==
        "Get \"http://x/\": dial unix /nowhere.sock: connect: no such file or directory");
  RudeServer here("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  CHECK(client->DoBlocking({.url = fmt::format("http://:{}/", here.port())})->body == "ok");
  RudeServer closes("");
  CHECK(ErrorOf(*client, {.method = "POST", .url = closes.url()}) ==
        fmt::format("Post \"{}\": EOF", closes.url()));
  RudeServer garbage("220 smtp ready\r\n\r\n");
  CHECK_THAT(ErrorOf(*client, {.url = garbage.url()}),
             Catch::Contains("malformed HTTP status code"));
  RudeServer cut("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  CHECK(ErrorOf(*client, {.url = cut.url()}) == "unexpected EOF");
  RudeServer cut_chunk("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
  CHECK(ErrorOf(*client, {.url = cut_chunk.url()}) == "unexpected EOF");
}

TEST_CASE("answers without a length end with the connection; interim answers are skipped") {
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  RudeServer plain("HTTP/1.0 200 OK\r\n\r\nall of it");
  CHECK(client->DoBlocking({.url = plain.url()})->body == "all of it");
  RudeServer interim(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
      "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok");
  const auto response = client->DoBlocking({.url = interim.url()});
  REQUIRE(response.ok());
  CHECK(response->status == 202);
  CHECK(response->body == "ok");
}

TEST_CASE("hostile answers end at the limits") {
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  const std::string chunk = "400\r\n" + std::string(1024, 'x') + "\r\n";
  RudeServer endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk);
  const auto too_big = client->DoBlocking({.url = endless.url(), .max_body_bytes = 100'000});
  CHECK(too_big.status().code() == StatusCode::kOutOfRange);
  RudeServer claims("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "x", milliseconds(1));
  CHECK(client->DoBlocking({.url = claims.url()}).status().code() == StatusCode::kOutOfRange);
  RudeServer header("HTTP/1.1 200 OK\r\n", "A: " + std::string(1000, 'h') + "\r\n");
  CHECK_THAT(ErrorOf(*client, {.url = header.url()}), Catch::Contains("headers exceeded"));
  RudeServer line("HTTP/1.1 200 OK\r\nX: ", std::string(1000, 'h'));
  CHECK_THAT(ErrorOf(*client, {.url = line.url()}), Catch::Contains("headers exceeded"));

  RudeServer silent("", " ", milliseconds(1000));
  CHECK(ErrorOf(*client, {.url = silent.url(), .timeout = milliseconds(100)}) ==
        fmt::format("Get \"{}\": context deadline exceeded", silent.url()));
  RudeServer drip("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x", milliseconds(5));
  const auto slow = client->DoBlocking({.url = drip.url(), .timeout = milliseconds(200)});
  CHECK(slow.status().code() == StatusCode::kDeadlineExceeded);
  CHECK(MessageOf(slow.status()) == "context deadline exceeded");
}

TEST_CASE("gzip answers are inflated under the same limit") {
  const std::string bomb = GzipCompress(std::string(50'000'000, 'a'));
  auto server = StartServer([&](const Request& request, ResponseWriter& response) {
    if (request.path == "/asked") {
      return response.Send(std::string(request.headers.Get("Accept-Encoding")));
    }
    response.headers().Set("Content-Encoding", "gzip");
    if (request.path == "/bomb") return response.Send(bomb);
    if (request.path == "/bad") return response.Send("this is not gzip");
    response.Send(GzipCompress("plain text"));
  });
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  const auto get = [&](const std::string& path, bool decode) {
    return client->DoBlocking(
        {.url = UrlOf(*server, path), .max_body_bytes = 1'000'000, .decode_gzip = decode});
  };
  CHECK(get("/asked", true)->body == "gzip");
  CHECK(get("/asked", false)->body == "");
  CHECK(get("/ok", true)->body == "plain text");
  CHECK_FALSE(get("/ok", true)->headers.Has("Content-Encoding"));
  CHECK(get("/ok", false)->body == GzipCompress("plain text"));
  CHECK(get("/bomb", true).status().code() == StatusCode::kOutOfRange);
  CHECK_FALSE(get("/bad", true).ok());
}

TEST_CASE("a request is cancelled before it is sent or while it waits, and not after its end") {
  std::atomic<int> asked = 0, gone = 0;
  auto server = StartServer([&](const Request& request, ResponseWriter& response) {
    if (request.path == "/ok") return response.Send(200, "text/plain", "ok");
    ++asked;
    gone += Eventually([&] { return request.cancelled(); });
  });
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  const auto cancellation = std::make_shared<Cancellation>();
  for (int i = 0; i < 2; ++i) {  // the second time it is cancelled already
    std::promise<Status> end;
    client->Do({.url = UrlOf(*server), .cancellation = cancellation},
               [&](const StatusOr<ClientResponse>& answer) { end.set_value(answer.status()); });
    CHECK(Eventually([&] { return asked == 1; }));
    cancellation->Cancel();
    CHECK(end.get_future().get().code() == StatusCode::kCancelled);
    CHECK(Eventually([&] { return gone == 1; }));
  }
  CHECK(asked == 1);

  const auto before = server->stats().accepted_connections;
  for (int i = 0; i < 3; ++i) {
    const auto late = std::make_shared<Cancellation>();
    REQUIRE(client->DoBlocking({.url = UrlOf(*server, "/ok"), .cancellation = late}).ok());
    late->Cancel();
  }
  CHECK(server->stats().accepted_connections == before + 1);
}

TEST_CASE("a redirect takes the fields of the request along") {
  auto server = StartServer([](const Request& request, ResponseWriter& response) {
    if (request.path == "/a") {
      response.headers().Set("Location", "/b");
      return response.Send(307, "text/plain", "");
    }
    std::string seen = request.body;
    for (const char* name : {"Accept", "X-Colon", "User-Agent", "Content-Length", "Host"}) {
      for (const auto value : request.headers.GetAll(name)) seen += fmt::format("|{}", value);
    }
    response.Send(200, "text/plain", seen);
  });
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  ClientRequest request{.method = "POST", .url = UrlOf(*server, "/a"), .body = "body"};
  request.headers.Add("Accept", "one");
  request.headers.Add("Accept", "two");
  request.headers.Add("X-Colon", "a: b:c");
  const auto answer = client->DoBlocking(request);
  REQUIRE(answer.ok());
  CHECK(answer->body ==
        fmt::format("body|one|two|a: b:c|narthex/1|4|127.0.0.1:{}", server->ports()[0]));
}

TEST_CASE("a stale pooled connection is tried once more, but not for a POST") {
  // Answers one request on a connection, then closes it when the second has arrived.
  std::atomic<int> accepted{0};
  int port = 0;
  const UniqueFd listener = ListenOnLoopback(&port);
  std::thread server([&] {
    for (;;) {
      UniqueFd fd(::accept(listener.get(), nullptr, nullptr));
      if (!fd.valid()) return;
      ++accepted;
      char buffer[4096];
      if (::recv(fd.get(), buffer, sizeof buffer, 0) <= 0) continue;
      const std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
      ::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      (void)::recv(fd.get(), buffer, sizeof buffer, 0);
    }
  });
  const std::string url = fmt::format("http://127.0.0.1:{}/", port);
  {
    ClientRuntime runtime;
    auto client = MakeClient(runtime);
    CHECK(client->DoBlocking({.url = url}).ok());
    CHECK(client->DoBlocking({.url = url}).ok());
    CHECK(accepted == 2);
    CHECK(ErrorOf(*client, {.method = "POST", .url = url, .body = "x"}) ==
          fmt::format("Post \"{}\": EOF", url));
    CHECK(accepted == 2);
  }
  ::shutdown(listener.get(), SHUT_RDWR);
  server.join();
}

TEST_CASE("redirects: methods, bodies, limits") {
  Router router;
  const auto redirect = [&](const std::string& path, int code, const std::string& to) {
    router.HandleAny(path, [code, to](const Request&, ResponseWriter& response) {
      response.Redirect(code, to);
    });
  };
  redirect("/301", 301, "end");
  redirect("/303", 303, "/end");
  redirect("/307", 307, "./end?x");
  redirect("/308", 308, "/301");
  redirect("/loop", 302, "/loop");
  redirect("/bad", 302, "http://[bad");
  redirect("/scheme", 302, "file:///etc/passwd");
  router.HandleAny("/end", [](const Request& request, ResponseWriter& response) {
    response.Send(200, "text/plain", request.method + ":" + request.body);
  });
  router.HandleAny("/none", [](const Request&, ResponseWriter& response) {
    response.Send(302, "text/plain", "no location");
  });
  auto server = StartServer(router.AsHandler());
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  const auto ask = [&](const std::string& method, const std::string& path) {
    const auto response = client->DoBlocking(
        {.method = method, .url = UrlOf(*server, path), .body = method == "POST" ? "data" : ""});
    return response.ok() ? response->body : std::string(MessageOf(response.status()));
  };
  CHECK(ask("GET", "/301") == "GET:");
  CHECK(ask("POST", "/301") == "GET:");
  CHECK(ask("POST", "/303") == "GET:");
  CHECK(ask("POST", "/307") == "POST:data");
  CHECK(ask("POST", "/308") == "GET:");
  CHECK(ask("GET", "/none") == "no location");
  CHECK_THAT(ask("GET", "/loop"), Catch::Contains("stopped after 10 redirects"));
  CHECK_THAT(ask("GET", "/bad"), Catch::Contains("failed to parse Location header"));
  CHECK_THAT(ask("GET", "/scheme"), Catch::Contains("unsupported protocol scheme \"file\""));
  CHECK(client->DoBlocking({.url = UrlOf(*server, "/307")})->url == UrlOf(*server, "/end?x"));
  auto still = MakeClient(runtime, {.follow_redirects = false});
  CHECK(still->DoBlocking({.url = UrlOf(*server, "/301")})->status == 301);
}

TEST_CASE("unix sockets") {
  TempDir dir;
  const std::string path = dir.path() + "/s.sock";
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(listener.get(), 10) == 0);
  std::string seen;
  std::thread server([&] {
    UniqueFd fd(::accept(listener.get(), nullptr, nullptr));
    char buffer[4096];
    const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
    seen.assign(buffer, n > 0 ? static_cast<size_t>(n) : 0);
    const std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    ::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
  });
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  const auto response = client->DoBlocking({.url = "http://docker/v1", .unix_socket = path});
  server.join();
  REQUIRE(response.ok());
  CHECK(response->body == "ok");
  CHECK_THAT(seen, Catch::StartsWith("GET /v1 HTTP/1.1\r\nHost: docker\r\n"));
}

TEST_CASE("a thousand requests in flight on one thread") {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 20000);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const int count = static_cast<int>(std::min<rlim_t>(1000, (limit.rlim_cur - 100) / 2));
  // Every answer waits, without a thread, until all the requests have arrived.
  std::mutex mutex;
  std::vector<std::shared_ptr<EventStream>> waiting;
  auto server = StartServer(
      [&](const Request&, ResponseWriter& response) {
        auto stream = response.Detach();
        std::lock_guard lock(mutex);
        waiting.push_back(std::move(stream));
      },
      {.max_connections = 2000});
  ClientRuntime runtime(1);
  auto client = MakeClient(runtime);
  std::atomic<int> good{0}, bad{0};
  for (int i = 0; i < count; ++i) {
    client->Do({.url = UrlOf(*server), .timeout = seconds(60)},
               [&](StatusOr<ClientResponse> response) {
                 ++(response.ok() && response->body == "now" ? good : bad);
               });
  }
  CHECK(Eventually([&] {
    std::lock_guard lock(mutex);
    return static_cast<int>(waiting.size()) == count;
  }));
  CHECK(good == 0);
  for (const auto& stream : waiting) {
    stream->Write("now");
    stream->Close();
  }
  CHECK(Eventually([&] { return good + bad == count; }));
  CHECK(bad == 0);
}

TEST_CASE("every callback runs once, also when the runtime goes away") {
  RudeServer silent("", " ", milliseconds(1000));
  std::atomic<int> calls{0};
  std::shared_ptr<Client> client;
  {
    ClientRuntime runtime(2);
    client = MakeClient(runtime);
    for (int i = 0; i < 50; ++i) {
      client->Do({.url = silent.url()}, [&](StatusOr<ClientResponse> response) {
        CHECK_FALSE(response.ok());
        ++calls;
      });
      client->Do({.url = "http://nosuch.invalid/"}, [&](StatusOr<ClientResponse>) { ++calls; });
    }
  }
  CHECK(calls == 100);
  client->Do({.url = silent.url()}, [&](StatusOr<ClientResponse> response) {
    CHECK(response.status().code() == StatusCode::kCancelled);
    ++calls;
  });
  CHECK(calls == 101);
}

}  // namespace
}  // namespace narthex::http
