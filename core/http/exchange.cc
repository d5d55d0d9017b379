#include "core/http/exchange.h"

#include <algorithm>

#include "core/compress/gzip.h"
#include "core/http/ascii.h"
#include "core/http/body_pool.h"
#include "core/http/credentials.h"
#include "core/http/listener.h"

namespace narthex::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

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

std::string RequestHead(const PreparedRequest& prepared, const std::string& user_agent) {
  const ClientRequest& request = prepared.request;
  const Url& url = prepared.url;
  std::string out;
  out.reserve(512);
  out.append(request.method).append(" ");
  if (prepared.proxy != nullptr && url.scheme == "http") {
    out.append("http://").append(url.host_port());
  }
  out.append(url.target()).append(" HTTP/1.1\r\n");
  if (!request.headers.Has("Host")) AppendField(&out, "Host", url.host_port());
  if (!request.headers.Has("User-Agent") && !user_agent.empty()) {
    AppendField(&out, "User-Agent", user_agent);
  }
  const bool has_body = request.method == "POST" || request.method == "PUT" ||
                        request.method == "PATCH" || !request.body.empty();
  if (has_body) AppendField(&out, "Content-Length", fmt::format("{}", request.body.size()));
  for (const auto& [name, value] : request.headers) {
    if (!EqualsIgnoreCase(name, "Content-Length")) AppendField(&out, name, value);
  }
  if (request.decode_gzip && !request.headers.Has("Accept-Encoding")) {
    AppendField(&out, "Accept-Encoding", "gzip");
  }
  return out;
}

Exchange::Exchange(std::shared_ptr<ClientImpl> client,
                   std::shared_ptr<const PreparedRequest> request, std::string buffer,
                   Client::Callback callback)
    : client_(std::move(client)),
      loop_(client_->loop(request->loop_index)),
      loop_index_(request->loop_index),
      now_(std::move(request)),
      buffer_(std::move(buffer)),
      callback_(std::move(callback)) {}

void Exchange::Start() {
  const auto self = shared_from_this();
  starting_ = true;
  deadline_ = steady_clock::now() + now_->request.timeout;
  place_ = loop_->Enter(deadline_, self);
  const auto& stream = now_->request.stream;
  if (stream != nullptr && !stream->Attach(loop_, weak_from_this())) {
    Fail(Cancelled("context canceled"));
  } else {
    Authorize();
  }
  starting_ = false;
}

void Exchange::OnDeadline() {
  if (IsStreamAlive()) return;
  const Status status = DeadlineExceeded("context deadline exceeded");
  if (parser_ && parser_->head_done()) return Fail(status);
  FailHop(status);
}

milliseconds Exchange::TimeLeft() const {
  return std::chrono::duration_cast<milliseconds>(deadline_ - steady_clock::now());
}

void Exchange::Authorize() {
  authorization_.clear();
  if (now_->request.headers.Has("Authorization")) return Connect();
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
  if (now_->idle == nullptr) now_->idle = client_->pool(loop_index_).ListOf(now_->key);
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

std::string Exchange::RenderHead() const {
  std::string out;
  out.reserve(now_->head.size() + authorization_.size() + now_->request.body.size() + 256);
  out = now_->head;
  if (!authorization_.empty()) AppendField(&out, "Authorization", authorization_);
  const Url* proxy = now_->proxy;
  if (proxy != nullptr && now_->url.scheme == "http" && proxy->has_user) {
    AppendField(&out, "Proxy-Authorization", BasicCredentials(proxy->user, proxy->password));
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
  output_ += now_->request.body;
  output_offset_ = 0;
  input_.clear();
  StartParser();
  connection_->WaitReadable();
  Send();
}

void Exchange::StartParser() {
  parser_.emplace();
  excess_ = false;
  if (now_->request.stream != nullptr) parser_->sink = now_->request.stream->sink_.get();
  parser_->max_body = now_->request.max_body_bytes;
  parser_->body_lease = ByteLease(now_->request.body_budget);
  parser_->to_head = now_->request.method == "HEAD";
  parser_->body = std::move(buffer_);
}

void Exchange::Send() {
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

void Exchange::OnReadable(ClientConnection*) {
  const auto self = shared_from_this();
  if (phase_ == Phase::kHandshake) return Handshake();
  for (int i = 0; i < 16; ++i) {
    if (phase_ == Phase::kDone || connection_ == nullptr || paused_) return;
    const auto connection = connection_;
    const bool direct = IsDirect();
    const std::span<char> room = ReadRoom();
    if (room.empty()) return Fail(parser_->body_lease.Refusal());
    const IoResult result = connection->transport.Read(room.data(), room.size());
    if (result.state == IoState::kDone && direct) {
      OnDirect(result.bytes);
      if (connection_ != connection) return;
    } else if (result.state == IoState::kDone) {
      OnInput({room.data(), result.bytes});
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
  if (connection_ != nullptr && !paused_) connection_->WaitReadable();
}

bool Exchange::IsDirect() const {
  return phase_ == Phase::kExchanging && parser_->direct_left() > 0;
}

// A body of known length is received where it stays; what is not known yet, in pieces that hold
// most answers as a whole and of which little has to be moved otherwise.
std::span<char> Exchange::ReadRoom() {
  constexpr size_t kFirstRead = 32 << 10;
  if (IsDirect()) return parser_->Room(parser_->direct_left());
  const bool head = phase_ == Phase::kExchanging && !parser_->head_done();
  return {loop_->scratch.get(), head ? kFirstRead : ClientLoop::kScratchBytes};
}

void Exchange::OnDirect(size_t bytes) {
  parser_->Filled(bytes);
  if (parser_->done()) OnResponse();
}

// One wake-up for the rest of a body instead of one for every piece that arrives.
void Exchange::WakeWhenWhole() {
  constexpr uint64_t kWorthIt = 16 << 10;
  if (phase_ != Phase::kExchanging || !parser_->head_done()) return;
  const uint64_t left = parser_->direct_left();
  connection_->transport.WakeFrom(left < kWorthIt ? 1 : static_cast<size_t>(left));
}

void Exchange::OnInput(std::string_view data) {
  received_ = true;
  if (phase_ == Phase::kTunnel) {
    input_.append(data);
    return OnTunnelAnswer();
  }
  const std::shared_ptr<BodyPool>& bodies = now_->request.bodies;
  if (bodies != nullptr && !parser_->head_done() && parser_->body.empty()) {
    parser_->body = bodies->Take();
  }
  const size_t used = parser_->Put(data);
  if (parser_->error() != ResponseParser::Error::kNone) return OnParseError();
  NoteStreamInput();
  excess_ = used < data.size();
  if (parser_->done()) OnResponse();
}

void Exchange::OnPeerEof() {
  if (phase_ == Phase::kExchanging && parser_->head_done()) {
    if (!parser_->PutEof()) return Fail(Unavailable("unexpected EOF"));
    connection_->Close();
    return OnResponse();
  }
  LoseConnection(Unavailable("EOF"));
}

void Exchange::OnTransportError(int error) {
  if (error == 0) return LoseConnection(Unavailable("{}", connection_->transport.tls()->failure()));
  LoseConnection(Unavailable("read: {}", ErrnoText(error)));
}

void Exchange::OnParseError() {
  using Error = ResponseParser::Error;
  switch (parser_->error()) {
    case Error::kStopped:
      return Fail(Cancelled("stopped by the reader of the body"));
    case Error::kBodyLimit:
      if (parser_->body_lease.refused()) return Fail(parser_->body_lease.Refusal());
      return Fail(OutOfRange("body size limit of {} bytes exceeded", now_->request.max_body_bytes));
    case Error::kHeadSize:
      return FailHop(Unavailable("net/http: server response headers exceeded {} bytes; aborted",
                                 ResponseParser::kMaxHeadBytes));
    case Error::kBody:
      return Fail(Unavailable("malformed body: {}", parser_->what()));
    default:
      return FailHop(
          Unavailable("net/http: HTTP/1.x transport connection broken: {}", parser_->what()));
  }
}

bool Exchange::CanRetry() const {
  if (retried_ || received_ || connection_ == nullptr || !connection_->reused) return false;
  return IsIdempotent(now_->request.method) || output_offset_ == 0;
}

void Exchange::LoseConnection(const Status& cause) {
  if (phase_ == Phase::kExchanging && CanRetry()) {
    ReleaseConnection(false);
    retried_ = true;
    return Connect();
  }
  if (phase_ == Phase::kExchanging && parser_->head_done()) return Fail(cause);
  FailHop(cause);
}

void Exchange::OnResponse() {
  const bool reusable = parser_->head().keep_alive && !excess_ &&
                        output_offset_ == output_.size() && connection_->transport.open() &&
                        client_->options().keep_alive;
  ReleaseConnection(reusable);
  if (client_->config().follow_redirects && FollowRedirect()) return;
  ClientResponse response;
  response.status = parser_->head().status;
  response.headers = std::move(parser_->head().headers);
  response.body = std::move(parser_->body);
  response.body_lease = std::move(parser_->body_lease);
  response.url = now_->url_text;
  if (now_->request.decode_gzip &&
      EqualsIgnoreCase(response.headers.Get("Content-Encoding"), "gzip") &&
      now_->request.method != "HEAD") {
    const size_t limit =
        now_->request.max_body_bytes == 0 ? kUnlimitedInflation : now_->request.max_body_bytes;
    std::string plain;
    ByteLease lease(now_->request.body_budget);
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
  const int status = parser_->head().status;
  if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308) {
    return false;
  }
  const std::string location(parser_->head().headers.Get("Location"));
  if (location.empty()) return false;
  auto next = now_->url.Resolve(location);
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
    now_ = client_->Prepare(now_->request, *std::move(next));
    FailHop(Unavailable("stopped after {} redirects", kMaxRedirects));
    return true;
  }
  ClientRequest request = now_->request;
  const bool downgrade = now_->url.scheme == "https" && next->scheme == "http";
  if (downgrade || !EqualsIgnoreCase(next->host, now_->url.host)) {
    credentials_allowed_ = false;
    request.unix_socket.clear();
    for (const char* name : {"Authorization", "Cookie", "Cookie2", "Proxy-Authorization"}) {
      request.headers.Remove(name);
    }
  }
  request.headers.Remove("Host");
  if (status < 307 && request.method != "GET" && request.method != "HEAD") {
    request.method = "GET";
    request.body.clear();
    for (const char* name : {"Content-Type", "Content-Encoding", "Content-Length"}) {
      request.headers.Remove(name);
    }
  }
  now_ = client_->Prepare(std::move(request), *std::move(next));
  parser_.reset();
  retried_ = false;
  Authorize();
  return true;
}

void Exchange::ReleaseConnection(bool reusable) {
  if (connection_ == nullptr) return;
  const auto connection = std::exchange(connection_, nullptr);
  connection->owner.reset();
  if (reusable) {
    connection->transport.WakeFrom(1);
    client_->pool(loop_index_).Put(connection);
  } else {
    connection->Close();
  }
}

void Exchange::FailHop(const Status& cause) {
  Fail(MakeStatus(cause.code(), fmt::format("{} \"{}\": {}", OperationName(now_->request.method),
                                            now_->url.ToString(true), MessageOf(cause))));
}

void Exchange::Fail(Status status) {
  if (phase_ == Phase::kDone) return;
  Deliver(std::move(status));
}

void Exchange::Deliver(StatusOr<ClientResponse> result) {
  const auto self = shared_from_this();
  phase_ = Phase::kDone;
  if (dial_ != nullptr) dial_->Cancel();
  dial_.reset();
  ReleaseConnection(false);
  loop_->active.erase(place_);
  auto callback = std::exchange(callback_, nullptr);
  if (!starting_) return callback(std::move(result));
  auto held = std::make_shared<StatusOr<ClientResponse>>(std::move(result));
  if (!loop_->Post([callback, held] { callback(std::move(*held)); })) callback(std::move(*held));
}

}  // namespace narthex::http
