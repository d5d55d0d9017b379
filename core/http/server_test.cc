// Requests as they arrive on a connection: framing, pipelines, what is refused.
#include "core/http/server_test_util.h"

namespace narthex::http {
namespace {

TEST_CASE("requests arrive decoded and answers are framed") {
  auto server = StartServer(EchoRequest);
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
  auto server = StartServer(EchoRequest);
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
  options.max_body_bytes = 10000;
  auto server = StartServer(EchoRequest, options);
  const int port = server->ports()[0];
  const std::string big(200000, 'x');
  std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 1100; ++i) many += "a:\r\n";
  const std::pair<std::string, int> cases[] = {
      {"nonsense\r\n\r\n", 400},
      {"SSH-2.0-x\r\n", 400},
      {"GET /\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nab", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nab", 501},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505},
      {"GET /" + big + " HTTP/1.1\r\nHost: x\r\n\r\n", 431},
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

TEST_CASE("faults have Go's words, and requests that end early are told so") {
  auto server = StartServer(EchoRequest);
  const int port = server->ports()[0];
  CHECK(Ask(port, "GET / HTTP/1.1\r\n\r\n") ==
        "HTTP/1.1 400 Bad Request: missing required Host header\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
        "400 Bad Request: missing required Host header");
  for (const char* cut : {"GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n",
                          "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabc"}) {
    RawSocket socket(port);
    socket.Send(cut);
    socket.CloseSending();
    CHECK_THAT(socket.ReadToEnd(), Catch::StartsWith("HTTP/1.1 400 Bad Request\r\n"));
  }
}

TEST_CASE("a pipeline whose sender has closed is answered to its end") {
  auto server = StartServer(EchoRequest);
  for (int round = 0; round < 20; ++round) {
    RawSocket socket(server->ports()[0]);
    std::string batch;
    for (int i = 0; i < 5; ++i) batch += fmt::format("GET /{} HTTP/1.1\nHost: x\n\n", i);
    socket.Send(batch);
    socket.CloseSending();
    CHECK_THAT(socket.ReadToEnd(), Catch::EndsWith("GET /4 []"));
  }
}

TEST_CASE("large heads and bodies of all requests together are bounded") {
  ServerOptions options;
  options.max_request_memory = 2 << 20;  // buffers double, and large ones leave a quarter free
  auto server = StartServer(EchoRequest, options);
  const int port = server->ports()[0];
  const auto post = [](size_t length) {
    return fmt::format("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", length);
  };
  std::vector<std::unique_ptr<RawSocket>> holders;
  for (int i = 0; i < 4; ++i) {
    holders.push_back(std::make_unique<RawSocket>(port));
    holders.back()->Send(post(600'000) + std::string(590'000, 'x'));
  }
  // What claims a length and sends nothing holds next to nothing, and small requests go on.
  RawSocket claimer(port);
  claimer.Send(post(900'000));
  RawSocket small(port);
  small.Send(post(2) + "ok");
  CHECK_THAT(small.ReadUntil("[ok]"), Catch::StartsWith("HTTP/1.1 200 OK"));
  int answered = 0, refused = 0;
  for (const auto& holder : holders) {
    holder->Send(std::string(10'000, 'x'));
    const std::string answer = holder->ReadUntil("\r\n");
    answered += answer.starts_with("HTTP/1.1 200 ");
    refused += answer.starts_with("HTTP/1.1 503 ");
  }
  CHECK(answered > 0);
  CHECK(refused > 0);
  CHECK(answered + refused == 4);
}

TEST_CASE("100 Continue is sent only when the body is wanted") {
  ServerOptions options;
  options.max_body_bytes = 100;
  auto server = StartServer(EchoRequest, options);
  RawSocket good(server->ports()[0]);
  good.Send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(good.ReadUntil("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  good.Send("ok");
  CHECK_THAT(good.ReadUntil("[ok]"), Catch::Contains("200 OK"));
  RawSocket bad(server->ports()[0]);
  bad.Send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 200\r\n\r\n");
  CHECK_THAT(bad.ReadToEnd(), Catch::StartsWith("HTTP/1.1 413 "));
}

}  // namespace
}  // namespace narthex::http
