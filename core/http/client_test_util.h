#pragma once
// What the tests of the client share: servers good and bad, and short ways to ask them.

#include <sys/resource.h>
#include <sys/un.h>

#include <atomic>
#include <future>
#include <mutex>

#include "core/base/file.h"
#include "core/http/client.h"
#include "core/http/server_test_util.h"
#include "core/tls/tls.h"
#include "tests/loopback.h"

namespace narthex::http {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

inline std::string UrlOf(const Server& server, const std::string& path = "/") {
  return fmt::format("http://127.0.0.1:{}{}", server.ports()[0], path);
}

inline std::shared_ptr<Client> MakeClient(ClientRuntime& runtime, ClientConfig config = {}) {
  auto client = Client::Create(runtime, {.config = std::move(config), .user_agent = "narthex/1"});
  REQUIRE(client.ok());
  return *std::move(client);
}

inline std::string ErrorOf(Client& client, ClientRequest request) {
  const auto response = client.DoBlocking(std::move(request));
  return std::string(MessageOf(response.status()));
}

// Of the server whose certificates MakeCertificates has put there.
inline std::shared_ptr<const tls::Context> ServerContext(const TempDir& dir) {
  const auto context =
      tls::Context::ForServer({.certificate_pem = *ReadFile(dir.path() + "/server.pem"),
                               .key_pem = *ReadFile(dir.path() + "/server.key")});
  REQUIRE(context.ok());
  return *context;
}

// A server of one canned answer a connection: what no decent server would say. It sends its text,
// then `drip` again and again until the peer is gone.
class RudeServer {
 public:
  explicit RudeServer(std::string answer, std::string drip = "", milliseconds pause = {})
      : answer_(std::move(answer)), drip_(std::move(drip)), pause_(pause) {
    listener_ = ListenOnLoopback(&port_);
    thread_ = std::thread([this] { Run(); });
  }
  ~RudeServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::string url() const { return fmt::format("http://127.0.0.1:{}/", port_); }
  int port() const { return port_; }
  int connections() const { return connections_; }
  std::string request() {
    std::lock_guard lock(mutex_);
    return request_;
  }

 private:
  void Run() {
    for (;;) {
      UniqueFd fd(::accept(listener_.get(), nullptr, nullptr));
      if (!fd.valid()) return;
      ++connections_;
      char buffer[65536];
      const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
      {
        std::lock_guard lock(mutex_);
        request_.assign(buffer, n > 0 ? static_cast<size_t>(n) : 0);
      }
      ::send(fd.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
      while (!drip_.empty() && ::send(fd.get(), drip_.data(), drip_.size(), MSG_NOSIGNAL) > 0) {
        std::this_thread::sleep_for(pause_);
      }
    }
  }

  const std::string answer_, drip_;
  const milliseconds pause_;
  UniqueFd listener_;
  int port_ = 0;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::string request_;
  std::thread thread_;
};

}  // namespace narthex::http
