// What the server does to an answer: codings, errors, statuses without a body, redirects.
#include <stdexcept>

#include "core/compress/gzip.h"
#include "core/http/server_test_util.h"

namespace narthex::http {
namespace {

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

TEST_CASE("redirects") {
  auto server = StartServer([](const Request& request, ResponseWriter& response) {
    response.Redirect(302, "/query?a=1&b=2");
  });
  const std::string answer = Curl(fmt::format("-i http://127.0.0.1:{}/", server->ports()[0]));
  CHECK_THAT(answer, Catch::Contains("HTTP/1.1 302 Found\r\n"));
  CHECK_THAT(answer, Catch::Contains("Location: /query?a=1&b=2\r\n"));
  CHECK_THAT(answer, Catch::EndsWith("<a href=\"/query?a=1&amp;b=2\">Found</a>.\n\n"));
}

TEST_CASE("answers larger than what the socket takes come whole, one request after the other") {
  std::string large(12 << 20, 'x');
  for (size_t i = 0; i < large.size(); i += 1000) large[i] = static_cast<char>('a' + i / 1000 % 26);
  auto server = StartServer([&](const Request& request, ResponseWriter& response) {
    response.Send(200, "text/plain", request.path == "/large" ? large : request.path);
  });
  RawSocket socket(server->ports()[0], 4096);
  const auto ask = [&](const std::string& path, size_t bytes) {
    socket.Send(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path));
    std::string answer = socket.ReadUntil("\r\n\r\n");
    const size_t head = answer.find("\r\n\r\n") + 4;
    while (answer.size() < head + bytes && socket.ReadSome(&answer)) {
    }
    return answer.substr(head);
  };
  for (int i = 0; i < 3; ++i) {
    CHECK(ask("/small", 6) == "/small");
    CHECK(ask("/large", large.size()) == large);
  }
}

}  // namespace
}  // namespace narthex::http
