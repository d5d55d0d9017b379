#pragma once
// An HTTP server of tests: one handler that can be exchanged, every request kept.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/http/server.h"
#include "tests/catch.h"

namespace narthex::discovery {

class ScriptedServer {
 public:
  explicit ScriptedServer(http::Handler handler) : handler_(std::move(handler)) {
    http::ServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    options.worker_threads = 16;
    auto server = http::Server::Create(
        options, [this](const http::Request& request, http::ResponseWriter& response) {
          http::Handler handler;
          {
            MutexLock lock(mutex_);
            requests_.push_back(request);
            handler = handler_;
          }
          handler(request, response);
        });
    REQUIRE(server.ok());
    server_ = *std::move(server);
    REQUIRE(server_->Start().ok());
  }
  ~ScriptedServer() { server_->Stop(std::chrono::milliseconds(0)); }

  void Set(http::Handler handler) {
    MutexLock lock(mutex_);
    handler_ = std::move(handler);
  }
  std::string address() const { return fmt::format("127.0.0.1:{}", server_->ports()[0]); }
  std::string url(const std::string& path = "/") const { return "http://" + address() + path; }
  std::vector<http::Request> requests() {
    MutexLock lock(mutex_);
    return requests_;
  }

 private:
  Mutex mutex_;
  http::Handler handler_ GUARDED_BY(mutex_);
  std::vector<http::Request> requests_ GUARDED_BY(mutex_);
  std::unique_ptr<http::Server> server_;
};

inline http::Handler Json(std::string body) {
  return [body = std::move(body)](const http::Request&, http::ResponseWriter& response) {
    response.Send(200, "application/json", body);
  };
}

inline http::Handler Answer(int status, std::string type, std::string body) {
  return [=](const http::Request&, http::ResponseWriter& response) {
    response.Send(status, type, body);
  };
}

}  // namespace narthex::discovery
