#include "core/http/transport.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace narthex::http {

IoResult Transport::FromTls(const tls::Session::Result& result) {
  switch (result.state) {
    case tls::Session::State::kDone: return {IoState::kDone, result.bytes, 0};
    case tls::Session::State::kWantRead: return {IoState::kWantRead, 0, 0};
    case tls::Session::State::kWantWrite: return {IoState::kWantWrite, 0, 0};
    case tls::Session::State::kEof: return {IoState::kEof, 0, 0};
    case tls::Session::State::kError: break;
  }
  return {IoState::kError, 0, result.error};
}

IoResult Transport::Handshake() { return FromTls(tls_->Handshake()); }

IoResult Transport::Read(char* data, size_t size) {
  if (tls_ != nullptr) return FromTls(tls_->Read(data, size));
  for (;;) {
    const ssize_t n = ::recv(fd(), data, size, MSG_DONTWAIT);
    if (n > 0) return {IoState::kDone, static_cast<size_t>(n), 0};
    if (n == 0) return {IoState::kEof, 0, 0};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoState::kWantRead, 0, 0};
    return {IoState::kError, 0, errno};
  }
}

IoResult Transport::Write(std::span<const std::string_view> parts) {
  if (tls_ != nullptr) {
    constexpr size_t kRecord = 16 << 10;
    if (parts.size() == 1 || parts[0].size() >= kRecord) return FromTls(tls_->Write(parts[0]));
    // One record for the head and what fits of the body. A repeated call sees the same beginning.
    std::string joined;
    for (const std::string_view part : parts) {
      joined.append(part.substr(0, kRecord - joined.size()));
      if (joined.size() == kRecord) break;
    }
    return FromTls(tls_->Write(joined));
  }
  std::array<iovec, 16> vectors;
  const size_t count = std::min(parts.size(), vectors.size());
  for (size_t i = 0; i < count; ++i) {
    vectors[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  for (;;) {
    const ssize_t n = ::sendmsg(fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) return {IoState::kDone, static_cast<size_t>(n), 0};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {IoState::kWantWrite, 0, 0};
    return {IoState::kError, 0, errno};
  }
}

void Transport::WakeFrom(size_t bytes) {
  constexpr size_t kMost = 1 << 20;  // the kernel makes room for it
  bytes = tls_ != nullptr ? 1 : std::clamp<size_t>(bytes, 1, kMost);
  if (bytes == wake_from_) return;
  const int value = static_cast<int>(bytes);
  if (::setsockopt(fd(), SOL_SOCKET, SO_RCVLOWAT, &value, sizeof value) == 0) wake_from_ = bytes;
}

void Transport::SendPlain(std::string_view text) {
  (void)::send(fd(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Transport::ShutdownWrite() {
  if (tls_ != nullptr) tls_->Shutdown();
  ::shutdown(fd(), SHUT_WR);
}

void Transport::Close() {
  if (tls_ != nullptr && open()) tls_->Shutdown();
  boost::system::error_code ignored;
  descriptor_.close(ignored);
}

std::string FormatPeer(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  char text[INET6_ADDRSTRLEN] = "";
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return "@";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return fmt::format("{}:{}", text, ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      ::inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, sizeof text);
      return fmt::format("{}:{}", text, ntohs(v6.sin6_port));
    }
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
  }
  return "@";
}

}  // namespace narthex::http
