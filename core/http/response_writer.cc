#include "core/http/response_writer.h"

#include <ctime>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/compress/gzip.h"
#include "core/http/ascii.h"
#include "core/http/connection.h"
#include "core/log/log.h"
#include "core/strings/html.h"

namespace narthex::http {
namespace {

// Below this a compressed answer is hardly smaller and costs the client more than it saves.
constexpr size_t kMinCompressBytes = 512;
// Answers are made once and read once; higher levels cost time for a few percent.
constexpr int kCompressLevel = 4;

bool BodyAllowed(int status) { return status >= 200 && status != 204 && status != 304; }

// "Sun, 06 Nov 1994 08:49:37 GMT", rendered once a second and thread.
const std::string& HttpDate() {
  thread_local int64_t second = -1;
  thread_local std::string text;
  const int64_t now = Clock::System().NowNanos() / 1'000'000'000;
  if (now == second) return text;
  const std::time_t time = now;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char buffer[64];
  text.assign(buffer, std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  second = now;
  return text;
}

// A header value must not start another line.
void AppendField(std::string* out, std::string_view name, std::string_view value) {
  out->append(name).append(": ");
  for (const char c : value) out->push_back(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
  out->append("\r\n");
}

void AppendStatusLine(std::string* out, int status, bool http10) {
  fmt::format_to(std::back_inserter(*out), "HTTP/1.{} {:03} {}\r\n", http10 ? 0 : 1, status,
                 StatusText(status));
}

std::string ChunkFrame(std::string_view data) {
  std::string frame = fmt::format("{:x}\r\n", data.size());
  frame.append(data).append("\r\n");
  return frame;
}

// Survives its connection; the connection is reached only while it is open.
class EventStreamImpl final : public EventStream {
 public:
  EventStreamImpl(std::weak_ptr<Connection> connection, std::shared_ptr<Flow> flow, bool chunked)
      : connection_(std::move(connection)), flow_(std::move(flow)), chunked_(chunked) {}
  ~EventStreamImpl() override { Close(); }

  bool Write(std::string_view chunk) override {
    MutexLock lock(mutex_);
    if (closed_ || flow_->peer_gone()) return false;
    if (chunk.empty()) return true;
    const auto connection = connection_.lock();
    if (connection == nullptr) return false;
    std::string frame = chunked_ ? ChunkFrame(chunk) : std::string(chunk);
    if (!flow_->TryAcquire(frame.size(), Flow::kHighWater)) {
      closed_ = true;
      connection->PostClose();
      return false;
    }
    connection->PostOutput(std::move(frame), {});
    return true;
  }

  void Close() override {
    MutexLock lock(mutex_);
    if (closed_) return;
    closed_ = true;
    const auto connection = connection_.lock();
    if (connection == nullptr) return;
    if (chunked_) {
      flow_->ForceAcquire(5);
      connection->PostOutput("0\r\n\r\n", {});
    }
    connection->PostFinish(false);
  }

 private:
  Mutex mutex_;
  const std::weak_ptr<Connection> connection_;
  const std::shared_ptr<Flow> flow_;
  const bool chunked_;
  bool closed_ GUARDED_BY(mutex_) = false;
};

class WriterImpl final : public ResponseWriter {
 public:
  WriterImpl(std::shared_ptr<Connection> connection, const AnswerTraits& traits)
      : connection_(std::move(connection)), traits_(traits) {}

  Headers& headers() override { return headers_; }
  void SetStatus(int code) override { status_ = code; }
  bool started() const { return state_ != State::kOpen; }

  void Send(std::string body) override {
    if (state_ != State::kOpen) return;
    state_ = State::kDone;
    if (!BodyAllowed(status_)) {
      body.clear();
    } else {
      SetDefaultContentType(body);
      if (PrepareEncoding(body.size())) body = CompressWhole(body);
      headers_.Set("Content-Length", fmt::format("{}", body.size()));
    }
    if (traits_.head) body.clear();
    std::string head = RenderHead();
    if (keep_alive_) {
      const size_t sent = connection_->SendNow(head, body, true);
      if (sent == head.size() + body.size()) return;
      const size_t of_head = std::min(sent, head.size());
      head.erase(0, of_head);
      body.erase(0, sent - of_head);
    }
    connection_->flow()->ForceAcquire(head.size() + body.size());
    connection_->PostOutput(std::move(head), std::move(body));
    connection_->PostFinish(keep_alive_);
  }

  bool Write(std::string_view chunk) override {
    if (state_ == State::kOpen) StartStream(true);
    if (state_ != State::kStreaming) return false;
    if (traits_.head || !BodyAllowed(status_) || chunk.empty())
      return !connection_->flow()->peer_gone();
    if (!compressor_) return Queue(Frame(chunk));
    std::string compressed;
    compressor_->Write(chunk, &compressed);
    return Queue(Frame(compressed));
  }

  std::shared_ptr<EventStream> Detach() override {
    if (state_ != State::kOpen) return nullptr;
    StartStream(false);
    state_ = State::kDone;
    connection_->PostDetach();
    return std::make_shared<EventStreamImpl>(connection_, connection_->flow(), chunked_);
  }

  void Abort() override {
    if (state_ != State::kStreaming) return;
    state_ = State::kDone;
    connection_->PostClose();
  }

  // Completes whatever the handler left open.
  void Finish() {
    if (state_ == State::kOpen) return Send(std::string());
    if (state_ != State::kStreaming) return;
    state_ = State::kDone;
    std::string tail;
    if (compressor_) {
      std::string compressed;
      compressor_->Finish(&compressed);
      tail = Frame(compressed);
    }
    if (chunked_ && !traits_.head && BodyAllowed(status_)) tail += "0\r\n\r\n";
    if (keep_alive_) {
      const size_t sent = connection_->SendNow(tail, {}, true);
      if (sent > 0 && sent == tail.size()) return;
      tail.erase(0, sent);
    }
    Queue(std::move(tail));
    connection_->PostFinish(keep_alive_);
  }

  // The handler failed: a clean 500, or a broken-off connection when bytes are already out.
  void Fail() {
    if (state_ == State::kOpen) {
      headers_ = Headers();
      return Error(500, "Internal Server Error");
    }
    Abort();
  }

 private:
  enum class State { kOpen, kStreaming, kDone };

  void SetDefaultContentType(std::string_view body) {
    if (!body.empty() && !headers_.Has("Content-Type")) {
      headers_.Add("Content-Type", "text/plain; charset=utf-8");
    }
  }

  // True when the answer may be compressed and the client wants it; adds Vary where it varies.
  bool PrepareEncoding(size_t bytes = SIZE_MAX) {
    if (headers_.Get("Content-Encoding") == "identity") {  // how a handler asks for none
      headers_.Remove("Content-Encoding");
      return false;
    }
    if (headers_.Has("Content-Encoding") || bytes < kMinCompressBytes) return false;
    bool vary = false;
    for (const std::string_view value : headers_.GetAll("Vary")) {
      vary = vary || HasToken(value, "Accept-Encoding");
    }
    if (!vary) headers_.Add("Vary", "Accept-Encoding");
    return traits_.encoding != Encoding::kIdentity;
  }

  std::string CompressWhole(std::string_view body) {
    headers_.Set("Content-Encoding", std::string(EncodingName(traits_.encoding)));
    return traits_.encoding == Encoding::kGzip ? GzipCompress(body, kCompressLevel)
                                               : ZlibCompress(body, kCompressLevel);
  }

  DeflateFormat Format() const {
    return traits_.encoding == Encoding::kGzip ? DeflateFormat::kGzip : DeflateFormat::kZlib;
  }

  void StartStream(bool may_compress) {
    state_ = State::kStreaming;
    if (BodyAllowed(status_)) {
      if (may_compress && PrepareEncoding()) {
        headers_.Set("Content-Encoding", std::string(EncodingName(traits_.encoding)));
        if (!traits_.head) compressor_.emplace(Format(), kCompressLevel);
      }
      chunked_ = !traits_.http10;
      if (chunked_) {
        headers_.Set("Transfer-Encoding", "chunked");
      } else {
        keep_alive_ = false;  // the end of the connection is the end of the body
      }
    }
    headers_.Remove("Content-Length");
    Queue(RenderHead());
  }

  std::string Frame(std::string_view data) {
    if (data.empty()) return {};
    return chunked_ ? ChunkFrame(data) : std::string(data);
  }

  bool Queue(std::string data) {
    if (data.empty()) return true;
    const size_t sent = connection_->SendNow(data, {}, false);
    if (sent == data.size()) return true;
    data.erase(0, sent);
    const bool open = connection_->flow()->Acquire(data.size());
    connection_->PostOutput(std::move(data), {});
    return open;
  }

  std::string RenderHead() {
    keep_alive_ =
        keep_alive_ && traits_.keep_alive && !HasToken(headers_.Get("Connection"), "close");
    std::string out;
    out.reserve(256);
    AppendStatusLine(&out, status_, traits_.http10);
    for (const auto& [name, value] : headers_) AppendField(&out, name, value);
    if (traits_.web_config != nullptr) {
      for (const auto& [name, value] : traits_.web_config->headers) {
        if (!headers_.Has(name)) AppendField(&out, name, value);
      }
    }
    if (!headers_.Has("Date")) AppendField(&out, "Date", HttpDate());
    if (!headers_.Has("Connection")) {
      if (!keep_alive_ && !traits_.http10) out += "Connection: close\r\n";
      if (keep_alive_ && traits_.http10) out += "Connection: keep-alive\r\n";
    }
    out += "\r\n";
    return out;
  }

  const std::shared_ptr<Connection> connection_;
  const AnswerTraits traits_;
  Headers headers_;
  int status_ = 200;
  State state_ = State::kOpen;
  bool chunked_ = false;
  bool keep_alive_ = true;
  std::optional<DeflateStream> compressor_;
};

}  // namespace

AnswerTraits MakeAnswerTraits(const Request& request, int version, bool keep_alive) {
  AnswerTraits traits;
  for (const std::string_view value : request.headers.GetAll("Accept-Encoding")) {
    if (traits.encoding == Encoding::kIdentity) traits.encoding = NegotiateEncoding(value);
  }
  traits.keep_alive = keep_alive;
  traits.head = request.method == "HEAD";
  traits.http10 = version < 11;
  return traits;
}

void RunHandler(const std::shared_ptr<Connection>& connection, const Handler& handler,
                const Request& request, const AnswerTraits& traits) {
  WriterImpl writer(connection, traits);
  try {
    handler(request, writer);
  } catch (const std::exception& error) {
    NX_LOG(Error, "HTTP handler failed", {"path", request.path}, {"err", error.what()});
    writer.Fail();
  } catch (...) {
    NX_LOG(Error, "HTTP handler failed", {"path", request.path}, {"err", "unknown exception"});
    writer.Fail();
  }
  writer.Finish();
}

std::string SimpleAnswer(int status, std::string_view text, const SimpleTraits& traits) {
  std::string out;
  AppendStatusLine(&out, status, traits.http10);
  if (!text.empty()) AppendField(&out, "Content-Type", "text/plain; charset=utf-8");
  AppendField(&out, "Content-Length", fmt::format("{}", text.size()));
  AppendField(&out, "Date", HttpDate());
  if (!text.empty()) AppendField(&out, "X-Content-Type-Options", "nosniff");
  if (traits.web_config != nullptr) {
    for (const auto& [name, value] : traits.web_config->headers) {
      if (!EqualsIgnoreCase(name, "X-Content-Type-Options")) AppendField(&out, name, value);
    }
  }
  out.append(traits.extra_header);
  if (!traits.keep_alive && !traits.http10) AppendField(&out, "Connection", "close");
  if (traits.keep_alive && traits.http10) AppendField(&out, "Connection", "keep-alive");
  out.append("\r\n").append(text);
  return out;
}

std::string FaultAnswer(int status, std::string_view detail) {
  const bool in_line = status != 501 && !detail.empty();
  const std::string line = fmt::format("{} {}{}{}", status, StatusText(status), in_line ? ": " : "",
                                       in_line ? detail : "");
  return fmt::format(
      "HTTP/1.1 {}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{}", line,
      status == 501 ? detail : line);
}

void ResponseWriter::Send(int code, std::string_view content_type, std::string body) {
  SetStatus(code);
  headers().Set("Content-Type", std::string(content_type));
  Send(std::move(body));
}

void ResponseWriter::Error(int code, std::string_view message) {
  headers().Set("X-Content-Type-Options", "nosniff");
  Send(code, "text/plain; charset=utf-8", std::string(message) + "\n");
}

void ResponseWriter::Redirect(int code, std::string_view location) {
  headers().Set("Location", std::string(location));
  Send(code, "text/html; charset=utf-8",
       fmt::format("<a href=\"{}\">{}</a>.\n\n", EscapeHtml(location), StatusText(code)));
}

}  // namespace narthex::http
