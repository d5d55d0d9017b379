#include "core/http/server.h"

#include <sys/resource.h>

#include <atomic>
#include <fstream>

#include "core/compress/gzip.h"
#include "core/http/test_util.h"

namespace narthex::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::unique_ptr<Server> StartServer(Handler handler, ServerOptions options = {}) {
  if (options.listen_addresses.empty()) options.listen_addresses = {"127.0.0.1:0"};
  auto server = Server::Create(std::move(options), std::move(handler));
  REQUIRE(server.ok());
  REQUIRE((*server)->Start().ok());
  return *std::move(server);
}

std::string Ask(int port, std::string_view request) {
  RawSocket socket(port);
  socket.Send(request);
  return socket.ReadToEnd();
}

void Echo(const Request& request, ResponseWriter& response) {
  std::string out = fmt::format("{} {} [{}]", request.method, request.path, request.body);
  for (const auto& [name, value] : request.query) out += fmt::format(" {}={}", name, value);
  response.Send(200, "text/plain", out);
}

TEST_CASE("requests arrive decoded and answers are framed") {
  auto server = StartServer(Echo);
  const int port = server->ports()[0];
  const std::string url = fmt::format("http://127.0.0.1:{}", port);
  CHECK(Curl("'" + url + "/a%20b?x=1+2&y=%41&bad=%zz'") == "GET /a b [] x=1 2 y=A");
  CHECK(Curl("-d body=1 " + url + "/post") == "POST /post [body=1]");
  CHECK(Curl("-H 'Transfer-Encoding: chunked' -d chunky " + url + "/c") == "POST /c [chunky]");
  CHECK(Curl("-X PUT -H 'Expect: 100-continue' -d x " + url + "/e") == "PUT /e [x]");
  const std::string head = Curl("-I " + url + "/h");
  CHECK_THAT(head, Catch::Contains("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(head, Catch::Contains("Content-Length: 10\r\n"));
  CHECK_THAT(head, Catch::Contains("Date: "));
  CHECK_THAT(head, Catch::Contains(" GMT\r\n"));
  CHECK(head.ends_with("\r\n\r\n"));
  const std::string absolute =
      Ask(port, "GET http://x/abs?q=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK_THAT(absolute, Catch::EndsWith("GET /abs [] q=1"));
  CHECK_THAT(absolute, Catch::Contains("Connection: close\r\n"));
}

TEST_CASE("HTTP/1.0 gets lengths or the end of the connection") {
  auto server = StartServer([](const Request& request, ResponseWriter& response) {
    if (request.path == "/stream") {
      response.Write("one ");
      response.Write("two");
      return;
    }
    response.Send(200, "text/plain", "ok");
  });
  const int port = server->ports()[0];
  const std::string stream = Ask(port, "GET /stream HTTP/1.0\r\n\r\n");
  CHECK_THAT(stream, Catch::EndsWith("\r\n\r\none two"));
  CHECK_THAT(stream, !Catch::Contains("chunked"));
  RawSocket socket(port);
  for (int i = 0; i < 2; ++i) {
    socket.Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK_THAT(socket.ReadUntil("ok"), Catch::Contains("Connection: keep-alive"));
  }
}

TEST_CASE("a pipeline is answered in order, also in one packet and in single bytes") {
  auto server = StartServer(Echo);
  const int port = server->ports()[0];
  std::string batch;
  for (int i = 0; i < 200; ++i) {
    batch += fmt::format("POST /{} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", i);
  }
  batch += "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const auto check = [](const std::string& answers) {
    size_t at = 0;
    for (int i = 0; i < 200; ++i) {
      at = answers.find(fmt::format("POST /{} [abc]", i), at);
      REQUIRE(at != std::string::npos);
    }
    CHECK(answers.ends_with("GET /last []"));
  };
  check(Ask(port, batch));
  RawSocket slow(port);
  std::string tail =
      "\r\n\r\nPOST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhiGET /y HTTP/1.1\r\nHost: "
      "x\r\nConnection: close\r\n\r\n";
  for (const char c : tail) REQUIRE(slow.Send({&c, 1}));
  const std::string answers = slow.ReadToEnd();
  CHECK_THAT(answers, Catch::Contains("POST /x [hi]"));
  CHECK_THAT(answers, Catch::EndsWith("GET /y []"));
}

TEST_CASE("a peer that closes its sending side still gets its answer") {
  auto server = StartServer([](const Request& request, ResponseWriter& response) {
    Eventually([&] { return request.cancelled(); });
    response.Send(200, "text/plain", "late");
  });
  RawSocket socket(server->ports()[0]);
  socket.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  socket.CloseSending();
  CHECK_THAT(socket.ReadToEnd(), Catch::EndsWith("late"));
}

TEST_CASE("malformed and oversized requests end in a clean status") {
  ServerOptions options;
  options.max_header_bytes = 4096;
  options.max_uri_bytes = 1024;
  options.max_body_bytes = 10000;
  auto server = StartServer(Echo, options);
  const int port = server->ports()[0];
  const std::string big(200000, 'x');
  std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 1100; ++i) many += "a:\r\n";
  const std::pair<std::string, int> cases[] = {
      {"nonsense\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nab", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
       "0\r\n\r\n",
       400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nab", 501},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505},
      {"GET /" + std::string(1100, 'u') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
      {"GET /" + big + " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
      {"GET / HTTP/1.1\r\nHost: x\r\nA: " + big + "\r\n\r\n", 431},
      {many + "\r\n", 431},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10001\r\n\r\n" + big, 413},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2711\r\n" + big, 413},
      {"POST / HTTP/1.1\r\nHost: x\r\nExpect: 200-maybe\r\nContent-Length: 1\r\n\r\n", 417},
  };
  for (const auto& [request, status] : cases) {
    INFO(request.substr(0, 100));
    CHECK_THAT(Ask(port, request), Catch::StartsWith(fmt::format("HTTP/1.1 {} ", status)));
  }
  CHECK(Eventually([&] { return server->stats().open_connections == 0; }));
}

TEST_CASE("100 Continue is sent only when the body is wanted") {
  ServerOptions options;
  options.max_body_bytes = 100;
  auto server = StartServer(Echo, options);
  RawSocket good(server->ports()[0]);
  good.Send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(good.ReadUntil("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  good.Send("ok");
  CHECK_THAT(good.ReadUntil("[ok]"), Catch::Contains("200 OK"));
  RawSocket bad(server->ports()[0]);
  bad.Send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 200\r\n\r\n");
  CHECK_THAT(bad.ReadToEnd(), Catch::StartsWith("HTTP/1.1 413 "));
}

TEST_CASE("answers are compressed as the client lists the codings") {
  const std::string text(100000, 'a');
  auto server = StartServer([&](const Request& request, ResponseWriter& response) {
    if (request.path == "/own") {
      response.headers().Set("Content-Encoding", "zstd");
      return response.Send("not touched" + text);
    }
    if (request.path == "/small") return response.Send(200, "text/plain", "small");
    if (request.path == "/stream") {
      for (size_t i = 0; i < text.size(); i += 1000) response.Write(text.substr(i, 1000));
      return;
    }
    response.Send(200, "text/plain", text);
  });
  const int port = server->ports()[0];
  const std::string url = fmt::format("http://127.0.0.1:{}", port);
  for (const char* path : {"/", "/stream"}) {
    INFO(path);
    CHECK(Curl(url + path) == text);
    CHECK(Curl("--compressed " + url + path) == text);
    CHECK(Curl("--compressed -H 'Accept-Encoding: deflate' " + url + path) == text);
    const std::string gzip = Curl("-H 'Accept-Encoding: br, gzip;q=0.5' " + url + path);
    CHECK(gzip.size() < 2000);
    std::string plain;
    CHECK(GzipDecompress(gzip, 1 << 20, &plain).ok());
    CHECK(plain == text);
  }
  const auto head = [&](const std::string& accept, const std::string& path) {
    return Curl("-D - -o /dev/null -H 'Accept-Encoding: " + accept + "' " + url + path);
  };
  CHECK_THAT(head("deflate, gzip", "/"), Catch::Contains("Content-Encoding: deflate"));
  CHECK_THAT(head("gzip, deflate", "/"), Catch::Contains("Content-Encoding: gzip"));
  CHECK_THAT(head("gzip;q=0, deflate", "/"), Catch::Contains("Content-Encoding: deflate"));
  CHECK_THAT(head("identity", "/"), !Catch::Contains("Content-Encoding"));
  CHECK_THAT(head("identity", "/"), Catch::Contains("Vary: Accept-Encoding"));
  CHECK_THAT(head("gzip", "/small"), !Catch::Contains("Content-Encoding"));
  CHECK_THAT(head("gzip", "/own"), Catch::Contains("Content-Encoding: zstd"));
}

TEST_CASE("a handler that throws gives 500, or a broken stream") {
  auto server = StartServer([](const Request& request, ResponseWriter& response) {
    if (request.path == "/stream") response.Write("begun");
    throw std::runtime_error("oops");
  });
  const int port = server->ports()[0];
  const std::string answer = Ask(port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK_THAT(answer, Catch::StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
  CHECK_THAT(answer, Catch::EndsWith("Internal Server Error\n"));
  const auto stream =
      RunCommand(fmt::format("curl -sS --max-time 30 http://127.0.0.1:{}/stream", port));
  CHECK(stream.exit_code != 0);
}

TEST_CASE("statuses without a body have none") {
  auto server = StartServer([](const Request& request, ResponseWriter& response) {
    response.SetStatus(request.path == "/204" ? 204 : 304);
    response.Send("must not appear");
  });
  for (const char* path : {"/204", "/304"}) {
    const std::string answer =
        Ask(server->ports()[0],
            fmt::format("GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path));
    CHECK_THAT(answer, Catch::EndsWith("\r\n\r\n"));
    CHECK_THAT(answer, !Catch::Contains("Content-Length"));
  }
}

TEST_CASE("header values cannot start another header") {
  auto server = StartServer([](const Request&, ResponseWriter& response) {
    response.headers().Set("X-A", "1\r\nX-Injected: 2");
    response.Send("ok");
  });
  const std::string answer =
      Ask(server->ports()[0], "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK_THAT(answer, !Catch::Contains("\nX-Injected"));
}

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

TEST_CASE("redirects") {
  auto server = StartServer([](const Request& request, ResponseWriter& response) {
    response.Redirect(302, "/query?a=1&b=2");
  });
  const std::string answer = Curl(fmt::format("-i http://127.0.0.1:{}/", server->ports()[0]));
  CHECK_THAT(answer, Catch::Contains("HTTP/1.1 302 Found\r\n"));
  CHECK_THAT(answer, Catch::Contains("Location: /query?a=1&b=2\r\n"));
  CHECK_THAT(answer, Catch::EndsWith("<a href=\"/query?a=1&amp;b=2\">Found</a>.\n\n"));
}

TEST_CASE("streams of any size arrive whole, and a slow reader holds them back") {
  std::atomic<size_t> written{0};
  auto server = StartServer([&](const Request&, ResponseWriter& response) {
    const std::string chunk(100000, 'z');
    for (int i = 0; i < 300; ++i) {
      if (!response.Write(chunk)) return;
      written += chunk.size();
    }
  });
  const int port = server->ports()[0];
  CHECK(Curl(fmt::format("http://127.0.0.1:{}/", port)).size() == 30'000'000);
  written = 0;
  RawSocket slow(port, 4096);
  slow.Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(Eventually([&] { return written > 0; }));
  size_t before = 0;
  // Held back: at some point no more is taken in.
  CHECK(Eventually([&] {
    before = written;
    std::this_thread::sleep_for(milliseconds(50));
    return written == before;
  }));
  CHECK(written < 25'000'000);
  size_t total = 0;
  std::string part;
  while (slow.ReadSome(&part)) {
    total += part.size();
    part.clear();
  }
  CHECK(total > 30'000'000);
}

TEST_CASE("time-outs: slow heads, slow bodies, idle connections, readers that stop") {
  ServerOptions options;
  options.read_timeout = milliseconds(200);
  options.idle_timeout = milliseconds(200);
  options.write_timeout = milliseconds(200);
  std::atomic<bool> gave_up{false};
  auto server = StartServer(
      [&](const Request& request, ResponseWriter& response) {
        if (request.path != "/big") return response.Send(200, "text/plain", "ok");
        const std::string chunk(1 << 20, 'x');
        for (int i = 0; i < 1000; ++i) {
          if (!response.Write(chunk)) {
            gave_up = true;
            return;
          }
        }
      },
      options);
  const int port = server->ports()[0];
  CHECK(Ask(port, "") == "");
  CHECK_THAT(Ask(port, "GET / HT"), Catch::StartsWith("HTTP/1.1 408 "));
  CHECK_THAT(Ask(port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"),
             Catch::StartsWith("HTTP/1.1 408 "));
  CHECK_THAT(Ask(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), Catch::EndsWith("ok"));
  RawSocket stuck(port, 4096);
  stuck.Send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(Eventually([&] { return gave_up.load(); }));
  CHECK(Eventually([&] { return server->stats().open_connections == 0; }));
}

TEST_CASE("a handler learns that its client has gone") {
  std::atomic<int> cancelled{0};
  auto server = StartServer([&](const Request& request, ResponseWriter& response) {
    if (Eventually([&] { return request.cancelled(); })) ++cancelled;
  });
  {
    RawSocket socket(server->ports()[0]);
    socket.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(Eventually([&] { return server->stats().requests == 1; }));
  }
  CHECK(Eventually([&] { return cancelled == 1; }));
}

TEST_CASE("event streams outlive their handler and end with their client") {
  std::mutex mutex;
  std::vector<std::shared_ptr<EventStream>> streams;
  ServerOptions options;
  options.worker_threads = 1;
  auto server = StartServer(
      [&](const Request& request, ResponseWriter& response) {
        if (request.path == "/plain") return response.Send(200, "text/plain", "free");
        response.headers().Set("Content-Type", "text/event-stream");
        auto stream = response.Detach();
        stream->Write("data: hello\n\n");
        std::lock_guard lock(mutex);
        streams.push_back(std::move(stream));
      },
      options);
  const int port = server->ports()[0];
  std::vector<std::unique_ptr<RawSocket>> sockets;
  for (int i = 0; i < 20; ++i) {
    sockets.push_back(std::make_unique<RawSocket>(port));
    sockets.back()->Send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_THAT(sockets.back()->ReadUntil("hello\n\n"), Catch::Contains("text/event-stream"));
  }
  CHECK(Curl(fmt::format("http://127.0.0.1:{}/plain", port)) == "free");
  CHECK(Eventually([&] {
    std::lock_guard lock(mutex);
    return streams.size() == 20;
  }));
  {
    std::lock_guard lock(mutex);
    for (const auto& stream : streams) CHECK(stream->Write("data: again\n\n"));
  }
  for (const auto& socket : sockets)
    CHECK_THAT(socket->ReadUntil("again\n\n"), Catch::Contains("again"));
  streams[0]->Close();
  CHECK_THAT(sockets[0]->ReadToEnd(), Catch::EndsWith("0\r\n\r\n"));
  CHECK_FALSE(streams[0]->Write("more"));
  sockets[1].reset();
  CHECK(Eventually([&] { return !streams[1]->Write("data: x\n\n"); }));
  // One that does not read is cut off instead of filling the memory.
  const std::string big(100000, 'b');
  CHECK(Eventually([&] { return !streams[2]->Write(big); }));
  server->Stop();
  CHECK_FALSE(streams[3]->Write("after"));
  server.reset();
  CHECK_FALSE(streams[4]->Write("after"));
}

TEST_CASE("connections over the limit wait unaccepted") {
  ServerOptions options;
  options.max_connections = 2;
  auto server = StartServer(Echo, options);
  const int port = server->ports()[0];
  auto first = std::make_unique<RawSocket>(port);
  RawSocket second(port), third(port);
  CHECK(Eventually([&] { return server->stats().open_connections == 2; }));
  third.Send("GET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
  std::string none;
  CHECK_FALSE(third.ReadSome(&none, 50));
  first.reset();
  CHECK_THAT(third.ReadUntil("]"), Catch::Contains("GET /3 []"));
  CHECK(server->stats().accepted_connections == 3);
}

TEST_CASE("a full queue answers 503") {
  ServerOptions options;
  options.worker_threads = 1;
  options.max_queued_requests = 1;
  std::atomic<bool> release{false};
  std::atomic<int> running{0};
  auto server = StartServer(
      [&](const Request&, ResponseWriter& response) {
        ++running;
        Eventually([&] { return release.load(); });
        response.Send(200, "text/plain", "done");
      },
      options);
  const int port = server->ports()[0];
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  RawSocket first(port), second(port);
  first.Send(request);
  CHECK(Eventually([&] { return running == 1; }));
  second.Send(request);
  CHECK(Eventually([&] { return server->stats().requests == 2; }));
  CHECK_THAT(Ask(port, request), Catch::StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  release = true;
  CHECK_THAT(first.ReadToEnd(), Catch::EndsWith("done"));
  CHECK_THAT(second.ReadToEnd(), Catch::EndsWith("done"));
}

TEST_CASE("stopping lets running requests finish and closes the rest") {
  std::atomic<bool> release{false};
  std::atomic<int> running{0};
  auto server = StartServer([&](const Request&, ResponseWriter& response) {
    ++running;
    Eventually([&] { return release.load(); });
    response.Send(200, "text/plain", "finished");
  });
  RawSocket idle(server->ports()[0]), busy(server->ports()[0]);
  busy.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(Eventually([&] { return running == 1; }));
  std::thread stopper([&] { server->Stop(seconds(20)); });
  CHECK(idle.ReadToEnd() == "");
  release = true;
  CHECK_THAT(busy.ReadToEnd(), Catch::EndsWith("finished"));
  stopper.join();
  CHECK_FALSE(RawSocket(server->ports()[0]).connected());
}

TEST_CASE("several listeners, and addresses that cannot be had") {
  ServerOptions options;
  options.listen_addresses = {"127.0.0.1:0", ":0", "localhost:0"};
  auto server = StartServer(Echo, options);
  REQUIRE(server->ports().size() == 3);
  for (const int port : server->ports()) {
    CHECK(Curl(fmt::format("http://127.0.0.1:{}/", port)) == "GET / []");
  }
  const auto start = [](const std::string& address) {
    auto other = Server::Create({.listen_addresses = {address}}, Echo);
    REQUIRE(other.ok());
    return std::string(MessageOf((*other)->Start()));
  };
  const std::string taken = fmt::format("127.0.0.1:{}", server->ports()[0]);
  CHECK(start(taken) == fmt::format("listen tcp {}: bind: address already in use", taken));
  CHECK_THAT(start("127.0.0.1"), Catch::Contains("missing port in address"));
  CHECK_THAT(start("127.0.0.1:99999"), Catch::Contains("invalid port"));
  CHECK_THAT(start("host.invalid:1"), Catch::Contains("no such host"));
  CHECK_FALSE(Server::Create({}, Echo).ok());
}

size_t ResidentKilobytes() {
  std::ifstream file("/proc/self/status");
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  }
  return 0;
}

TEST_CASE("thousands of idle keep-alive connections cost kilobytes and no thread") {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 20000);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const size_t count = std::min<size_t>(3000, (limit.rlim_cur - 100) / 2);
  ServerOptions options;
  options.max_connections = count + 10;
  auto server = StartServer(Echo, options);
  const int port = server->ports()[0];
  const size_t before = ResidentKilobytes();
  std::vector<std::unique_ptr<RawSocket>> sockets;
  for (size_t i = 0; i < count; ++i) {
    sockets.push_back(std::make_unique<RawSocket>(port));
    REQUIRE(sockets.back()->connected());
    sockets.back()->Send("GET /idle HTTP/1.1\r\nHost: x\r\n\r\n");
    std::string answer = sockets.back()->ReadUntil("[]");
    REQUIRE(answer.ends_with("GET /idle []"));
  }
  CHECK(server->stats().open_connections == count);
  const size_t grown = ResidentKilobytes() - before;
  WARN(count << " idle connections: " << grown << " KiB");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(grown < count * 8);
#endif
  CHECK(Curl(fmt::format("http://127.0.0.1:{}/new", port)) == "GET /new []");
  sockets.clear();
  CHECK(Eventually([&] { return server->stats().open_connections == 0; }));
}

}  // namespace
}  // namespace narthex::http
