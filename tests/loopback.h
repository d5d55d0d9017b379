#pragma once
// Sockets of tests that play servers by hand.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "core/base/check.h"
#include "core/base/file.h"

namespace narthex {

// Listens on a free port of 127.0.0.1.
inline UniqueFd ListenOnLoopback(int* port, int backlog = 100) {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  NX_CHECK(::bind(listener.get(), name, length) == 0);
  NX_CHECK(::listen(listener.get(), backlog) == 0);
  NX_CHECK(::getsockname(listener.get(), name, &length) == 0);
  *port = ntohs(address.sin_port);
  return listener;
}

}  // namespace narthex
