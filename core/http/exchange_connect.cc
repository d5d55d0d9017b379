// Of an exchange: from the credentials to a connection that is ready for the request.

#include "core/http/credentials.h"
#include "core/http/exchange.h"

namespace narthex::http {
namespace {
constexpr size_t kMaxTunnelAnswer = 64 << 10;
}

void Exchange::Authorize() {
  authorization_.clear();
  if (now_->brings_authorization) return Connect();
  if (credentials_allowed_ && client_->oauth2() != nullptr) return AwaitToken();
  if (now_->url.has_user) {
    // As in Go, the URL's user comes before basic_auth and authorization, also that of a redirect.
    authorization_ = BasicCredentials(now_->url.user, now_->url.password);
  } else if (credentials_allowed_) {
    Headers headers;
    const Status status = AddAuthorization(client_->config(), &headers);
    if (!status.ok()) return FailHop(status);
    authorization_ = headers.Get("Authorization");
  }
  Connect();
}

void Exchange::AwaitToken() {
  client_->oauth2()->Get([self = shared_from_this()](StatusOr<std::string> header) {
    self->loop_->Post([self, header = std::move(header)] {
      if (self->phase_ == Phase::kDone) return;
      if (!header.ok()) return self->FailHop(header.status());
      self->authorization_ = *header;
      self->Connect();
    });
  });
}

void Exchange::Connect() {
  phase_ = Phase::kConnecting;
  received_ = false;
  if (!retried_) {
    if (auto pooled = client_->pool(loop_index_).Take(Home())) {
      Adopt(std::move(pooled));
      return SendRequest();
    }
  }
  dial_ = std::make_shared<Dial>(
      loop_, client_->resolver(),
      [self = shared_from_this()](StatusOr<UniqueFd> fd) { self->OnDialed(std::move(fd)); });
  if (!now_->request.unix_socket.empty()) return dial_->StartUnix(now_->request.unix_socket);
  const Url& peer = now_->proxy == nullptr ? now_->url : *now_->proxy;
  dial_->StartTcp(peer.host, peer.effective_port(), TimeLeft());
}

const std::shared_ptr<IdleConnections>& Exchange::Home() const {
  if (now_->idle == nullptr) now_->idle = client_->pool(loop_index_).ListOf(ConnectionKey(*now_));
  return now_->idle;
}

void Exchange::OnDialed(StatusOr<UniqueFd> fd) {
  dial_.reset();
  if (phase_ == Phase::kDone) return;
  if (!fd.ok()) {
    if (now_->proxy == nullptr) return FailHop(fd.status());
    return FailHop(Unavailable("proxyconnect tcp: {}", MessageOf(fd.status())));
  }
  Adopt(std::make_shared<ClientConnection>(loop_, *std::move(fd), Home()));
  if (now_->url.scheme != "https") return SendRequest();
  if (now_->proxy != nullptr) return StartTunnel();
  StartTls();
}

void Exchange::Adopt(std::shared_ptr<ClientConnection> connection) {
  connection_ = std::move(connection);
  connection_->owner = weak_from_this();
}

void Exchange::StartTunnel() {
  phase_ = Phase::kTunnel;
  input_.clear();
  const std::string target = fmt::format(
      "{}:{}",
      now_->url.host.find(':') == std::string::npos ? now_->url.host : "[" + now_->url.host + "]",
      now_->url.effective_port());
  Headers headers;
  const Status status = AddConfiguredHeaders(client_->config().proxy_connect_headers, &headers);
  if (!status.ok()) return FailHop(status);
  if (now_->proxy->has_user && !headers.Has("Proxy-Authorization")) {
    headers.Add("Proxy-Authorization", BasicCredentials(now_->proxy->user, now_->proxy->password));
  }
  output_ = fmt::format("CONNECT {} HTTP/1.1\r\nHost: {}\r\n", target, target);
  AppendField(&output_, "User-Agent", client_->options().user_agent);
  for (const auto& [name, value] : headers) AppendField(&output_, name, value);
  output_ += "\r\n";
  output_offset_ = 0;
  connection_->WaitReadable();
  Send();
}

void Exchange::OnTunnelAnswer() {
  const size_t end = input_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (input_.size() > kMaxTunnelAnswer) FailHop(Unavailable("proxy answered too much"));
    return;
  }
  if (!input_.starts_with("HTTP/1.") || input_.size() < 13) {
    return FailHop(Unavailable("malformed HTTP response from proxy"));
  }
  const std::string line = input_.substr(9, input_.find("\r\n") - 9);
  if (!line.starts_with("200")) {
    return FailHop(Unavailable("{}", line.size() > 4 ? line.substr(4) : line));
  }
  if (input_.size() > end + 4) return FailHop(Unavailable("proxy sent data before the tunnel"));
  input_.clear();
  StartTls();
}

void Exchange::StartTls() {
  auto context = client_->tls().Current();
  if (!context.ok()) return FailHop(context.status());
  auto session = tls::Session::Connect(*std::move(context), connection_->transport.fd(),
                                       client_->tls().ServerName(now_->url.host));
  if (!session.ok()) return FailHop(session.status());
  connection_->transport.StartTls(*std::move(session));
  phase_ = Phase::kHandshake;
  received_ = false;
  Handshake();
}

void Exchange::Handshake() {
  const IoResult result = connection_->transport.Handshake();
  switch (result.state) {
    case IoState::kDone:
      return SendRequest();
    case IoState::kWantRead:
      return connection_->WaitReadable();
    case IoState::kWantWrite:
      return connection_->WaitWritable();
    case IoState::kEof:
      return FailHop(Unavailable("EOF"));
    case IoState::kError:
      break;
  }
  if (result.error != 0) return OnTransportError(result.error);
  FailHop(Unavailable("{}", connection_->transport.tls()->failure()));
}

}  // namespace narthex::http
