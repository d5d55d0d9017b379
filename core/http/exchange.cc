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

constexpr int kMaxRedirects = 10;
constexpr size_t kUnlimitedInflation = size_t{1} << 30;

bool IsIdempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE" ||
         method == "PUT" || method == "DELETE";
}

}  // namespace

Exchange::Exchange(std::shared_ptr<ClientImpl> client,
                   std::shared_ptr<const PreparedRequest> request, Client::Callback callback)
    : client_(std::move(client)),
      loop_(client_->loop(request->loop_index)),
      loop_index_(request->loop_index),
      now_(std::move(request)),
      callback_(std::move(callback)) {}

void Exchange::Start() {
  const auto self = shared_from_this();
  starting_ = true;
  deadline_ = steady_clock::now() + now_->request.timeout;
  place_ = loop_->Enter(deadline_, self);
  const ClientRequest& request = now_->request;
  Cancellation* const ender =
      request.stream != nullptr ? request.stream.get() : request.cancellation.get();
  if (ender != nullptr && !ender->Attach(loop_, weak_from_this())) {
    Fail(Cancelled("context canceled"));
  } else {
    Authorize();
  }
  starting_ = false;
}

void Exchange::OnDeadline() {
  if (IsStreamAlive()) return;
  const Status status = DeadlineExceeded("context deadline exceeded");
  if (phase_ == Phase::kExchanging && IsRefusal()) return EndRefusal();
  if (parser_ && parser_->head_done()) return Fail(status);
  FailHop(status);
}

milliseconds Exchange::TimeLeft() const {
  return std::chrono::duration_cast<milliseconds>(deadline_ - steady_clock::now());
}

std::string Exchange::RenderHead() const {
  std::string out;
  out.reserve(now_->head.size() + authorization_.size() + now_->request.body.size() + 256);
  out = now_->head;
  if (!authorization_.empty()) AppendField(&out, "Authorization", authorization_);
  const Url* proxy = now_->proxy;
  if (proxy != nullptr && !IsSocks(*proxy) && now_->url.scheme == "http" && proxy->has_user) {
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
}

void Exchange::Send() {
  if (phase_ == Phase::kDone || connection_ == nullptr) return;
  if (InHandshake()) return Handshake();
  while (output_offset_ < output_.size()) {
    const std::string_view rest = std::string_view(output_).substr(output_offset_);
    const IoResult result = connection_->transport.Write({&rest, 1});
    if (result.state == IoState::kDone) {
      output_offset_ += result.bytes;
    } else if (result.state == IoState::kWantWrite) {
      return connection_->WaitWritable();
    } else {
      // TLS wants to read, or writing failed: the answer may already be on its way (413 and the
      // like): reading decides.
      return connection_->WaitReadable();
    }
  }
}

void Exchange::OnReadable(ClientConnection*) {
  const auto self = shared_from_this();
  if (InHandshake()) return Handshake();
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
    if (InHandshake()) return;
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
  if (phase_ == Phase::kSocks) return OnSocksAnswer(data);
  if (phase_ == Phase::kTunnel) return OnTunnelAnswer(data);
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
    if (!parser_->PutEof()) {
      return IsRefusal() ? EndRefusal() : Fail(Unavailable("unexpected EOF"));
    }
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
  if (parser_->head_done() && !parser_->body_lease.refused() && IsRefusal()) return EndRefusal();
  switch (parser_->error()) {
    case Error::kStopped: return Fail(Cancelled("stopped by the reader of the body"));
    case Error::kBodyLimit:
      if (parser_->body_lease.refused()) return Fail(parser_->body_lease.Refusal());
      return Fail(OutOfRange("body size limit of {} bytes exceeded", now_->request.max_body_bytes));
    case Error::kHeadSize:
      return FailHop(Unavailable("net/http: server response headers exceeded {} bytes; aborted",
                                 ResponseParser::kMaxHeadBytes));
    case Error::kBody: return Fail(Unavailable("{}", parser_->what()));
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
  if (phase_ == Phase::kExchanging && parser_->head_done()) {
    return IsRefusal() ? EndRefusal() : Fail(cause);
  }
  FailHop(OnTheWay(cause));
}

bool Exchange::IsRefusal() const {
  return parser_ && parser_->head_done() && parser_->head().status / 100 != 2;
}

// What is left of the body does not matter: the status says it all, redirects included.
void Exchange::EndRefusal() {
  excess_ = true;  // the connection is of no more use
  parser_->body.clear();
  parser_->head().headers.Remove("Content-Encoding");
  OnResponse();
}

void Exchange::OnResponse() {
  const bool reusable = parser_->head().keep_alive && !excess_ &&
                        output_offset_ == output_.size() && connection_->transport.open() &&
                        client_->options().keep_alive;
  ReleaseConnection(reusable);
  if (client_->config().follow_redirects && steady_clock::now() < deadline_ && FollowRedirect()) {
    return;
  }
  ClientResponse response;
  response.status = parser_->head().status;
  response.status_text = std::move(parser_->head().status_text);
  response.headers = std::move(parser_->head().headers);
  response.body = std::move(parser_->body);
  response.body_lease = std::move(parser_->body_lease);
  response.url = now_->request.url;
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
  request.headers = FieldsOf(now_->head);
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
  if (dial_ != nullptr) {
    dial_->Cancel();
    if (client_->counters() != nullptr) client_->counters()->CountFailure(DialFailure::kTimeout);
  }
  dial_.reset();
  ReleaseConnection(false);
  loop_->active.erase(place_);
  auto callback = std::exchange(callback_, nullptr);
  if (!starting_) return callback(std::move(result));
  auto held = std::make_shared<StatusOr<ClientResponse>>(std::move(result));
  if (!loop_->Post([callback, held] { callback(std::move(*held)); })) callback(std::move(*held));
}

}  // namespace narthex::http
