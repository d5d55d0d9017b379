#include "core/http/connection.h"

#include <boost/asio/post.hpp>

#include "core/http/ascii.h"
#include "core/http/response_writer.h"
#include "core/log/log.h"

namespace narthex::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Input taken in while a handler runs: enough for a pipeline, too little to matter.
constexpr size_t kMaxPipelined = 64 << 10;
// A stalled reader must take this much (or everything) to earn another write time-out.
constexpr size_t kWriteProgress = 16 << 10;
constexpr size_t kMaxLingerBytes = 8 << 20;
constexpr milliseconds kLingerTime{1000};
constexpr milliseconds kHandshakeTime{10'000};

}  // namespace

Connection::Connection(std::shared_ptr<Loop> loop, ServerShared& shared, UniqueFd fd)
    : loop_(std::move(loop)),
      shared_(shared),
      transport_(loop_->context, std::move(fd)),
      flow_(std::make_shared<Flow>()),
      remote_(FormatPeer(transport_.fd())) {}

Connection::~Connection() = default;

void Connection::Start() {
  SetDeadline(shared_.options.read_timeout);
  if (shared_.tls) return StartHandshake();
  WaitForInput();
}

void Connection::StartHandshake() {
  state_ = State::kHandshake;
  const auto timeout = shared_.options.read_timeout;
  SetDeadline(timeout.count() > 0 ? std::min(kHandshakeTime, timeout) : kHandshakeTime);
  auto context = shared_.gate->file()->CurrentTls();
  if (!context.ok()) {
    static LogLimiter limiter(10'000);
    int64_t suppressed = 0;
    if (limiter.Allow(&suppressed)) {
      NX_LOG(Error, "TLS is not usable", {"err", context.status()}, {"suppressed", suppressed});
    }
    return Close();
  }
  auto session = tls::Session::Accept(*std::move(context), transport_.fd());
  if (!session.ok()) return Close();
  transport_.StartTls(*std::move(session));
  WaitForInput();
}

void Connection::Handshake() {
  const IoResult result = transport_.Handshake();
  if (result.state == IoState::kWantRead) return WaitForInput();
  if (result.state == IoState::kWantWrite) {
    return transport_.WaitWritable(
        [self = shared_from_this()](const boost::system::error_code& error) {
          if (!error && self->state_ == State::kHandshake) self->Handshake();
        });
  }
  if (result.state == IoState::kDone) {
    state_ = State::kIdle;
    SetDeadline(shared_.options.read_timeout);
    return OnReadable();
  }
  NX_LOG(Debug, "http: TLS handshake error", {"remote", remote_},
         {"err", transport_.tls()->failure()});
  if (!transport_.tls()->peer_speaks_http()) return Close();
  transport_.StartTls(nullptr);
  transport_.SendPlain(
      "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
  Linger();
}

void Connection::SetDeadline(milliseconds after) {
  deadline_ = after.count() > 0 ? steady_clock::now() + after : TimePoint::max();
}

void Connection::CheckDeadline(TimePoint now) {
  LookForNote(false);
  if (now >= write_deadline_) return Close();
  if (now < deadline_) return;
  if (state_ == State::kReading) return Reject(408, "Request Timeout");
  Close();
}

void Connection::StopGracefully() {
  stopping_ = true;
  LookForNote(true);
  if (state_ != State::kHandling && state_ != State::kLingering) Close();
}

void Connection::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  const auto self = shared_from_this();
  flow_->Close();
  transport_.Close();
  parser_.reset();
  output_.clear();
  loop_->connections.erase(self);
  shared_.closed.fetch_add(1);
  shared_.open.fetch_sub(1);
  shared_.on_slot_free();
}

void Connection::WaitForInput() {
  if (waiting_readable_ || peer_eof_ || state_ == State::kClosed) return;
  waiting_readable_ = true;
  transport_.WaitReadable([self = shared_from_this()](const boost::system::error_code& error) {
    self->waiting_readable_ = false;
    if (!error && self->state_ != State::kClosed) self->OnReadable();
  });
}

void Connection::OnReadable() {
  if (state_ == State::kHandshake) return Handshake();
  // A fast sender must not starve the other connections of the loop.
  for (int i = 0; i < 16; ++i) {
    if (!ReadOnce()) return;
  }
  WaitForInput();
}

bool Connection::ReadOnce() {
  if (state_ == State::kClosed) return false;
  const bool busy =
      state_ == State::kHandling || state_ == State::kDetached || state_ == State::kAuthorizing;
  if (busy && input_.size() >= kMaxPipelined) return false;
  const IoResult result = transport_.Read(loop_->scratch.get(), Loop::kScratchBytes);
  switch (result.state) {
    case IoState::kDone:
      OnInput({loop_->scratch.get(), result.bytes});
      if (transport_.tls() != nullptr || result.bytes == Loop::kScratchBytes) return true;
      WaitForInput();  // nothing was left in the socket
      return false;
    case IoState::kWantRead:
    case IoState::kWantWrite: WaitForInput(); return false;
    case IoState::kEof: OnPeerEof(); return false;
    default: Close(); return false;
  }
}

void Connection::OnInput(std::string_view data) {
  if (state_ == State::kLingering) {
    lingered_ += data.size();
    if (lingered_ > kMaxLingerBytes) Close();
    return;
  }
  LookForNote(true);
  if (state_ == State::kClosed) return;
  input_.append(data);
  if (state_ == State::kIdle || state_ == State::kReading) Parse();
}

void Connection::OnPeerEof() {
  LookForNote(true);
  if (state_ == State::kClosed) return;
  peer_eof_ = true;
  flow_->MarkPeerGone();
  // A peer may close its sending side and still want its answers.
  if (state_ == State::kHandling || state_ == State::kAuthorizing) return;
  if (state_ == State::kIdle && !input_.empty()) return;  // about to be parsed
  AfterParsing();
}

void Connection::AfterParsing() {
  if (peer_eof_ && state_ == State::kReading) return Refuse({400, {}});
  if (peer_eof_ && state_ != State::kHandling && state_ != State::kAuthorizing) return Close();
  WaitForInput();
}

void Connection::Parse() {
  while (state_ == State::kIdle || state_ == State::kReading) {
    if (parser_ == nullptr) {
      keep_alive_ = false;  // of a rejection, should it come to that
      // RFC 9112 2.2: tolerated before a request
      input_.erase(0, input_.find_first_not_of("\r\n"));
      if (input_.empty()) break;
      parser_ = std::make_unique<RequestParser>(
          shared_.options.max_header_bytes, shared_.options.max_body_bytes, shared_.request_memory);
      header_seen_ = false;
      state_ = State::kReading;
      SetDeadline(shared_.options.read_timeout);
    }
    input_.erase(0, parser_->Put(input_));
    if (parser_->fault().status != 0) return Refuse(parser_->fault());
    if (!header_seen_ && parser_->head_done()) {
      header_seen_ = true;
      if (!OnHeader()) return;
      if (!parser_->done()) continue;
    }
    if (parser_->done()) return Dispatch();
    break;  // all that came has been looked at
  }
}

// False when the request has been rejected or must wait.
bool Connection::OnHeader() { return CheckGate() && Admit(); }

bool Connection::CheckGate() {
  const auto result = shared_.gate->Check(
      parser_->head().headers, [self = shared_from_this()](Gate::Verdict verdict) {
        boost::asio::post(self->loop_->context, [self, verdict] { self->OnVerdict(verdict); });
      });
  web_config_ = result.config;
  if (result.verdict == Gate::Verdict::kPass) return true;
  if (result.verdict == Gate::Verdict::kPending) {
    state_ = State::kAuthorizing;
    deadline_ = TimePoint::max();
  } else {
    RejectAtGate(result.verdict);
  }
  return false;
}

void Connection::OnVerdict(Gate::Verdict verdict) {
  if (state_ != State::kAuthorizing) return;
  state_ = State::kReading;
  if (verdict != Gate::Verdict::kPass) return RejectAtGate(verdict);
  SetDeadline(shared_.options.read_timeout);
  if (!Admit()) return;
  Parse();
  AfterParsing();
}

void Connection::RejectAtGate(Gate::Verdict verdict) {
  // A request that was read to its end leaves the connection usable.
  keep_alive_ = parser_->done() && parser_->head().keep_alive;
  switch (verdict) {
    case Gate::Verdict::kUnauthorized:
      return Reject(401, "Unauthorized", "WWW-Authenticate: Basic\r\n");
    case Gate::Verdict::kTooMany: return Reject(429, "Too Many Requests");
    case Gate::Verdict::kBusy: return Reject(503, "Service Unavailable");
    default: return Reject(500, "Internal Server Error");
  }
}

// What remains to be checked of an admitted request; false when it has been rejected.
bool Connection::Admit() {
  const RequestHead& head = parser_->head();
  const std::string_view expect = head.headers.Get("Expect");
  const bool wait = HasToken(expect, "100-continue");
  if (!expect.empty() && !wait) {
    AnswerEmpty(417);
    return false;
  }
  if (wait && head.version >= 11 && !parser_->done() && input_.empty()) {
    QueueOutput("HTTP/1.1 100 Continue\r\n\r\n");
  }
  if (state_ != State::kReading) return false;
  parser_->BeginBody();
  return true;
}

void Connection::Dispatch() {
  RequestHead& head = parser_->head();
  if (head.target == "*") {
    const bool options = head.method == "OPTIONS";
    keep_alive_ = options && head.keep_alive;
    return AnswerEmpty(options ? 200 : 400);
  }
  auto request = std::make_shared<Request>();
  request->method = std::move(head.method);
  request->target = std::move(head.target);
  request->path = std::move(head.path);
  request->raw_query = std::move(head.raw_query);
  request->query = ParseFormLeniently(request->raw_query);
  request->headers = std::move(head.headers);
  request->body = std::move(parser_->body);
  request->remote_address = remote_;
  request->tls = shared_.tls;
  request->cancelled = [flow = flow_] { return flow->peer_gone(); };
  AnswerTraits traits = MakeAnswerTraits(*request, head.version, head.keep_alive);
  traits.web_config = web_config_;
  // The body counts until it has been handled.
  auto lease = std::make_shared<ByteLease>(std::move(parser_->body_lease));
  parser_.reset();
  if (input_.empty()) input_ = std::string();
  state_ = State::kHandling;
  deadline_ = TimePoint::max();
  answer_done_ = false;
  shared_.requests.fetch_add(1);
  flow_->Begin(!input_.empty() || stopping_ || peer_eof_);
  auto task = [self = shared_from_this(), request, lease, traits] {
    RunHandler(self, self->shared_.handler, *request, traits);
  };
  if (!shared_.workers->Submit(std::move(task))) {
    QueueOutput(SimpleAnswer(503, "Service Unavailable\n",
                             {.keep_alive = traits.keep_alive,
                              .http10 = traits.http10,
                              .web_config = web_config_.get()}));
    PostFinish(traits.keep_alive);
    return;
  }
  WaitForInput();
}

void Connection::Refuse(const RequestFault& fault) {
  if (fault.status == 413 || fault.status == 503) {
    return Reject(fault.status, StatusText(fault.status));
  }
  AnswerInstead(FaultAnswer(fault.status, fault.detail));
}

void Connection::AnswerEmpty(int status) {
  AnswerInstead(SimpleAnswer(status, "",
                             {.keep_alive = keep_alive_, .http10 = parser_->head().version < 11}));
}

void Connection::Reject(int status, std::string_view reason, std::string_view extra_header) {
  const bool http10 = parser_ != nullptr && parser_->head_done() && parser_->head().version < 11;
  AnswerInstead(SimpleAnswer(status, fmt::format("{}\n", reason),
                             {.keep_alive = keep_alive_,
                              .http10 = http10,
                              .web_config = web_config_.get(),
                              .extra_header = extra_header}));
}

// The request gets this answer, and nobody handles it.
void Connection::AnswerInstead(std::string answer) {
  if (state_ == State::kClosed) return;
  linger_ = !keep_alive_;
  state_ = State::kHandling;
  deadline_ = TimePoint::max();
  answer_done_ = true;
  parser_.reset();
  if (!keep_alive_) input_.clear();
  QueueOutput(std::move(answer));
}

void Connection::PostOutput(std::string head, std::string body) {
  boost::asio::post(loop_->context, [self = shared_from_this(), head = std::move(head),
                                     body = std::move(body)]() mutable {
    const size_t bytes = head.size() + body.size();
    if (self->state_ == State::kClosed) return self->flow_->Release(bytes);
    if (!head.empty()) self->output_.push_back(std::move(head));
    if (!body.empty()) self->output_.push_back(std::move(body));
    self->Flush();
  });
}

void Connection::PostFinish(bool keep_alive) {
  boost::asio::post(loop_->context, [self = shared_from_this(), keep_alive] {
    if (self->state_ == State::kClosed) return;
    self->answer_done_ = true;
    self->keep_alive_ = keep_alive;
    if (self->output_.empty()) self->OnAnswerDrained();
  });
}

size_t Connection::SendNow(std::string_view head, std::string_view body, bool end) {
  return shared_.tls ? 0 : flow_->SendNow(transport_, head, body, end);
}

// A worker may have sent the answer by itself.
void Connection::LookForNote(bool announce) {
  if (state_ != State::kHandling || !flow_->TakeNote(announce)) return;
  keep_alive_ = true;
  OnAnswerDrained();
}

void Connection::PostDetach() {
  boost::asio::post(loop_->context, [self = shared_from_this()] {
    if (self->state_ != State::kHandling) return;
    self->state_ = State::kDetached;
    if (self->stopping_ || self->peer_eof_) self->Close();
  });
}

void Connection::PostClose() {
  boost::asio::post(loop_->context, [self = shared_from_this()] { self->Close(); });
}

void Connection::QueueOutput(std::string data) {
  flow_->ForceAcquire(data.size());
  output_.push_back(std::move(data));
  Flush();
}

void Connection::Flush() {
  if (waiting_writable_ || state_ == State::kClosed) return;
  while (!output_.empty()) {
    std::array<std::string_view, 16> parts;
    size_t count = 0;
    for (const std::string& part : output_) {
      if (count == parts.size()) break;
      parts[count] = part;
      if (count == 0) parts[0].remove_prefix(output_offset_);
      ++count;
    }
    const IoResult result = transport_.Write({parts.data(), count});
    if (result.state == IoState::kWantWrite || result.state == IoState::kWantRead) {
      if (write_deadline_ == TimePoint::max() && shared_.options.write_timeout.count() > 0) {
        write_deadline_ = steady_clock::now() + shared_.options.write_timeout;
      }
      waiting_writable_ = true;
      transport_.WaitWritable([self = shared_from_this()](const boost::system::error_code& error) {
        self->waiting_writable_ = false;
        if (!error) self->Flush();
      });
      return;
    }
    if (result.state != IoState::kDone) return Close();
    size_t left = result.bytes;
    while (left > 0) {
      const size_t part = output_.front().size() - output_offset_;
      if (left < part) {
        output_offset_ += left;
        break;
      }
      left -= part;
      output_offset_ = 0;
      output_.pop_front();
    }
    flow_->Release(result.bytes);
    written_since_deadline_ += result.bytes;
    if (written_since_deadline_ >= kWriteProgress) {
      written_since_deadline_ = 0;
      write_deadline_ = TimePoint::max();
    }
  }
  written_since_deadline_ = 0;
  write_deadline_ = TimePoint::max();
  if (answer_done_) OnAnswerDrained();
}

void Connection::OnAnswerDrained() {
  if (state_ == State::kClosed || state_ == State::kLingering) return;
  answer_done_ = false;
  if (linger_) return Linger();
  if (!keep_alive_ || stopping_ || state_ == State::kDetached) return Close();
  if (peer_eof_ && input_.empty()) return Close();
  output_.shrink_to_fit();
  state_ = State::kIdle;
  SetDeadline(shared_.options.idle_timeout);
  if (input_.empty()) return WaitForInput();
  // Posted, not called: a long pipeline must not nest.
  boost::asio::post(loop_->context, [self = shared_from_this()] {
    if (self->state_ != State::kIdle) return;
    self->Parse();
    self->AfterParsing();
  });
}

void Connection::Linger() {
  state_ = State::kLingering;
  transport_.ShutdownWrite();
  SetDeadline(kLingerTime);
  if (peer_eof_) return Close();
  WaitForInput();
}

}  // namespace narthex::http
