// Requests by their bytes: what is read of them, whatever pieces they come in, and what is refused.
#include "core/http/request_parser.h"

#include "core/http/request_target.h"
#include "tests/catch.h"

namespace narthex::http {
namespace {

struct Reading {
  RequestParser parser{1 << 16, 1 << 16, nullptr};
  std::string left;

  explicit Reading(std::string_view text, size_t piece = SIZE_MAX) {
    while (!text.empty() && parser.fault().status == 0 && !parser.done()) {
      left.append(text.substr(0, piece));
      text.remove_prefix(std::min(piece, text.size()));
      left.erase(0, parser.Put(left));
      if (!parser.head_done() || parser.fault().status != 0) continue;
      parser.BeginBody();
      left.erase(0, parser.Put(left));
    }
    left.append(text);
  }
  std::string Show() {
    const RequestFault& fault = parser.fault();
    if (fault.status != 0) return fmt::format("{} {}", fault.status, fault.detail);
    if (!parser.done()) return "more";
    RequestHead& head = parser.head();
    std::string out = fmt::format("{} {}", head.method, head.path);
    if (!head.raw_query.empty()) out += "?" + head.raw_query;
    return out + fmt::format(" [{}]{}", parser.body, head.keep_alive ? "" : " close");
  }
};

const std::string kHost = " HTTP/1.1\r\nHost: x\r\n";

TEST_CASE("requests are read in whole and in pieces") {
  const std::string get = "GET /a" + kHost, post = "POST /a" + kHost;
  const std::string chunked = post + "Transfer-Encoding: chunked\r\n";
  const std::pair<std::string, std::string> cases[] = {
      {get + "\r\n", "GET /a []"},
      {"get /a?b=%zz&c" + kHost + "\r\n", "get /a?b=%zz&c []"},
      {"GET /a%20b#c" + kHost + "\r\n", "GET /a b#c []"},
      {"GET http://u:p@h:80/a?b" + kHost + "\r\n", "GET /a?b []"},
      {"GET http://h" + kHost + "\r\n", "GET  []"},
      {"GET h:80" + kHost + "\r\n", "GET  []"},
      {"CONNECT h:80 HTTP/1.1\r\n\r\n", "CONNECT  []"},
      {"OPTIONS *" + kHost + "\r\n", "OPTIONS * []"},
      {"PRI * HTTP/2.0\r\n\r\n", "PRI * [] close"},
      {"GET /a HTTP/1.1\nHost: x\nA: b\n\n", "GET /a []"},
      {"GET /a HTTP/1.0\r\n\r\n", "GET /a [] close"},
      {"GET /a HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n", "GET /a []"},
      {"GET /a HTTP/1.2\r\nHost: x\r\n\r\n", "GET /a []"},
      {get + "Connection: x\r\nConnection: Close\r\n\r\n", "GET /a [] close"},
      {get + "Proxy-Connection: close\r\n\r\n", "GET /a []"},
      {get + "A: b\r\n c\r\n \r\n\r\n", "GET /a []"},
      {post + "Content-Length: 3\r\n\r\nabc", "POST /a [abc]"},
      {post + "Content-Length: 003\r\nContent-Length: 003 \r\n\r\nabc", "POST /a [abc]"},
      {post + "Content-Length:\r\n\r\n", "POST /a []"},
      {chunked + "\r\n1\r\na\r\n0002 ;x\r\n", "400 "},
      {chunked + "\r\n1\r\na\r\n0002;x\r\nbc\r\n0\r\nA: b\r\n\r\n", "POST /a [abc]"},
      {chunked + "Content-Length: 7\r\n\r\n1\r\na\r\n0\r\n\r\n", "POST /a [a]"},
      {"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\na",
       "POST /a [a] close"},
      {post + "Content-Length: 3\r\n\r\nab", "more"},
      {"GET /a HTTP/1.1\r\nHost: x\r\n", "more"},
      // Refused.
      {"GET /a\r\n", "400 "},
      {"GET /a b" + kHost + "\r\n", "400 "},
      {"GET  /a" + kHost + "\r\n", "400 "},
      {"G{T /a" + kHost + "\r\n", "400 "},
      {"GET /a\x7f" + kHost + "\r\n", "400 "},
      {"GET /%2" + kHost + "\r\n", "400 "},
      {"GET http://[::1/a" + kHost + "\r\n", "400 "},
      {"GET http://h:x/a" + kHost + "\r\n", "400 "},
      {"GET http://a%20b/" + kHost + "\r\n", "400 "},
      {"GET /a HTTP/1.10\r\nHost: x\r\n\r\n", "400 "},
      {"GET /a HTTP/2.0\r\nHost: x\r\n\r\n", "505 unsupported protocol version"},
      {"GET /a HTTP/0.9\r\n\r\n", "505 unsupported protocol version"},
      {"GET /a HTTP/1.1\r\n\r\n", "400 missing required Host header"},
      {"GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 malformed Host header"},
      {"GET /a HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "400 "},
      {get + "A : b\r\n\r\n", "400 invalid header name"},
      {get + "A(: b\r\n\r\n", "400 "},
      {get + "A: b\x01\r\n\r\n", "400 "},
      {get + ": b\r\n\r\n", "400 "},
      {"GET /a HTTP/1.1\r\n Host: x\r\n\r\n", "400 "},
      {post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", "400 "},
      {post + "Content-Length: 3, 3\r\n\r\n", "400 "},
      {post + "Content-Length: +3\r\n\r\n", "400 "},
      {post + "Content-Length: 9223372036854775808\r\n\r\n", "400 "},
      {post + "Content-Length: 65537\r\n\r\n", "413 "},
      {chunked + "Transfer-Encoding: chunked\r\n\r\n", "501 Unsupported transfer encoding"},
      {post + "Transfer-Encoding:\r\n\r\n", "501 Unsupported transfer encoding"},
      {chunked + "Content-Length: x\r\n\r\n", "400 "},
      {chunked + "Trailer: A, content-length\r\n\r\n", "400 "},
      {chunked + "\r\n1\na\r\n", "400 "},
      {get + "A: " + std::string(1 << 16, 'x'), "431 "},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text.substr(0, 200));
    for (const size_t piece : {SIZE_MAX, size_t{1}, size_t{7}}) {
      CHECK(Reading(text, piece).Show() == expected);
    }
  }
}

TEST_CASE("what is behind a request is left") {
  CHECK(Reading("GET /a" + kHost + "\r\nrest").left == "rest");
  CHECK(Reading("GET /a" + kHost + "Content-Length: 2\r\n\r\nabrest").left == "rest");
  CHECK(Reading("GET /a" + kHost + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nrest").left ==
        "rest");
}

}  // namespace
}  // namespace narthex::http
