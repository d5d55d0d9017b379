#include "core/kube/testing/peer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "core/http/ascii.h"
#include "core/strings/numbers.h"

namespace narthex::kube {
namespace {

constexpr size_t kMaxRequest = 8 << 20;

void Poll(int fd, short events) {
  pollfd entry{fd, events, 0};
  ::poll(&entry, 1, -1);
}

}  // namespace

bool Peer::Wait(tls::Session::State state) {
  using State = tls::Session::State;
  if (state == State::kWantRead) return Poll(fd_.get(), POLLIN), true;
  if (state == State::kWantWrite) return Poll(fd_.get(), POLLOUT), true;
  return false;
}

bool Peer::StartTls(std::shared_ptr<const tls::Context> context) {
  ::fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
  auto session = tls::Session::Accept(std::move(context), fd_.get());
  if (!session.ok()) return false;
  tls_ = *std::move(session);
  for (;;) {
    const auto result = tls_->Handshake();
    if (result.state == tls::Session::State::kDone) return true;
    if (!Wait(result.state)) return false;
  }
}

bool Peer::ReadSome() {
  char buffer[16384];
  while (tls_ != nullptr) {
    const auto result = tls_->Read(buffer, sizeof buffer);
    if (result.state == tls::Session::State::kDone) {
      input_.append(buffer, result.bytes);
      return true;
    }
    if (!Wait(result.state)) return false;
  }
  const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
  if (n <= 0) return false;
  input_.append(buffer, static_cast<size_t>(n));
  return input_.size() <= kMaxRequest;
}

bool Peer::Write(std::string_view text) {
  while (!text.empty()) {
    size_t done = 0;
    if (tls_ != nullptr) {
      const auto result = tls_->Write(text);
      if (result.state != tls::Session::State::kDone && !Wait(result.state)) return false;
      done = result.bytes;
    } else {
      const ssize_t n = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      done = static_cast<size_t>(n);
    }
    text.remove_prefix(done);
  }
  return true;
}

bool Peer::ReadRequest(PeerRequest* request) {
  size_t end;
  while ((end = input_.find("\r\n\r\n")) == std::string::npos) {
    if (!ReadSome()) return false;
  }
  const std::string head = input_.substr(0, end + 2);
  input_.erase(0, end + 4);
  const size_t space = head.find(' ');
  const size_t second = head.find(' ', space + 1);
  if (space == std::string::npos || second == std::string::npos) return false;
  *request = {};
  request->method = head.substr(0, space);
  const std::string target = head.substr(space + 1, second - space - 1);
  request->path = http::PercentDecode(target.substr(0, target.find('?'))).value_or("/");
  if (const size_t mark = target.find('?'); mark != std::string::npos) {
    request->query = http::ParseFormLeniently(target.substr(mark + 1));
  }
  size_t length = 0;
  for (size_t at = head.find("\r\n") + 2; at < head.size();) {
    const size_t line_end = head.find("\r\n", at);
    const std::string_view line = std::string_view(head).substr(at, line_end - at);
    at = line_end + 2;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view value = http::Trim(line.substr(colon + 1));
    const std::string_view name = line.substr(0, colon);
    if (http::EqualsIgnoreCase(name, "content-length")) length = ParseUint(value).value_or(0);
    if (http::EqualsIgnoreCase(name, "authorization")) request->authorization = value;
  }
  if (length > kMaxRequest) return false;
  while (input_.size() < length) {
    if (!ReadSome()) return false;
  }
  request->body = input_.substr(0, length);
  input_.erase(0, length);
  return true;
}

bool Peer::Send(int status, std::string_view content_type, std::string_view body,
                std::string_view extra_fields) {
  return Write(fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n{}",
                           status, http::StatusText(status), content_type, body.size(),
                           extra_fields, body));
}

bool Peer::BeginChunked() {
  return Write(
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
}

bool Peer::SendChunk(std::string_view text) {
  return text.empty() || Write(fmt::format("{:x}\r\n{}\r\n", text.size(), text));
}

bool Peer::IsGone() {
  pollfd entry{fd_.get(), POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void Peer::Cut() {
  const linger hard{1, 0};  // a reset, as when the peer's machine is gone
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::shutdown(fd_.get(), SHUT_RDWR);
}

}  // namespace narthex::kube
