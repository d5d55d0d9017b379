// The network stack against itself on loopback: requests a second over kept-alive connections,
// small and large answers, and what an idle connection costs in memory.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/mutex.h"
#include "core/http/client.h"
#include "core/http/server.h"

namespace narthex::http {
namespace {

std::unique_ptr<Server> StartServer(std::string body) {
  ServerOptions options;
  options.listen_addresses = {"127.0.0.1:0"};
  options.max_connections = 20'000;
  auto server =
      Server::Create(options, [body = std::move(body)](const Request&, ResponseWriter& r) {
        r.Send(200, "text/plain; charset=utf-8", body);
      });
  NX_CHECK(server.ok());
  NX_CHECK((*server)->Start().ok());
  return *std::move(server);
}

// Keeps `in_flight` requests under way, each on its own kept-alive connection.
class Load {
 public:
  Load(Client& client, std::string url, size_t in_flight)
      : client_(client), url_(std::move(url)), in_flight_(in_flight) {}

  void Run(size_t requests) {
    left_ = requests;
    running_ = 0;
    for (size_t i = 0; i < std::min(in_flight_, requests); ++i) {
      ++running_;
      Next();
    }
    MutexLock lock(mutex_);
    idle_.Wait(lock, [this] { return running_.load() == 0; });
  }

 private:
  void Next() {
    if (left_.fetch_sub(1) <= 0) {
      MutexLock lock(mutex_);
      if (running_.fetch_sub(1) == 1) idle_.NotifyAll();
      return;
    }
    client_.Do({.url = url_}, [this](StatusOr<ClientResponse> response) {
      NX_CHECK(response.ok() && response->status == 200);
      Next();
    });
  }

  Client& client_;
  const std::string url_;
  const size_t in_flight_;
  std::atomic<int64_t> left_{0};
  std::atomic<int64_t> running_{0};
  Mutex mutex_;
  CondVar idle_;
};

void BM_KeepAlive(benchmark::State& state) {
  const auto in_flight = static_cast<size_t>(state.range(0));
  const auto bytes = static_cast<size_t>(state.range(1));
  const auto server = StartServer(std::string(bytes, 'x'));
  ClientRuntime runtime;
  auto client = Client::Create(runtime, {.max_idle_connections_per_host = in_flight}).value();
  Load load(*client, fmt::format("http://127.0.0.1:{}/", server->ports()[0]), in_flight);
  load.Run(in_flight);  // opens the connections
  constexpr size_t kBatch = 2000;
  for (auto _ : state) load.Run(kBatch);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kBatch * bytes));
  server->Stop();
}
BENCHMARK(BM_KeepAlive)
    ->ArgNames({"connections", "body"})
    ->Args({1, 100})
    ->Args({64, 100})
    ->Args({64, 100'000})
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

size_t ResidentBytes() {
  const std::string text = ReadFile("/proc/self/statm").value();
  return std::stoull(text.substr(text.find(' ') + 1)) * static_cast<size_t>(getpagesize());
}

// A connection that has asked once and says no more, as a browser's or a scraper's between scrapes.
UniqueFd Visit(int port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  NX_CHECK(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  NX_CHECK(send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(request.size()));
  char answer[1024];
  NX_CHECK(recv(fd.get(), answer, sizeof answer, 0) > 0);
  return fd;
}

// The sockets' own memory is the kernel's and not counted.
void BM_IdleConnections(benchmark::State& state) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const int64_t wanted =
      std::min<int64_t>(state.range(0), static_cast<int64_t>(files.rlim_cur / 2) - 100);
  double per_connection = 0;
  for (auto _ : state) {
    const auto server = StartServer("ok");
    Visit(server->ports()[0]);
    std::vector<UniqueFd> idle;
    idle.reserve(static_cast<size_t>(wanted));
    const size_t before = ResidentBytes();
    for (int64_t i = 0; i < wanted; ++i) idle.push_back(Visit(server->ports()[0]));
    per_connection = static_cast<double>(ResidentBytes() - before) / static_cast<double>(wanted);
    server->Stop();
  }
  state.counters["connections"] = static_cast<double>(wanted);
  state.counters["bytes/connection"] = per_connection;
}
BENCHMARK(BM_IdleConnections)->Arg(5000)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace narthex::http
