#pragma once
// A server on a loopback port that answers with raw bytes, well or badly, for tests. A thread a
// connection; every connection is closed after its answer.

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <list>
#include <string>

#include "core/base/file.h"
#include "core/base/mutex.h"
#include "core/base/thread.h"
#include "tests/loopback.h"

namespace narthex::scrape {

class RawServer {
 public:
  // One accepted connection whose request head has been read.
  class Peer {
   public:
    Peer(int fd, const std::atomic<bool>* stop, std::string head)
        : fd_(fd), stop_(stop), head_(std::move(head)) {}
    // False when the client has closed or the test is over.
    bool Send(std::string_view data) const {
      while (!data.empty()) {
        if (*stop_) return false;
        const ssize_t n = send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        data.remove_prefix(static_cast<size_t>(n));
      }
      return true;
    }
    // Waits until the client goes away, or that long. True when it went.
    bool WaitClosed(int ms) const {
      pollfd p{.fd = fd_, .events = POLLIN | POLLRDHUP, .revents = 0};
      for (int waited = 0; waited < ms && !*stop_; waited += 20) {
        if (poll(&p, 1, 20) > 0) return true;
      }
      return false;
    }
    const std::string& head() const { return head_; }
    std::string path() const {
      const size_t from = head_.find(' ') + 1;
      return head_.substr(from, head_.find(' ', from) - from);
    }

   private:
    const int fd_;
    const std::atomic<bool>* const stop_;
    const std::string head_;
  };
  using Handler = std::function<void(const Peer&)>;

  explicit RawServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = ListenOnLoopback(&port_, 4096);
    thread_ = NamedThread("raw-server", [this] { Accept(); });
  }
  ~RawServer() {
    stop_ = true;
    shutdown(listener_.get(), SHUT_RDWR);
    thread_.Join();
    connections_.clear();
  }

  int port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  void Accept() {
    while (!stop_) {
      const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      connections_.emplace_back("raw-conn", [this, fd] { Serve(fd); });
    }
  }
  void Serve(int fd) {
    const UniqueFd owner(fd);
    const timeval timeout{.tv_sec = 0, .tv_usec = 200'000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    std::string head;
    char buffer[4096];
    while (head.find("\r\n\r\n") == std::string::npos) {
      pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
      while (!stop_ && poll(&p, 1, 20) == 0) {
      }
      const ssize_t n = stop_ ? 0 : recv(fd, buffer, sizeof buffer, 0);
      if (n <= 0) return;
      head.append(buffer, static_cast<size_t>(n));
    }
    handler_(Peer(fd, &stop_, std::move(head)));
    shutdown(fd, SHUT_WR);
  }

  const Handler handler_;
  UniqueFd listener_;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  std::list<NamedThread> connections_;  // the accepting thread's until it has ended
  NamedThread thread_;
};

// A complete answer with this body.
inline std::string HttpAnswer(std::string_view body, std::string_view type = "text/plain",
                              std::string_view status = "200 OK",
                              std::string_view extra_headers = "") {
  return fmt::format(
      "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}Connection: close\r\n\r\n{}",
      status, type, body.size(), extra_headers, body);
}

}  // namespace narthex::scrape
