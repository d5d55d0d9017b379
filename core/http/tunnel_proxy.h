#pragma once
// A proxy for tests: it lets one connection after the other through to a port of the loopback,
// asked by CONNECT, in the open or inside TLS, or by SOCKS 5. What it was asked is kept.

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/http/test_util.h"
#include "core/tls/tls.h"
#include "tests/loopback.h"

namespace narthex::http {

class TunnelProxy {
 public:
  struct Options {
    bool socks = false;
    std::string user, password;                    // SOCKS: asks for them
    std::string socks_reply;                       // instead of opening the way
    std::shared_ptr<const tls::Context> tls = {};  // the client's side of it is encrypted
  };

  TunnelProxy(int port, Options options) : port_(port), options_(std::move(options)) {
    listener_ = ListenOnLoopback(&own_port_);
    thread_ = std::thread([this] { Run(); });
  }
  ~TunnelProxy() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }

  std::string url(const std::string& scheme, const std::string& user = "") const {
    return fmt::format("{}://{}localhost:{}", scheme, user, own_port_);
  }
  std::vector<std::string> asked() {
    std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  // The client's side, blocking.
  struct Front {
    UniqueFd fd;
    std::unique_ptr<tls::Session> session;

    bool Await(tls::Session::State state) const {
      const bool write = state == tls::Session::State::kWantWrite;
      pollfd wait = {fd.get(), static_cast<short>(write ? POLLOUT : POLLIN), 0};
      return (write || state == tls::Session::State::kWantRead) && ::poll(&wait, 1, 30'000) == 1;
    }
    bool Handshake() const {
      for (;;) {
        const auto result = session->Handshake();
        if (result.state == tls::Session::State::kDone) return true;
        if (!Await(result.state)) return false;
      }
    }
    // What there is; empty at the end.
    std::string Read() const {
      std::string buffer(65536, '\0');
      if (session == nullptr) {
        const ssize_t n = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
        return buffer.substr(0, n > 0 ? static_cast<size_t>(n) : 0);
      }
      for (;;) {
        const auto result = session->Read(buffer.data(), buffer.size());
        if (result.state == tls::Session::State::kDone) return buffer.substr(0, result.bytes);
        if (!Await(result.state)) return {};
      }
    }
    void Write(std::string_view data) const {
      while (!data.empty()) {
        if (session == nullptr) {
          const ssize_t n = ::send(fd.get(), data.data(), data.size(), MSG_NOSIGNAL);
          if (n <= 0) return;
          data.remove_prefix(static_cast<size_t>(n));
          continue;
        }
        const auto result = session->Write(data);
        if (result.state == tls::Session::State::kDone) {
          data.remove_prefix(result.bytes);
        } else if (!Await(result.state)) {
          return;
        }
      }
    }
    std::string ReadExactly(size_t size) const {
      std::string all;
      while (all.size() < size) {
        const std::string more = Read();
        if (more.empty()) break;
        all += more;
      }
      return all;
    }
  };

  void Note(std::string text) {
    std::lock_guard lock(mutex_);
    asked_.push_back(std::move(text));
  }

  bool OpenByConnect(const Front& front) {
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos) {
      const std::string more = front.Read();
      if (more.empty()) return false;
      request += more;
    }
    Note(request);
    front.Write("HTTP/1.1 200 Connection established\r\n\r\n");
    return true;
  }

  bool OpenBySocks(const Front& front) {
    const bool login = !options_.user.empty();
    std::string asked = front.ReadExactly(3);  // clients wait for each answer
    front.Write(login ? "\5\2" : std::string_view("\5\0", 2));
    if (login) {
      const auto field = [](const std::string& text) {
        return std::string(1, static_cast<char>(text.size())) + text;
      };
      const std::string wanted = "\1" + field(options_.user) + field(options_.password);
      const bool right = front.Read() == wanted;
      front.Write(right ? std::string_view("\1\0", 2) : "\1\1");
      if (!right) return false;
    }
    asked += front.ReadExactly(10);
    Note(asked);
    if (!options_.socks_reply.empty()) {
      front.Write(options_.socks_reply);
      return false;
    }
    // In two pieces, and a name for an address.
    front.Write(std::string_view("\5\0\0", 3));
    front.Write(std::string_view("\3\4here\0\1", 8));
    return true;
  }

  void Relay(const Front& front) const {
    RawSocket back(port_);
    pollfd both[2] = {{front.fd.get(), POLLIN, 0}, {back.fd(), POLLIN, 0}};
    std::string buffer(65536, '\0');
    while (::poll(both, 2, 30'000) > 0) {
      if (both[0].revents != 0) {
        const std::string data = front.Read();
        if (data.empty()) return;
        ::send(back.fd(), data.data(), data.size(), MSG_NOSIGNAL);
      }
      if (both[1].revents != 0) {
        const ssize_t n = ::recv(back.fd(), buffer.data(), buffer.size(), 0);
        if (n <= 0) return;
        front.Write({buffer.data(), static_cast<size_t>(n)});
      }
    }
  }

  void Serve(Front front) {
    if (options_.tls != nullptr) {
      auto session = tls::Session::Accept(options_.tls, front.fd.get());
      if (!session.ok()) return;
      front.session = *std::move(session);
      if (!front.Handshake()) return;
    }
    if (options_.socks ? OpenBySocks(front) : OpenByConnect(front)) Relay(front);
  }

  void Run() {
    for (;;) {
      UniqueFd fd(::accept(listener_.get(), nullptr, nullptr));
      if (!fd.valid()) return;
      Serve({.fd = std::move(fd), .session = nullptr});
    }
  }

  const int port_;
  const Options options_;
  UniqueFd listener_;
  int own_port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> asked_;
  std::thread thread_;
};

}  // namespace narthex::http
