#include "core/http/exchange.h"

#include <algorithm>

#include "core/compress/gzip.h"
#include "core/http/ascii.h"
#include "core/http/credentials.h"
#include "core/http/listener.h"

namespace narthex::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr uint32_t kMaxHeaderBytes = 256 << 10;
constexpr size_t kMaxTunnelAnswer = 64 << 10;
constexpr int kMaxRedirects = 10;
constexpr size_t kUnlimitedInflation = size_t{1} << 30;

bool IsIdempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE" ||
         method == "PUT" || method == "DELETE";
}

// "Get" of "GET": the operation in Go's url.Error.
std::string OperationName(std::string_view method) {
  std::string name = AsciiLower(method);
  if (!name.empty()) name[0] = method[0];
  return name;
}

void AppendField(std::string* out, std::string_view name, std::string_view value) {
  out->append(name).append(": ");
  for (const char c : value) out->push_back(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
  out->append("\r\n");
}

}  // namespace

Exchange::Exchange(std::shared_ptr<ClientImpl> client, size_t loop_index, ClientRequest request,
                   Url url, Client::Callback callback)
    : client_(std::move(client)),
      loop_(client_->loop(loop_index)),
      loop_index_(loop_index),
      request_(std::move(request)),
      url_(std::move(url)),
      callback_(std::move(callback)),
      timer_(loop_->context) {}

void Exchange::Start() {
  const auto self = shared_from_this();
  loop_->active.insert(self);
  deadline_ = steady_clock::now() + request_.timeout;
  timer_.expires_at(deadline_);
  timer_.async_wait([self](const boost::system::error_code& error) {
    if (error || self->phase_ == Phase::kDone) return;
    const Status status = DeadlineExceeded("context deadline exceeded");
    if (self->parser_ != nullptr && self->parser_->is_header_done()) return self->Fail(status);
    self->FailHop(status);
  });
  BeginHop();
}

milliseconds Exchange::TimeLeft() const {
  return std::chrono::duration_cast<milliseconds>(deadline_ - steady_clock::now());
}

void Exchange::BeginHop() {
  proxy_ = request_.unix_socket.empty() ? client_->proxies().Select(url_) : nullptr;
  key_ = fmt::format("{}|{}|{}|{}|{}", url_.scheme, AsciiLower(url_.host), url_.effective_port(),
                     proxy_ == nullptr ? std::string() : proxy_->ToString(), request_.unix_socket);
  Authorize();
}

void Exchange::Authorize() {
  authorization_.clear();
  if (request_.headers.Has("Authorization")) return Connect();
  if (credentials_allowed_ && client_->oauth2() != nullptr) return AwaitToken();
  if (url_.has_user) {
    // As in Go, the URL's user comes before basic_auth and authorization, also that of a redirect.
    authorization_ = BasicCredentials(url_.user, url_.password);
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
    if (auto pooled = client_->pool(loop_index_).Take(key_)) {
      Adopt(std::move(pooled));
      return SendRequest();
    }
  }
  dial_ = std::make_shared<Dial>(
      loop_, client_->resolver(),
      [self = shared_from_this()](StatusOr<UniqueFd> fd) { self->OnDialed(std::move(fd)); });
  if (!request_.unix_socket.empty()) return dial_->StartUnix(request_.unix_socket);
  const Url& peer = proxy_ == nullptr ? url_ : *proxy_;
  dial_->StartTcp(peer.host, peer.effective_port(), TimeLeft());
}

void Exchange::OnDialed(StatusOr<UniqueFd> fd) {
  dial_.reset();
  if (phase_ == Phase::kDone) return;
  if (!fd.ok()) {
    if (proxy_ == nullptr) return FailHop(fd.status());
    return FailHop(Unavailable("proxyconnect tcp: {}", MessageOf(fd.status())));
  }
  Adopt(std::make_shared<ClientConnection>(loop_, *std::move(fd)));
  if (url_.scheme != "https") return SendRequest();
  if (proxy_ != nullptr) return StartTunnel();
  StartTls();
}

void Exchange::Adopt(std::shared_ptr<ClientConnection> connection) {
  connection_ = std::move(connection);
  connection_->on_readable = [self = shared_from_this()] { self->OnReadable(); };
  connection_->on_writable = [self = shared_from_this()] { self->OnWritable(); };
}

void Exchange::StartTunnel() {
  phase_ = Phase::kTunnel;
  input_.clear();
  const std::string target = fmt::format(
      "{}:{}", url_.host.find(':') == std::string::npos ? url_.host : "[" + url_.host + "]",
      url_.effective_port());
  Headers headers;
  const Status status = AddConfiguredHeaders(client_->config().proxy_connect_headers, &headers);
  if (!status.ok()) return FailHop(status);
  if (proxy_->has_user && !headers.Has("Proxy-Authorization")) {
    headers.Add("Proxy-Authorization", BasicCredentials(proxy_->user, proxy_->password));
  }
  output_ = fmt::format("CONNECT {} HTTP/1.1\r\nHost: {}\r\n", target, target);
  AppendField(&output_, "User-Agent", client_->options().user_agent);
  for (const auto& [name, value] : headers) AppendField(&output_, name, value);
  output_ += "\r\n";
  output_offset_ = 0;
  connection_->WaitReadable();
  OnWritable();
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
                                       client_->tls().ServerName(url_.host));
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

std::string Exchange::RenderHead() {
  const bool absolute = proxy_ != nullptr && url_.scheme == "http";
  std::string out;
  out.reserve(256);
  out.append(request_.method).append(" ");
  if (absolute) out.append("http://").append(url_.host_port());
  out.append(url_.target()).append(" HTTP/1.1\r\n");
  if (!request_.headers.Has("Host")) AppendField(&out, "Host", url_.host_port());
  if (!request_.headers.Has("User-Agent") && !client_->options().user_agent.empty()) {
    AppendField(&out, "User-Agent", client_->options().user_agent);
  }
  const bool has_body = request_.method == "POST" || request_.method == "PUT" ||
                        request_.method == "PATCH" || !request_.body.empty();
  if (has_body) AppendField(&out, "Content-Length", fmt::format("{}", request_.body.size()));
  for (const auto& [name, value] : request_.headers) {
    if (!EqualsIgnoreCase(name, "Content-Length")) AppendField(&out, name, value);
  }
  if (request_.decode_gzip && !request_.headers.Has("Accept-Encoding")) {
    AppendField(&out, "Accept-Encoding", "gzip");
  }
  if (!authorization_.empty()) AppendField(&out, "Authorization", authorization_);
  if (absolute && proxy_->has_user) {
    AppendField(&out, "Proxy-Authorization", BasicCredentials(proxy_->user, proxy_->password));
  }
  if (!client_->options().keep_alive) out += "Connection: close\r\n";
  return out;
}

void Exchange::SendRequest() {
  phase_ = Phase::kExchanging;
  output_ = RenderHead();
  Headers configured;
  if (credentials_allowed_) {
    const Status status = AddConfiguredHeaders(client_->config().http_headers, &configured);
    if (!status.ok()) return FailHop(status);
  }
  for (const auto& [name, value] : configured) AppendField(&output_, name, value);
  output_ += "\r\n";
  output_ += request_.body;
  output_offset_ = 0;
  input_.clear();
  parser_ = NewParser();
  connection_->WaitReadable();
  OnWritable();
}

std::unique_ptr<ResponseParser> Exchange::NewParser() const {
  auto parser = std::make_unique<ResponseParser>();
  parser->header_limit(kMaxHeaderBytes);
  if (request_.max_body_bytes == 0) {
    parser->body_limit(boost::none);
  } else {
    parser->body_limit(request_.max_body_bytes);
  }
  parser->max_body = request_.max_body_bytes;
  parser->body_lease = ByteLease(request_.body_budget);
  if (request_.method == "HEAD") parser->skip(true);
  parser->eager(true);
  return parser;
}

void Exchange::OnWritable() {
  if (phase_ == Phase::kDone || connection_ == nullptr) return;
  if (phase_ == Phase::kHandshake) return Handshake();
  while (output_offset_ < output_.size()) {
    const std::string_view rest = std::string_view(output_).substr(output_offset_);
    const IoResult result = connection_->transport.Write({&rest, 1});
    if (result.state == IoState::kDone) {
      output_offset_ += result.bytes;
    } else if (result.state == IoState::kWantWrite) {
      return connection_->WaitWritable();
    } else if (result.state == IoState::kWantRead) {
      return connection_->WaitReadable();
    } else {
      // The answer may already be on its way (413 and the like): reading decides.
      return connection_->WaitReadable();
    }
  }
}

void Exchange::OnReadable() {
  const auto self = shared_from_this();
  if (phase_ == Phase::kHandshake) return Handshake();
  for (int i = 0; i < 16; ++i) {
    if (phase_ == Phase::kDone || connection_ == nullptr) return;
    const auto connection = connection_;
    const IoResult result =
        connection->transport.Read(loop_->scratch.get(), ClientLoop::kScratchBytes);
    if (result.state == IoState::kDone) {
      OnInput({loop_->scratch.get(), result.bytes});
      if (connection_ != connection) return;
    } else if (result.state == IoState::kWantRead) {
      WakeWhenWhole();
      return connection->WaitReadable();
    } else if (result.state == IoState::kWantWrite) {
      return connection->WaitWritable();
    } else if (result.state == IoState::kEof) {
      return OnPeerEof();
    } else {
      return OnTransportError(result.error);
    }
    if (phase_ == Phase::kHandshake) return;
  }
  if (connection_ != nullptr) connection_->WaitReadable();
}

// One wake-up for the rest of a body instead of one for every piece that arrives.
void Exchange::WakeWhenWhole() {
  constexpr uint64_t kWorthIt = 16 << 10;
  if (phase_ != Phase::kExchanging || !parser_->is_header_done()) return;
  const uint64_t rest = parser_->content_length_remaining().value_or(0);
  connection_->transport.WakeFrom(rest < kWorthIt ? 1 : static_cast<size_t>(rest));
}

void Exchange::OnInput(std::string_view data) {
  received_ = true;
  if (phase_ == Phase::kTunnel) {
    input_.append(data);
    return OnTunnelAnswer();
  }
  // Whole reads go to the parser directly; only an incomplete line or chunk head is kept.
  if (!input_.empty()) input_.append(data);
  std::string_view rest = input_.empty() ? data : std::string_view(input_);
  boost::beast::error_code error;
  while (!rest.empty() && !parser_->is_done()) {
    const size_t used = parser_->put(boost::asio::buffer(rest.data(), rest.size()), error);
    rest.remove_prefix(used);
    if (error == boost::beast::http::error::need_more) break;
    if (error) return OnParseError(error);
    if (parser_->is_done() && parser_->status / 100 == 1 && parser_->status != 101) {
      parser_ = NewParser();  // that was an interim answer: the real one follows
    }
  }
  input_ = std::string(rest);
  if (parser_->is_done()) OnResponse();
}

void Exchange::OnPeerEof() {
  if (phase_ == Phase::kExchanging && parser_->got_some() && parser_->is_header_done()) {
    boost::beast::error_code error;
    parser_->put_eof(error);
    if (!error && parser_->is_done()) {
      connection_->Close();
      return OnResponse();
    }
    return Fail(Unavailable("unexpected EOF"));
  }
  LoseConnection(Unavailable("EOF"));
}

void Exchange::OnTransportError(int error) {
  if (error == 0) return LoseConnection(Unavailable("{}", connection_->transport.tls()->failure()));
  LoseConnection(Unavailable("read: {}", ErrnoText(error)));
}

void Exchange::OnParseError(const boost::beast::error_code& error) {
  using Kind = boost::beast::http::error;
  if (parser_->body_lease.refused()) return Fail(parser_->body_lease.Refusal());
  if (error == Kind::body_limit || parser_->body_too_large) {
    return Fail(OutOfRange("body size limit of {} bytes exceeded", request_.max_body_bytes));
  }
  if (error == Kind::header_limit) {
    return FailHop(Unavailable("net/http: server response headers exceeded {} bytes; aborted",
                               kMaxHeaderBytes));
  }
  if (parser_->is_header_done()) return Fail(Unavailable("malformed body: {}", error.message()));
  FailHop(Unavailable("net/http: malformed HTTP response: {}", error.message()));
}

bool Exchange::CanRetry() const {
  if (retried_ || received_ || connection_ == nullptr || !connection_->reused) return false;
  return IsIdempotent(request_.method) || output_offset_ == 0;
}

void Exchange::LoseConnection(const Status& cause) {
  if (phase_ == Phase::kExchanging && CanRetry()) {
    ReleaseConnection(false);
    retried_ = true;
    return Connect();
  }
  if (phase_ == Phase::kExchanging && parser_->is_header_done()) return Fail(cause);
  FailHop(cause);
}

void Exchange::OnResponse() {
  const bool reusable = parser_->keep_alive() && output_offset_ == output_.size() &&
                        input_.empty() && connection_->transport.open() &&
                        client_->options().keep_alive;
  ReleaseConnection(reusable);
  if (client_->config().follow_redirects && FollowRedirect()) return;
  ClientResponse response;
  response.status = parser_->status;
  response.headers = std::move(parser_->headers);
  response.body = std::move(parser_->body);
  response.body_lease = std::move(parser_->body_lease);
  response.url = url_.ToString();
  if (request_.decode_gzip && EqualsIgnoreCase(response.headers.Get("Content-Encoding"), "gzip") &&
      request_.method != "HEAD") {
    const size_t limit =
        request_.max_body_bytes == 0 ? kUnlimitedInflation : request_.max_body_bytes;
    std::string plain;
    ByteLease lease(request_.body_budget);
    const Status status = GzipDecompress(response.body, limit, &plain, &lease);
    if (lease.refused()) return Fail(status);
    if (status.code() == StatusCode::kResourceExhausted) {
      return Fail(OutOfRange("body size limit of {} bytes exceeded", limit));
    }
    if (!status.ok()) return Fail(status);
    response.body = std::move(plain);
    response.body_lease = std::move(lease);
    response.headers.Remove("Content-Encoding");
    response.headers.Remove("Content-Length");
  }
  Deliver(std::move(response));
}

bool Exchange::FollowRedirect() {
  const int status = parser_->status;
  if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) {
    return false;
  }
  const std::string location(parser_->headers.Get("Location"));
  if (location.empty()) return false;
  auto next = url_.Resolve(location);
  if (!next.ok()) {
    FailHop(Unavailable("failed to parse Location header \"{}\": {}", location,
                        MessageOf(next.status())));
    return true;
  }
  if (next->scheme != "http" && next->scheme != "https") {
    FailHop(Unavailable("unsupported protocol scheme \"{}\"", next->scheme));
    return true;
  }
  if (++redirects_ > kMaxRedirects) {
    url_ = *std::move(next);
    FailHop(Unavailable("stopped after {} redirects", kMaxRedirects));
    return true;
  }
  const bool downgrade = url_.scheme == "https" && next->scheme == "http";
  if (downgrade || !EqualsIgnoreCase(next->host, url_.host)) {
    credentials_allowed_ = false;
    request_.unix_socket.clear();
    for (const char* name : {"Authorization", "Cookie", "Cookie2", "Proxy-Authorization"}) {
      request_.headers.Remove(name);
    }
  }
  request_.headers.Remove("Host");
  if (status < 307 && request_.method != "GET" && request_.method != "HEAD") {
    request_.method = "GET";
    request_.body.clear();
    for (const char* name : {"Content-Type", "Content-Encoding", "Content-Length"}) {
      request_.headers.Remove(name);
    }
  }
  url_ = *std::move(next);
  parser_.reset();
  retried_ = false;
  BeginHop();
  return true;
}

void Exchange::ReleaseConnection(bool reusable) {
  if (connection_ == nullptr) return;
  const auto connection = std::exchange(connection_, nullptr);
  connection->on_readable = nullptr;
  connection->on_writable = nullptr;
  if (reusable) {
    connection->transport.WakeFrom(1);
    client_->pool(loop_index_).Put(key_, connection);
  } else {
    connection->Close();
  }
}

void Exchange::FailHop(const Status& cause) {
  Fail(MakeStatus(cause.code(), fmt::format("{} \"{}\": {}", OperationName(request_.method),
                                            url_.ToString(true), MessageOf(cause))));
}

void Exchange::Fail(Status status) {
  if (phase_ == Phase::kDone) return;
  Deliver(std::move(status));
}

void Exchange::Deliver(StatusOr<ClientResponse> result) {
  const auto self = shared_from_this();
  phase_ = Phase::kDone;
  timer_.cancel();
  if (dial_ != nullptr) dial_->Cancel();
  dial_.reset();
  ReleaseConnection(false);
  loop_->active.erase(self);
  const Client::Callback callback = std::exchange(callback_, nullptr);
  callback(std::move(result));
}

}  // namespace narthex::http
