#include "core/http/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "core/http/ascii.h"

namespace narthex::http {
namespace {

Status SocketError(std::string_view address, std::string_view call) {
  const int error = errno;
  return Unavailable("listen tcp {}: {}: {}", address, call, ErrnoText(error));
}

StatusOr<UniqueFd> BindAndListen(const std::string& address, const sockaddr* target,
                                 socklen_t length, bool dual_stack) {
  UniqueFd fd(::socket(target->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return SocketError(address, "socket");
  const int one = 1;
  const int v6_only = dual_stack ? 0 : 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (target->sa_family == AF_INET6) {
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  }
  if (::bind(fd.get(), target, length) != 0) return SocketError(address, "bind");
  if (::listen(fd.get(), SOMAXCONN) != 0) return SocketError(address, "listen");
  return fd;
}

StatusOr<UniqueFd> ListenAny(const std::string& address, uint16_t port) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  auto fd = BindAndListen(address, reinterpret_cast<const sockaddr*>(&v6), sizeof v6, true);
  if (fd.ok() || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)) return fd;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  return BindAndListen(address, reinterpret_cast<const sockaddr*>(&v4), sizeof v4, false);
}

}  // namespace

Status SplitHostPort(std::string_view address, std::string* host, std::string* port) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) {
    return InvalidArgument("address {}: missing port in address", address);
  }
  std::string_view name = address.substr(0, colon);
  if (name.starts_with('[') && name.ends_with(']')) {
    name = name.substr(1, name.size() - 2);
  } else if (name.find(':') != std::string_view::npos) {
    return InvalidArgument("address {}: too many colons in address", address);
  }
  *host = name;
  *port = address.substr(colon + 1);
  return OkStatus();
}

StatusOr<UniqueFd> Listen(const std::string& address) {
  std::string host, port;
  const Status split = SplitHostPort(address, &host, &port);
  if (!split.ok()) return InvalidArgument("listen tcp: {}", MessageOf(split));
  const bool digits = port.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || port.size() > 5 || (!port.empty() && std::stoi(port) > 65535)) {
    return InvalidArgument("listen tcp: address {}: invalid port", port);
  }
  if (host.empty()) return ListenAny(address, port.empty() ? 0 : std::stoi(port));

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &raw);
  if (failed != 0) return Unavailable("listen tcp: lookup {}: no such host", host);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(raw, ::freeaddrinfo);
  // Go listens on the IPv4 address of a name that has both.
  const addrinfo* chosen = list.get();
  for (const addrinfo* item = list.get(); item != nullptr; item = item->ai_next) {
    if (item->ai_family == AF_INET) {
      chosen = item;
      break;
    }
  }
  return BindAndListen(address, chosen->ai_addr, chosen->ai_addrlen, false);
}

int BoundPort(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
}

}  // namespace narthex::http
