// Connections: listeners, limits, time-outs, the stop, what idle ones cost.
#include <sys/resource.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "core/http/server_test_util.h"

namespace narthex::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

size_t ResidentKilobytes() {
  std::ifstream file("/proc/self/status");
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  }
  return 0;
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

TEST_CASE("connections over the limit wait unaccepted") {
  ServerOptions options;
  options.max_connections = 2;
  auto server = StartServer(EchoRequest, options);
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
  auto server = StartServer(EchoRequest, options);
  REQUIRE(server->ports().size() == 3);
  for (const int port : server->ports()) {
    CHECK(Curl(fmt::format("http://127.0.0.1:{}/", port)) == "GET / []");
  }
  const auto start = [](const std::string& address) {
    auto other = Server::Create({.listen_addresses = {address}}, EchoRequest);
    REQUIRE(other.ok());
    return std::string(MessageOf((*other)->Start()));
  };
  const std::string taken = fmt::format("127.0.0.1:{}", server->ports()[0]);
  CHECK(start(taken) == fmt::format("listen tcp {}: bind: address already in use", taken));
  CHECK_THAT(start("127.0.0.1"), Catch::Contains("missing port in address"));
  CHECK_THAT(start("127.0.0.1:99999"), Catch::Contains("invalid port"));
  CHECK_THAT(start("host.invalid:1"), Catch::Contains("no such host"));
  CHECK_FALSE(Server::Create({}, EchoRequest).ok());
}

TEST_CASE("thousands of idle keep-alive connections cost kilobytes and no thread") {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 20000);
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const size_t count = std::min<size_t>(3000, (limit.rlim_cur - 100) / 2);
  ServerOptions options;
  options.max_connections = count + 10;
  auto server = StartServer(EchoRequest, options);
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
