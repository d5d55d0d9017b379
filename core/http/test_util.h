#pragma once
// Helpers of the tests of this folder: raw sockets, commands, certificates.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "core/base/file.h"
#include "core/http/server.h"
#include "tests/catch.h"
#include "tests/eventually.h"
#include "tests/temp_dir.h"

namespace narthex::http {

class RawSocket {
 public:
  explicit RawSocket(int port, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) {
      ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  bool connected() const { return connected_; }
  int fd() const { return fd_.get(); }
  bool Send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  void CloseSending() { ::shutdown(fd_.get(), SHUT_WR); }
  // Appends what arrives within the time; false at the end of the stream or on an error.
  bool ReadSome(std::string* out, int timeout_ms = 30000) {
    pollfd entry{fd_.get(), POLLIN, 0};
    if (::poll(&entry, 1, timeout_ms) <= 0) return false;
    char buffer[65536];
    const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    out->append(buffer, static_cast<size_t>(n));
    return true;
  }
  std::string ReadToEnd() {
    std::string out;
    while (ReadSome(&out)) {
    }
    return out;
  }
  std::string ReadUntil(std::string_view end) {
    std::string out;
    while (out.find(end) == std::string::npos && ReadSome(&out)) {
    }
    return out;
  }

 private:
  UniqueFd fd_;
  bool connected_ = false;
};

struct CommandResult {
  int exit_code = -1;
  std::string output;
};

inline CommandResult RunCommand(const std::string& command) {
  CommandResult result;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  char buffer[65536];
  size_t n = 0;
  while ((n = ::fread(buffer, 1, sizeof buffer, pipe)) > 0) result.output.append(buffer, n);
  const int status = ::pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

inline std::string Curl(const std::string& arguments) {
  return RunCommand("curl -sS --max-time 30 --noproxy '*' " + arguments).output;
}

// ca.pem, and for each name NAME.pem with NAME.key signed by it.
inline void MakeCertificates(const TempDir& dir) {
  const auto result = RunCommand(fmt::format(
      R"(cd {} && set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=test-ca
leaf() {{ openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -out $1.csr -subj /CN=$1
  printf "subjectAltName=$2\n" > $1.ext
  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $1.pem -days 30 -extfile $1.ext; }}
leaf server DNS:localhost,IP:127.0.0.1
leaf server2 DNS:localhost,IP:127.0.0.1,DNS:second.example
leaf client DNS:client.example,URI:spiffe://x/y
leaf other DNS:other.example)",
      dir.path()));
  REQUIRE(result.exit_code == 0);
}

}  // namespace narthex::http
