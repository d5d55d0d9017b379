#pragma once
// A DNS server of tests, UDP and TCP on one port of the loopback.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/base/file.h"
#include "core/base/mutex.h"
#include "tests/catch.h"

namespace narthex::discovery::dns {

inline std::string U16(int v) {
  return {static_cast<char>(v >> 8 & 0xff), static_cast<char>(v & 0xff)};
}

inline std::string WireName(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    out += static_cast<char>(label.size());
    out += label;
    name.remove_prefix(dot == std::string_view::npos ? name.size() : dot + 1);
  }
  return out + '\0';
}

// One record for the name of the question.
inline std::string WireRecord(int type, const std::string& data, const std::string& owner = "") {
  const std::string name = owner.empty() ? std::string("\xc0\x0c", 2) : WireName(owner);
  return name + U16(type) + U16(1) + std::string("\0\0\0\x3c", 4) +
         U16(static_cast<int>(data.size())) + data;
}
inline std::string A(const std::string& address) {
  std::string data(4, '\0');
  inet_pton(AF_INET, address.c_str(), data.data());
  return WireRecord(1, data);
}
inline std::string Aaaa(const std::string& address) {
  std::string data(16, '\0');
  inet_pton(AF_INET6, address.c_str(), data.data());
  return WireRecord(28, data);
}
inline std::string Srv(int port, const std::string& host) {
  return WireRecord(33, U16(1) + U16(1) + U16(port) + WireName(host));
}
inline std::string Mx(const std::string& host) { return WireRecord(15, U16(10) + WireName(host)); }
inline std::string Ns(const std::string& host) { return WireRecord(2, WireName(host)); }

struct DnsReply {
  int code = 3;  // NXDOMAIN
  std::vector<std::string> records;
  bool only_by_tcp = false;
  bool silent = false;
};

// The answer to a query; empty when it is not one.
inline std::string WireAnswer(std::string_view query, const DnsReply& reply, bool truncated) {
  if (query.size() < 17) return "";
  const size_t end = query.find('\0', 12) + 5;
  std::string out(query.substr(0, 2));
  out += static_cast<char>(0x85 | (truncated ? 2 : 0));  // an authoritative answer
  out += static_cast<char>(0x80 | reply.code);
  out += U16(1) + U16(truncated ? 0 : static_cast<int>(reply.records.size())) + U16(0) + U16(0);
  out += query.substr(12, end - 12);
  if (truncated) return out;
  for (const std::string& record : reply.records) out += record;
  return out;
}

class FakeDns {
 public:
  FakeDns() {
    for (int attempt = 0; attempt < 50 && !Bind(); ++attempt) {
    }
    REQUIRE(port_ != 0);
    thread_ = std::thread([this] { Run(); });
  }
  ~FakeDns() {
    stop_ = true;
    thread_.join();
  }

  // The key is "name/type" with the type's number: "x.example/1".
  void Set(const std::string& key, DnsReply reply) {
    MutexLock lock(mutex_);
    replies_[key] = std::move(reply);
  }
  std::vector<std::string> questions() {
    MutexLock lock(mutex_);
    return questions_;
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  bool Bind() {
    tcp_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    udp_.Reset(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) return false;
    ::getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    if (::bind(udp_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) return false;
    if (::listen(tcp_.get(), 10) != 0) return false;
    port_ = ntohs(address.sin_port);
    return true;
  }

  std::string Reply(std::string_view query, bool tcp) {
    std::string name;
    for (size_t at = 12; at < query.size() && query[at] != 0;) {
      const size_t length = static_cast<unsigned char>(query[at]);
      name += std::string(name.empty() ? "" : ".") + std::string(query.substr(at + 1, length));
      at += length + 1;
    }
    const size_t end = query.find('\0', 12);
    const std::string key = fmt::format("{}/{}", name, static_cast<unsigned char>(query[end + 2]));
    MutexLock lock(mutex_);
    questions_.push_back(key + (tcp ? " tcp" : ""));
    const auto found = replies_.find(key);
    const DnsReply reply = found == replies_.end() ? DnsReply{} : found->second;
    if (reply.silent) return "";
    return WireAnswer(query, reply, reply.only_by_tcp && !tcp);
  }

  void Run() {
    char buffer[4096];
    while (!stop_) {
      pollfd fds[] = {{udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}};
      if (::poll(fds, 2, 20) <= 0) continue;
      if (fds[0].revents != 0) {
        sockaddr_in peer{};
        socklen_t length = sizeof peer;
        const ssize_t n = ::recvfrom(udp_.get(), buffer, sizeof buffer, 0,
                                     reinterpret_cast<sockaddr*>(&peer), &length);
        if (n < 17) continue;
        const std::string out = Reply({buffer, static_cast<size_t>(n)}, false);
        if (out.empty()) continue;
        ::sendto(udp_.get(), out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&peer), length);
      }
      if (fds[1].revents != 0) {
        const UniqueFd peer(::accept(tcp_.get(), nullptr, nullptr));
        const ssize_t n = ::recv(peer.get(), buffer, sizeof buffer, 0);
        if (n < 19) continue;
        const std::string out = Reply({buffer + 2, static_cast<size_t>(n - 2)}, true);
        const std::string framed = U16(static_cast<int>(out.size())) + out;
        ::send(peer.get(), framed.data(), framed.size(), MSG_NOSIGNAL);
      }
    }
  }

  UniqueFd udp_, tcp_;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  Mutex mutex_;
  std::map<std::string, DnsReply> replies_ GUARDED_BY(mutex_);
  std::vector<std::string> questions_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace narthex::discovery::dns
