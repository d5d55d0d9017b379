#pragma once
// A connected stream socket with readiness waits on an io_context. Reads and writes never block.
// Not thread-safe: everything happens on the thread of the io_context.

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/file.h"
#include "core/tls/tls.h"

namespace narthex::http {

enum class IoState { kDone, kWantRead, kWantWrite, kEof, kError };

struct IoResult {
  IoState state = IoState::kDone;
  size_t bytes = 0;
  int error = 0;  // errno with kError; 0 for a failure of TLS itself
};

class Transport {
 public:
  Transport(boost::asio::io_context& context, UniqueFd fd) : descriptor_(context, fd.release()) {}

  // From here on everything is encrypted (or, with null, no longer); handshakes are the caller's
  // to drive.
  void StartTls(std::unique_ptr<tls::Session> session) { tls_ = std::move(session); }
  tls::Session* tls() const { return tls_.get(); }
  std::unique_ptr<tls::Session> TakeTls() { return std::move(tls_); }
  IoResult Handshake();

  IoResult Read(char* data, size_t size);
  // Gathers the parts into one system call where the transport can.
  IoResult Write(std::span<const std::string_view> parts);

  // wait(error_code): calls back once the socket is ready or closed.
  template <typename F>
  void WaitReadable(F&& ready) {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                           std::forward<F>(ready));
  }
  template <typename F>
  void WaitWritable(F&& ready) {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                           std::forward<F>(ready));
  }
  // A reader is not woken before that many bytes are there, or all that can come.
  void WakeFrom(size_t bytes);
  // Sends as it is; what does not fit is lost.
  void SendPlain(std::string_view text);
  void ShutdownWrite();
  void Close();
  bool open() const { return descriptor_.is_open(); }
  int fd() { return descriptor_.native_handle(); }

 private:
  IoResult FromTls(const tls::Session::Result& result);

  boost::asio::posix::stream_descriptor descriptor_;
  std::unique_ptr<tls::Session> tls_;
  size_t wake_from_ = 1;
};

// "ip:port" of a socket address, "[ip]:port" for IPv6, "@" for a unix socket.
std::string FormatPeer(int fd);

}  // namespace narthex::http
