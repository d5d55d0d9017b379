// Of an exchange: from the credentials to a connection that is ready for the request, by the pool
// or by dialing, the proxy and TLS.

#include "core/http/ascii.h"
#include "core/http/credentials.h"
#include "core/http/exchange.h"

namespace narthex::http {
namespace {

constexpr size_t kMaxTunnelAnswer = 64 << 10;

std::string TargetOf(const Url& url) {
  return fmt::format("{}:{}",
                     url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]",
                     url.effective_port());
}

}  // namespace

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
  auto pooled = TakePooled();
  if (!pooled.ok()) return FailHop(pooled.status());
  if (*pooled != nullptr) {
    Adopt(*std::move(pooled));
    return SendRequest();
  }
  if (client_->counters() != nullptr) client_->counters()->attempted.Inc();
  dial_ = std::make_shared<Dial>(
      loop_, client_->resolver(),
      [self = shared_from_this()](StatusOr<UniqueFd> fd) { self->OnDialed(std::move(fd)); });
  if (!now_->request.unix_socket.empty()) return dial_->StartUnix(now_->request.unix_socket);
  const Url& peer = now_->proxy == nullptr ? now_->url : *now_->proxy;
  // As Go: no host but a port is this machine.
  dial_->StartTcp(peer.host.empty() ? "localhost" : peer.host, peer.effective_port(), TimeLeft());
}

const std::shared_ptr<IdleConnections>& Exchange::Home() const {
  if (now_->idle == nullptr) now_->idle = client_->pool(loop_index_).ListOf(ConnectionKey(*now_));
  return now_->idle;
}

void Exchange::Adopt(std::shared_ptr<ClientConnection> connection) {
  connection_ = std::move(connection);
  connection_->owner = weak_from_this();
}

// An idle connection, unless its certificates or authorities are not those of the configuration any
// more; or null.
StatusOr<std::shared_ptr<ClientConnection>> Exchange::TakePooled() {
  while (!retried_) {
    auto connection = client_->pool(loop_index_).Take(Home());
    if (connection == nullptr || connection->tls_context == nullptr) return connection;
    const auto current = client_->tls().Current();
    if (current.ok() && connection->tls_context == *current) return connection;
    connection->Close();
    NX_RETURN_IF_ERROR(current.status());
  }
  return std::shared_ptr<ClientConnection>();
}

void Exchange::OnDialed(StatusOr<UniqueFd> fd) {
  const auto& counters = client_->counters();
  if (!fd.ok() && counters != nullptr) counters->CountFailure(dial_->failure());
  dial_.reset();
  if (phase_ == Phase::kDone) return;
  if (!fd.ok()) return FailHop(OnTheWay(fd.status()));
  Adopt(std::make_shared<ClientConnection>(loop_, *std::move(fd), Home()));
  if (counters != nullptr) {
    counters->established.Inc();
    connection_->counters = counters;
  }
  const Url* proxy = now_->proxy;
  if (proxy == nullptr) return AtServer();
  if (IsSocks(*proxy)) return StartSocks();
  if (proxy->scheme == "https") return StartTls(Phase::kProxyHandshake, proxy->host);
  AtProxy();
}

// What is sent now, the proxy reads.
void Exchange::AtProxy() {
  if (now_->url.scheme == "https") return StartTunnel();
  SendRequest();
}

// What is sent now, the server reads.
void Exchange::AtServer() {
  if (now_->url.scheme == "https") return StartTls(Phase::kHandshake, now_->url.host);
  SendRequest();
}

// What went wrong with a proxy, in Go's words.
Status Exchange::OnTheWay(const Status& cause) {
  if (now_->proxy == nullptr) return cause;
  if (phase_ == Phase::kConnecting || phase_ == Phase::kProxyHandshake) {
    return Unavailable("proxyconnect tcp: {}", MessageOf(cause));
  }
  if (phase_ != Phase::kSocks) return cause;
  return Unavailable("socks connect tcp {}->{}: {}", FormatPeer(connection_->transport.fd()),
                     TargetOf(now_->url), MessageOf(cause));
}

void Exchange::Say(std::string text) {
  output_ = std::move(text);
  output_offset_ = 0;
  connection_->WaitReadable();
  Send();
}

void Exchange::StartSocks() {
  phase_ = Phase::kSocks;
  socks_.emplace(*now_->proxy, now_->url.host, now_->url.effective_port());
  Say(socks_->Greeting());
}

void Exchange::OnSocksAnswer(std::string_view data) {
  std::string reply;
  const StatusOr<bool> open = socks_->Put(data, &reply);
  if (!open.ok()) return FailHop(OnTheWay(open.status()));
  if (*open) return AtServer();
  if (!reply.empty()) Say(std::move(reply));
}

void Exchange::StartTunnel() {
  phase_ = Phase::kTunnel;
  input_.clear();
  Headers headers;
  const Status status = AddConfiguredHeaders(client_->config().proxy_connect_headers, &headers);
  if (!status.ok()) return FailHop(status);
  if (now_->proxy->has_user) {
    headers.Set("Proxy-Authorization", BasicCredentials(now_->proxy->user, now_->proxy->password));
  }
  const std::string target = TargetOf(now_->url);
  std::string request = fmt::format("CONNECT {} HTTP/1.1\r\nHost: {}\r\n", target, target);
  AppendField(&request, "User-Agent", client_->options().user_agent);
  for (const auto& [name, value] : headers) AppendField(&request, name, value);
  Say(request + "\r\n");
}

void Exchange::OnTunnelAnswer(std::string_view data) {
  input_.append(data);
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
  AtServer();
}

void Exchange::StartTls(Phase phase, const std::string& host) {
  phase_ = phase;
  auto context = client_->tls().Current();
  if (!context.ok()) return FailHop(context.status());
  Transport& transport = connection_->transport;
  connection_->tls_context = *context;
  const std::string& name = client_->tls().ServerName(host);
  auto session = transport.tls() == nullptr
                     ? tls::Session::Connect(*std::move(context), transport.fd(), name)
                     : tls::Session::ConnectThrough(*std::move(context), transport.TakeTls(), name);
  if (!session.ok()) return FailHop(session.status());
  transport.StartTls(*std::move(session));
  received_ = false;
  Handshake();
}

bool Exchange::InHandshake() const {
  return phase_ == Phase::kHandshake || phase_ == Phase::kProxyHandshake;
}

void Exchange::Handshake() {
  const IoResult result = connection_->transport.Handshake();
  switch (result.state) {
    case IoState::kDone: return phase_ == Phase::kProxyHandshake ? AtProxy() : SendRequest();
    case IoState::kWantRead: return connection_->WaitReadable();
    case IoState::kWantWrite: return connection_->WaitWritable();
    case IoState::kEof: return FailHop(OnTheWay(Unavailable("EOF")));
    case IoState::kError: break;
  }
  if (result.error != 0) return OnTransportError(result.error);
  const std::string& failure = connection_->transport.tls()->failure();
  if (phase_ == Phase::kHandshake && failure == tls::kNoTlsRecord) {
    return FailHop(Unavailable("http: server gave HTTP response to HTTPS client"));
  }
  FailHop(OnTheWay(Unavailable("{}", failure)));
}

}  // namespace narthex::http
