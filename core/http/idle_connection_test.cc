// Connections nobody uses, on a loop that the test turns by hand: what wakes them, and how often.

#include <sys/socket.h>

#include "core/http/client_connection.h"
#include "core/http/client_test_util.h"
#include "core/tls/tls.h"

namespace narthex::http {
namespace {

using tls::Session;

struct Pair {
  UniqueFd a, b;
  Pair() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    a = UniqueFd(fds[0]);
    b = UniqueFd(fds[1]);
  }
};

std::string Drain(int fd) {
  std::string buffer(65536, '\0');
  const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
  buffer.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return buffer;
}

// A client, TLS to a proxy, and TLS through that to a server: all on one thread, so that the test
// decides which bytes go together.
struct TlsInTls {
  TempDir dir;
  Pair front, back;  // client and proxy, proxy and server
  std::unique_ptr<Session> client, proxy, server;

  TlsInTls() {
    MakeCertificates(dir);
    const auto own = tls::Context::ForClient({.skip_verify = true});
    REQUIRE(own.ok());
    proxy = Session::Accept(ServerContext(dir), front.b.get()).value();
    auto outer = Session::Connect(*own, front.a.get(), "localhost").value();
    bool done = false;
    for (int i = 0; i < 100 && !done; ++i) {
      const bool one = outer->Handshake().state == Session::State::kDone;
      done = proxy->Handshake().state == Session::State::kDone && one;
    }
    REQUIRE(done);
    server = Session::Accept(ServerContext(dir), back.b.get()).value();
    client = Session::ConnectThrough(*own, std::move(outer), "localhost").value();
    done = false;
    for (int i = 0; i < 100 && !done; ++i) {
      const bool one = client->Handshake().state == Session::State::kDone;
      Forward();
      done = server->Handshake().state == Session::State::kDone && one;
      Deliver(FromServer());
    }
    REQUIRE(done);
  }

  // What the client has sent goes to the server.
  void Forward() {
    char buffer[16384];
    for (;;) {
      const auto result = proxy->Read(buffer, sizeof buffer);
      if (result.state != Session::State::kDone) return;
      REQUIRE(::send(back.a.get(), buffer, result.bytes, 0) == static_cast<ssize_t>(result.bytes));
    }
  }
  std::string FromServer() const { return Drain(back.a.get()); }
  // In one record of the proxy's.
  void Deliver(std::string_view bytes) const {
    if (bytes.empty()) return;
    REQUIRE(proxy->Write(bytes).bytes == bytes.size());
  }
};

TEST_CASE("an idle connection takes what TLS keeps to itself, and wakes no more") {
  TlsInTls way;
  auto loop = std::make_shared<ClientLoop>();
  auto pool = std::make_shared<ConnectionPool>(loop, 10, milliseconds(0));
  auto connection =
      std::make_shared<ClientConnection>(loop, std::move(way.front.a), pool->ListOf("server"));
  connection->transport.StartTls(std::move(way.client));

  // An answer, and behind it the beginning of a record that says nothing yet.
  constexpr std::string_view kAnswer = "the answer";
  constexpr size_t kHeldBack = 5;
  REQUIRE(way.server->Write(kAnswer).bytes == kAnswer.size());
  way.server->Shutdown();
  const std::string records = way.FromServer();
  REQUIRE(records.size() > kAnswer.size() + kHeldBack);
  way.Deliver(std::string_view(records).substr(0, records.size() - kHeldBack));
  std::string got(kAnswer.size(), '\0');
  REQUIRE(connection->transport.Read(got.data(), got.size()).bytes == kAnswer.size());
  CHECK(got == kAnswer);
  REQUIRE(connection->transport.tls()->has_pending_input());

  pool->Put(connection);
  int wakes = 0;
  while (wakes < 1000 && loop->context.poll_one() > 0) ++wakes;
  CHECK(wakes < 10);
  CHECK_FALSE(connection->transport.tls()->has_pending_input());
  CHECK(pool->idle_count() == 1);

  // The record's end: the server is gone, and so is the connection.
  way.Deliver(std::string_view(records).substr(records.size() - kHeldBack));
  CHECK(Eventually([&] {
    loop->context.restart();
    loop->context.poll();
    return pool->idle_count() == 0;
  }));
  CHECK_FALSE(connection->transport.open());
  pool->CloseAll();
  loop->Drain();
}

}  // namespace
}  // namespace narthex::http
