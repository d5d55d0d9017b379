// Bodies of all sizes, prepared requests, memory that is used again.

#include <future>

#include "core/http/body_pool.h"
#include "core/http/client_test_util.h"

namespace narthex::http {
namespace {

std::string Pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
  return text;
}

// A pool with one buffer of that size.
std::shared_ptr<BodyPool> Used(size_t size) {
  auto bodies = std::make_shared<BodyPool>();
  bodies->Put(std::string(size, '!'));
  return bodies;
}

StatusOr<ClientResponse> Fetch(Client& client, std::shared_ptr<const PreparedRequest> request) {
  std::promise<StatusOr<ClientResponse>> promise;
  client.Do(std::move(request),
            [&](StatusOr<ClientResponse> answer) { promise.set_value(std::move(answer)); });
  return promise.get_future().get();
}

TEST_CASE("a body of known length arrives whole in whatever memory there is") {
  auto server = StartServer([](const Request& request, ResponseWriter& response) {
    response.headers().Set("Content-Encoding", "identity");
    response.Send(200, "text/plain", Pattern(std::stoul(request.path.substr(1))));
  });
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  for (const size_t size :
       {0, 1, 100, 16'200, 16'384, 16'500, 65'536, 300'000, 1 << 20, (1 << 20) + 1, 5'000'000}) {
    for (const size_t old : {0, 20'000, 400'000, 1'000'000}) {
      INFO(size << " bytes into " << old);
      const auto answer = Fetch(
          *client,
          client->Prepare({.url = UrlOf(*server, fmt::format("/{}", size)), .bodies = Used(old)}));
      REQUIRE(answer.ok());
      REQUIRE(answer->body.size() == size);
      CHECK((answer->body == Pattern(size)));
    }
  }
  CHECK(server->stats().accepted_connections == 1);
}

TEST_CASE("a chunked body arrives whole in memory used before") {
  std::string answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const size_t size : {10, 70'000, 1, 30'000}) {
    answer += fmt::format("{:x}\r\n{}\r\n", size, Pattern(size));
  }
  RudeServer server(answer + "0\r\n\r\n");
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  for (const size_t old : {0, 20'000, 200'000}) {
    const auto got = Fetch(*client, client->Prepare({.url = server.url(), .bodies = Used(old)}));
    REQUIRE(got.ok());
    CHECK((got->body == Pattern(10) + Pattern(70'000) + Pattern(1) + Pattern(30'000)));
  }
}

TEST_CASE("a body that stays behind its length or its budget is an error") {
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  RudeServer cut("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + Pattern(50'000));
  CHECK(ErrorOf(*client, {.url = cut.url()}) == "unexpected EOF");
  auto server = StartServer([](const Request&, ResponseWriter& response) {
    response.headers().Set("Content-Encoding", "identity");
    response.Send(200, "text/plain", Pattern(3'000'000));
  });
  const auto budget = std::make_shared<ByteBudget>(2'000'000, "little");
  CHECK_THAT(ErrorOf(*client, {.url = UrlOf(*server), .body_budget = budget}),
             Catch::Contains("memory limit reached: little"));
  CHECK(Eventually([&] { return budget->used() == 0; }));  // the exchange goes after its callback
}

TEST_CASE("a refusal is told whatever becomes of its body") {
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  const std::string head = "HTTP/1.1 503 Out to lunch\r\nContent-Encoding: gzip\r\n";
  struct Case {
    const char* name;
    std::string answer, drip;
  };
  const Case cases[] = {
      {"too large", head + "Content-Length: 1000000\r\n\r\n", ""},
      {"larger and larger", head + "\r\n", std::string(1000, 'x')},
      {"cut off", head + "Content-Length: 100\r\n\r\nx", ""},
      {"malformed", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", ""},
      {"too slow", head + "Content-Length: 100000\r\n\r\n", "x"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    RudeServer server(c.answer, c.drip, milliseconds(c.drip.size() == 1 ? 5 : 0));
    const auto answer = client->DoBlocking({.url = server.url(),
                                            .timeout = milliseconds(1000),
                                            .max_body_bytes = 10'000,
                                            .decode_gzip = true});
    REQUIRE(answer.ok());
    CHECK(answer->status_line() == "503 Out to lunch");
    CHECK(answer->body.empty());
  }
  // So is where a redirect leads.
  RudeServer target("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  RudeServer redirect("HTTP/1.1 302 Found\r\nLocation: " + target.url() +
                      "\r\nContent-Length: 1000000\r\n\r\n");
  const auto answer = client->DoBlocking({.url = redirect.url(), .max_body_bytes = 10'000});
  REQUIRE(answer.ok());
  CHECK(answer->body == "ok");
  RudeServer stuck("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 100000\r\n\r\n", "x",
                   milliseconds(5));
  const auto late = client->DoBlocking({.url = stuck.url(), .timeout = milliseconds(200)});
  REQUIRE(late.ok());
  CHECK(late->status == 302);
}

TEST_CASE("a request made by a callback never calls back at once") {
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  const auto refused =
      client->Prepare({.url = "http://127.0.0.1:1/", .unix_socket = "/nowhere.sock"});
  std::promise<bool> at_once;
  client->Do({.url = "http://127.0.0.1:1/"}, [&](const auto&) {
    auto returned = std::make_shared<std::atomic<bool>>(false);
    client->Do(refused, [&, returned](const auto& answer) {
      at_once.set_value(answer.ok() || !returned->load());
    });
    *returned = true;
  });
  CHECK_FALSE(at_once.get_future().get());
}

TEST_CASE("each request on a loop has a deadline of its own") {
  RudeServer drips("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "x", milliseconds(5));
  ClientRuntime runtime;
  auto client = MakeClient(runtime);
  const std::vector<int> timeouts = {900, 100, 500, 300};  // the later ones wait for an answer
  std::vector<std::promise<std::chrono::steady_clock::time_point>> ends(timeouts.size());
  std::vector<std::chrono::steady_clock::time_point> at;
  for (size_t i = 0; i < ends.size(); ++i) {
    client->Do({.url = drips.url(), .timeout = milliseconds(timeouts[i])}, [&, i](const auto& a) {
      CHECK_THAT(std::string(MessageOf(a.status())), Catch::Contains("context deadline exceeded"));
      ends[i].set_value(std::chrono::steady_clock::now());
    });
  }
  for (auto& end : ends) at.push_back(end.get_future().get());
  CHECK(at[1] < at[3]);
  CHECK(at[3] < at[2]);
  CHECK(at[2] < at[0]);
}

}  // namespace
}  // namespace narthex::http
