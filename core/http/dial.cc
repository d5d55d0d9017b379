#include "core/http/dial.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "core/http/listener.h"

namespace narthex::http {
namespace {

using std::chrono::milliseconds;

// The least an address gets when a name has many: Go's fallback is of this order.
constexpr milliseconds kMinPatience{1000};

void SetPort(SocketAddress* address, uint16_t port) {
  if (address->storage.ss_family == AF_INET) {
    reinterpret_cast<sockaddr_in&>(address->storage).sin_port = htons(port);
  } else if (address->storage.ss_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(address->storage).sin6_port = htons(port);
  }
}

}  // namespace

void Dial::StartTcp(const std::string& host, const std::string& port, milliseconds patience) {
  patience_ = patience;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number > 65535) {
    failure_ = DialFailure::kUnknown;
    return Finish(InvalidArgument("dial tcp: address {}: invalid port", port));
  }
  port_ = static_cast<uint16_t>(number);
  resolver_->Resolve(host, [self = shared_from_this()](auto addresses) {
    self->loop_->Post([self, addresses = std::move(addresses)]() mutable {
      self->OnAddresses(std::move(addresses));
    });
  });
}

void Dial::StartUnix(const std::string& path) {
  SocketAddress address;
  auto& unix_address = reinterpret_cast<sockaddr_un&>(address.storage);
  if (path.size() >= sizeof unix_address.sun_path) {
    failure_ = DialFailure::kUnknown;
    return Finish(InvalidArgument("dial unix {}: path too long", path));
  }
  unix_address.sun_family = AF_UNIX;
  std::memcpy(unix_address.sun_path, path.c_str(), path.size() + 1);
  address.length = sizeof unix_address;
  addresses_.push_back(address);
  TryNext();
}

void Dial::Cancel() {
  callback_ = nullptr;
  timer_.cancel();
  descriptor_.reset();
}

void Dial::OnAddresses(StatusOr<std::vector<SocketAddress>> addresses) {
  if (callback_ == nullptr) return;
  if (!addresses.ok()) {
    failure_ = DialFailure::kResolution;
    return Finish(Unavailable("dial tcp: {}", MessageOf(addresses.status())));
  }
  addresses_ = *std::move(addresses);
  for (SocketAddress& address : addresses_) SetPort(&address, port_);
  TryNext();
}

void Dial::TryNext() {
  if (callback_ == nullptr) return;
  if (next_ >= addresses_.size()) return Finish(first_error_);
  const SocketAddress& address = addresses_[next_++];
  UniqueFd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return OnFailure("socket", errno);
  if (address.storage.ss_family != AF_UNIX) {
    const int one = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  }
  const int result =
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length);
  if (result == 0) return Finish(std::move(fd));
  if (errno != EINPROGRESS) return OnFailure("connect", errno);
  descriptor_.emplace(loop_->context, fd.release());
  descriptor_->async_wait(boost::asio::posix::stream_descriptor::wait_write,
                          [self = shared_from_this()](const boost::system::error_code& error) {
                            if (!error) self->OnWritable();
                          });
  if (next_ == addresses_.size()) return;  // the last one may use all that is left
  const auto left = static_cast<int64_t>(addresses_.size() - next_ + 1);
  timer_.expires_after(std::max(kMinPatience, patience_ / left));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (error || self->callback_ == nullptr) return;
    self->descriptor_.reset();
    self->OnFailure("connect", ETIMEDOUT);
  });
}

void Dial::OnWritable() {
  if (callback_ == nullptr || !descriptor_) return;
  timer_.cancel();
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(descriptor_->native_handle(), SOL_SOCKET, SO_ERROR, &error, &length);
  UniqueFd fd(descriptor_->release());
  descriptor_.reset();
  if (error != 0) return OnFailure("connect", error);
  Finish(std::move(fd));
}

void Dial::OnFailure(std::string_view call, int error) {
  if (first_error_.ok()) {
    failure_ = error == ECONNREFUSED ? DialFailure::kRefused
               : error == ETIMEDOUT  ? DialFailure::kTimeout
                                     : DialFailure::kUnknown;
    const SocketAddress& address = addresses_[next_ - 1];
    first_error_ =
        Unavailable("dial {} {}: {}: {}", address.storage.ss_family == AF_UNIX ? "unix" : "tcp",
                    address.ToString(), call, ErrnoText(error));
  }
  TryNext();
}

void Dial::Finish(StatusOr<UniqueFd> result) {
  timer_.cancel();
  if (callback_ == nullptr) return;
  const Callback callback = std::exchange(callback_, nullptr);
  callback(std::move(result));
}

}  // namespace narthex::http
