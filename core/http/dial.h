#pragma once
// Connects a socket: name, then the addresses one after the other until one accepts.
// Belongs to the thread of its loop.

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/http/client_loop.h"
#include "core/http/dial_metrics.h"

namespace narthex::http {

class Dial : public std::enable_shared_from_this<Dial> {
 public:
  using Callback = std::function<void(StatusOr<UniqueFd>)>;

  Dial(std::shared_ptr<ClientLoop> loop, std::shared_ptr<Resolver> resolver, Callback callback)
      : loop_(std::move(loop)),
        resolver_(std::move(resolver)),
        timer_(loop_->context),
        callback_(std::move(callback)) {}

  // `patience` is divided among the addresses of a name. Errors are Go's:
  // "dial tcp 127.0.0.1:1: connect: connection refused", "dial tcp: lookup x: no such host".
  void StartTcp(const std::string& host, const std::string& port,
                std::chrono::milliseconds patience);
  void StartUnix(const std::string& path);
  // Why it failed, once it has; kTimeout before.
  DialFailure failure() const { return failure_; }
  // The callback will not run after this.
  void Cancel();

 private:
  void OnAddresses(StatusOr<std::vector<SocketAddress>> addresses);
  void TryNext();
  void OnWritable();
  void OnFailure(std::string_view call, int error);
  void Finish(StatusOr<UniqueFd> result);

  const std::shared_ptr<ClientLoop> loop_;
  const std::shared_ptr<Resolver> resolver_;
  boost::asio::steady_timer timer_;
  Callback callback_;
  std::optional<boost::asio::posix::stream_descriptor> descriptor_;
  std::vector<SocketAddress> addresses_;
  size_t next_ = 0;
  uint16_t port_ = 0;
  std::chrono::milliseconds patience_{0};
  Status first_error_;
  DialFailure failure_ = DialFailure::kTimeout;
};

}  // namespace narthex::http
