#include "core/http/response_parser.h"

#include <fmt/format.h>

#include "tests/catch.h"

namespace narthex::http {
namespace {

using Error = ResponseParser::Error;

// Feeds `text` in pieces of that size, then the end of the connection when `eof`.
struct Reading {
  ResponseParser parser;
  size_t used = 0;
  bool complete = false;

  explicit Reading(std::string_view text, size_t piece = SIZE_MAX, bool eof = false,
                   bool to_head = false, size_t max_body = 0) {
    parser.to_head = to_head;
    parser.max_body = max_body;
    while (used < text.size() && !parser.done() && parser.error() == Error::kNone) {
      used += parser.Put(text.substr(used, piece));
    }
    complete = parser.error() == Error::kNone && (eof ? parser.PutEof() : parser.done());
  }
};

TEST_CASE("responses of every framing are read whole, however they are cut") {
  struct Case {
    std::string text, body;
    bool eof = false, keep_alive = true;
    int status = 200;
    bool to_head = false;
  };
  const Case cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
      {"HTTP/1.1 200 OK\r\ncontent-length:\t5 \r\n\r\nhello", "hello"},
      {"HTTP/1.1 200\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "ok"},
      {"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", ""},
      {"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "ok"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Close\r\n\r\nok", "ok", false, false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x, close\r\n\r\nok", "ok", false,
       false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", false, false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", "ok"},
      {"HTTP/1.0 200 OK\r\n\r\nall of it", "all of it", true, false},
      {"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n", "", true, false},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA;x=\"y\"\r\n0123456789"
       "\r\n0\r\n\r\n",
       "abc0123456789"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0002 \t\r\nab\r\n000;e\r\nA: b\r\n"
       "Content-Length: 9\r\n\r\n",
       "ab"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
       "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok",
       "ok", false, true, 201},
      {"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"},
      {"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"},
      {"HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", false, false},
      {"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nall of it", "all of it", true, false},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: "
       "chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
       "ab", false, false},
      {"HTTP/1.1 200 OK\r\nServer : x\r\n of two lines\r\nContent-Length: 2\r\n\r\nok", "ok"},
      {"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nok", "ok", true, false},
      {"HTTP/1.1 204 No Content\r\n\r\n", "", false, true, 204},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "", false, true, 304},
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "", false, false, 101},
      {"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", "", false, true, 200, true},
      {"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n", "", false, true, 404, true},
  };
  for (const Case& c : cases) {
    for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, SIZE_MAX}) {
      INFO(c.text << " by " << piece);
      Reading r(c.text, piece, c.eof, c.to_head);
      INFO(r.parser.what());
      REQUIRE(r.complete);
      CHECK(r.used == c.text.size());
      CHECK(r.parser.head().status == c.status);
      CHECK(r.parser.head().keep_alive == c.keep_alive);
      CHECK(r.parser.body == c.body);
    }
  }
}

TEST_CASE("what comes after an answer is left") {
  const std::string first = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  CHECK(Reading(first + "HTTP/1.1 500 ").used == first.size());
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
  CHECK(Reading(chunked + "x").used == chunked.size());
}

TEST_CASE("fields keep order and case, folded ones become one") {
  Reading r(
      "HTTP/1.1 200 OK\r\nContent-Type:  text/plain; a=b  \r\nX-Long: one\r\n\t two\r\n"
      "Set-Cookie: a\r\nset-cookie: b\r\nEmpty:\r\nContent-Length: 0\r\n\r\n");
  REQUIRE(r.complete);
  const Headers& headers = r.parser.head().headers;
  CHECK(headers.Get("content-type") == "text/plain; a=b");
  CHECK(headers.Get("x-long") == "one two");
  CHECK(headers.GetAll("Set-Cookie") == std::vector<std::string_view>{"a", "b"});
  CHECK(headers.Has("Empty"));
  CHECK(headers.begin()->first == "Content-Type");
}

TEST_CASE("the status is told as the server says it") {
  const std::pair<const char*, const char*> cases[] = {
      {"HTTP/1.1 404 Not Found", ""},
      {"HTTP/1.1 404 Nothing here", "404 Nothing here"},
      {"HTTP/1.1 404", "404"},
      {"HTTP/1.1 404 ", "404 "},
      {"HTTP/1.1   404 not found", "404 not found"},
      {"HTTP/1.1 599 Odd", "599 Odd"},
      {"HTTP/1.1 599", "599"},
  };
  for (const auto& [line, want] : cases) {
    INFO(line);
    Reading r(std::string(line) + "\r\nContent-Length: 0\r\n\r\n");
    REQUIRE(r.complete);
    CHECK(r.parser.head().status_text == want);
  }
}

TEST_CASE("malformed heads are refused in Go's words") {
  const std::pair<const char*, const char*> cases[] = {
      {"220 smtp\r\n\r\n", "malformed HTTP status code \"smtp\""},
      {"hello there\r\n\r\n", "malformed HTTP status code \"there\""},
      {"garbage\r\n\r\n", "malformed HTTP response \"garbage\""},
      {"\r\n\r\n", "malformed HTTP response \"\""},
      {"HTTP/2 200 OK\r\n\r\n", "malformed HTTP version \"HTTP/2\""},
      {"HTTP/1.x 200 OK\r\n\r\n", "malformed HTTP version \"HTTP/1.x\""},
      {"http/1.1 200 OK\r\n\r\n", "malformed HTTP version \"http/1.1\""},
      {"HTTP/1.1 20 OK\r\n\r\n", "malformed HTTP status code \"20\""},
      {"HTTP/1.1 2000 OK\r\n\r\n", "malformed HTTP status code \"2000\""},
      {"HTTP/1.1 +20 OK\r\n\r\n", "malformed HTTP status code \"+20\""},
      {"HTTP/1.1 000 OK\r\n\r\n", "malformed HTTP status code \"000\""},
      {"HTTP/1.1 200 O\rK\r\n\r\n", "malformed HTTP response \"HTTP/1.1 200 O\\rK\""},
      {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "malformed MIME header: missing colon: \"no colon\""},
      {"HTTP/1.1 200 OK\r\n: b\r\n\r\n", "malformed MIME header line: \": b\""},
      {"HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n", "malformed MIME header line: \"A: b\\rC: d\""},
      {"HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", "malformed MIME header line: \"A: \\x01\""},
      {"HTTP/1.1 200 OK\r\n A: b\r\n\r\n", "malformed MIME header initial line: \" A: b\""},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "bad Content-Length \"-1\""},
      {"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", "bad Content-Length \"+1\""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n\r\n", "bad Content-Length \"1 1\""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0x1\r\n\r\n", "bad Content-Length \"0x1\""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n",
       "bad Content-Length \"9223372036854775808\""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
       "bad Content-Length \"99999999999999999999\""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
       "http: message cannot contain multiple Content-Length headers; got [\"1\" \"2\"]"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
       "unsupported transfer encoding: \"gzip, chunked\""},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
       "too many transfer encodings: \"chunked\""},
      {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
       "unsupported transfer encoding: \"chunked\""},
  };
  for (const auto& [text, want] : cases) {
    for (const size_t piece : {size_t{1}, SIZE_MAX}) {
      Reading r(text, piece);
      INFO(text);
      CHECK(r.parser.error() == Error::kHead);
      CHECK(r.parser.what() == want);
    }
  }
}

TEST_CASE("malformed chunks are refused") {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::pair<std::string, const char*> cases[] = {
      {"\r\n", "empty hex number for chunk length"},
      {"x\r\n", "invalid byte in chunk length"},
      {" 1\r\n", "invalid byte in chunk length"},
      {"+1\r\n", "invalid byte in chunk length"},
      {"0x1\r\n", "invalid byte in chunk length"},
      {"1 2\r\n", "invalid byte in chunk length"},
      {"FFFFFFFFFFFFFFFF\r\n", "http chunk length too large"},
      {"10000000000000000\r\n", "http chunk length too large"},
      {"1\nx", "chunked line ends with bare LF"},
      {"1\r\nxy\r\n", "malformed chunked encoding"},
      {"1\r\nx\n", "chunked line ends with bare LF"},
      {"0\r\nno colon\r\n\r\n", "malformed trailer"},
      {"1;" + std::string(5000, 'e'), "chunked line too long"},
      {"0\r\n" + std::string(300'000, 't'), "trailer too long"},
  };
  for (const auto& [text, want] : cases) {
    for (const size_t piece : {size_t{1}, size_t{1000}, SIZE_MAX}) {
      INFO(text.substr(0, 40) << " by " << piece);
      Reading r(head + text, piece);
      CHECK(r.parser.error() == Error::kBody);
      CHECK(r.parser.what() == want);
    }
  }
}

TEST_CASE("an answer that ends early is not complete") {
  const std::string texts[] = {
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nA: b\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\n\r\n",
  };
  for (const std::string& text : texts) {
    CHECK(Reading(text, SIZE_MAX, true).complete);
    for (size_t size = 0; size < text.size(); ++size) {
      INFO(text.substr(0, size));
      CHECK_FALSE(Reading(text.substr(0, size), SIZE_MAX, true).complete);
    }
  }
}

TEST_CASE("no peer makes a response grow without end") {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  CHECK(Reading(std::string(300'000, 'a'), 1000).parser.error() == Error::kHeadSize);
  std::string fields = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 1001; ++i) fields += "A: b\r\n";
  CHECK(Reading(fields + "\r\n").parser.what() == "more than 1000 headers");
  std::string interim;
  for (int i = 0; i < 20'000; ++i) interim += "HTTP/1.1 102 Processing\r\n\r\n";
  CHECK(Reading(interim).parser.error() == Error::kHeadSize);
  std::string hints = "HTTP/1.1 103 x\r\nA: " + std::string(100'000, 'h') + "\r\n\r\n";
  CHECK(Reading(hints + hints + hints, 5000).parser.error() == Error::kHeadSize);

  std::string padded = chunked;
  for (int i = 0; i < 100; ++i) padded += "1;" + std::string(1000, 'e') + "\r\nx\r\n";
  CHECK(Reading(padded).parser.what() == "chunked encoding contains too much non-data");
  std::string small = chunked;  // but small chunks as such are fair
  for (int i = 0; i < 20'000; ++i) small += "1\r\nx\r\n";
  CHECK(Reading(small + "0\r\n\r\n").complete);

  const std::string ten = "0123456789";
  for (const auto& [text, eof] :
       {std::pair{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" + ten, false},
        std::pair{chunked + "4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n", false},
        std::pair{"HTTP/1.1 200 OK\r\n\r\n" + ten, true}}) {
    INFO(text);
    CHECK(Reading(text, SIZE_MAX, eof, false, 10).complete);
    Reading over(text, SIZE_MAX, eof, false, 9);
    CHECK(over.parser.error() == Error::kBodyLimit);
    CHECK(over.parser.body_too_large);
  }
}

TEST_CASE("a body of known length can be received in its place") {
  ResponseParser parser;
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
  REQUIRE(parser.Put(head + "012") == head.size() + 3);
  CHECK(parser.direct_left() == 7);
  for (const std::string_view part : {"345", "6789"}) {
    const std::span<char> room = parser.Room(parser.direct_left());
    REQUIRE(room.size() >= part.size());
    std::copy(part.begin(), part.end(), room.begin());
    parser.Filled(part.size());
  }
  CHECK(parser.done());
  CHECK(parser.body == "0123456789");
  CHECK(parser.direct_left() == 0);
}

}  // namespace
}  // namespace narthex::http
