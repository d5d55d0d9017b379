// Answers that take long: back-pressure, clients that leave, event streams.
#include <atomic>
#include <mutex>

#include "core/http/server_test_util.h"

namespace narthex::http {
namespace {

using std::chrono::milliseconds;

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

TEST_CASE("a stream that is broken off has no end") {
  auto server = StartServer([&](const Request& request, ResponseWriter& response) {
    response.Write("begun");
    if (request.path == "/break") response.Abort();
  });
  for (const bool broken : {false, true}) {
    RawSocket socket(server->ports()[0]);
    socket.Send(fmt::format("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                            broken ? "break" : "end"));
    const std::string answer = socket.ReadToEnd();
    CHECK(answer.find("begun") != std::string::npos);
    CHECK(answer.ends_with("0\r\n\r\n") != broken);
  }
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

}  // namespace
}  // namespace narthex::http
