#include "core/http/response_parser.h"

#include <algorithm>
#include <charconv>

#include "core/http/ascii.h"

namespace narthex::http {
namespace {
constexpr size_t kMaxLine = 4096;
constexpr uint64_t kMaxOverhead = 16 << 10;
}  // namespace

void ResponseParser::Fail(Error error, std::string what) {
  error_ = error;
  what_ = std::move(what);
}

size_t ResponseParser::Put(std::string_view data) {
  size_t used = 0;
  while (used < data.size() && error_ == Error::kNone && state_ != State::kDone) {
    const std::string_view rest = data.substr(used);
    switch (state_) {
      case State::kHead: used += PutHead(rest); break;
      case State::kLength:
      case State::kChunkData:
      case State::kUntilClose: used += PutBody(rest); break;
      default: used += PutLine(rest);
    }
  }
  return used;
}

size_t ResponseParser::PutHead(std::string_view data) {
  const size_t before = partial_.size();
  if (before > 0) partial_.append(data);
  const std::string_view all = before > 0 ? std::string_view(partial_) : data;
  const size_t end = FindHeadEnd(all, before);
  if (head_bytes_ + (end == 0 ? all.size() : end) > kMaxHeadBytes) {
    Fail(Error::kHeadSize);
    return data.size();
  }
  if (end == 0) {
    if (before == 0) partial_.assign(data);
    return data.size();
  }
  head_bytes_ += end;
  OnHead(all.substr(0, end));
  partial_.clear();
  return end - before;
}

void ResponseParser::OnHead(std::string_view text) {
  const Status status = ParseResponseHead(text, to_head, &head_);
  if (!status.ok()) return Fail(Error::kHead, std::string(MessageOf(status)));
  if (head_.status / 100 == 1 && head_.status != 101) {
    return;  // as many as there is room for heads
  }
  streaming_ =
      sink != nullptr && head_.status / 100 == 2 && sink->OnHead(head_.status, head_.headers);
  switch (head_.framing) {
    case Framing::kNone: return Finish();
    case Framing::kUntilClose: state_ = State::kUntilClose; return;
    case Framing::kChunked: state_ = State::kChunkSize; return;
    case Framing::kLength: break;
  }
  if (head_.length == 0) return Finish();
  state_ = State::kLength;
  left_ = head_.length;
  if (streaming_) return;
  body_too_large = max_body > 0 && left_ > max_body;
  if (body_too_large || !ReserveBody(left_)) Fail(Error::kBodyLimit);
}

size_t ResponseParser::PutBody(std::string_view data) {
  if (state_ != State::kUntilClose) data = data.substr(0, left_);
  if (!Deliver(data) || state_ == State::kUntilClose) return data.size();
  left_ -= data.size();
  if (left_ > 0) return data.size();
  if (state_ == State::kLength) {
    Finish();
  } else {
    state_ = State::kChunkEnd;
  }
  return data.size();
}

bool ResponseParser::Deliver(std::string_view data) {
  if (!streaming_) {
    if (AppendBody(data)) return true;
    Fail(Error::kBodyLimit);
    return false;
  }
  switch (sink->OnBody(data)) {
    case BodySink::Verdict::kMore: return true;
    case BodySink::Verdict::kPause: pause = true; return true;
    case BodySink::Verdict::kStop: break;
  }
  Fail(Error::kStopped);
  return false;
}

void ResponseParser::Filled(size_t bytes) {
  NoteFilled(bytes);
  left_ -= bytes;
  if (left_ == 0) Finish();
}

size_t ResponseParser::PutLine(std::string_view data) {
  const size_t end = data.find('\n');
  const size_t used = end == std::string_view::npos ? data.size() : end + 1;
  const size_t most = state_ == State::kChunkSize ? kMaxLine : kMaxHeadBytes - head_bytes_;
  if (partial_.size() + used > most) {
    Fail(Error::kBody, state_ == State::kTrailer ? "trailer too long" : "chunked line too long");
    return used;
  }
  if (end == std::string_view::npos || !partial_.empty()) partial_.append(data.substr(0, used));
  if (end == std::string_view::npos) return used;
  const std::string_view line = partial_.empty() ? data.substr(0, used) : partial_;
  if (line.ends_with("\r\n")) {
    OnLine(line.substr(0, line.size() - 2));
  } else {
    Fail(Error::kBody, "chunked line ends with bare LF");
  }
  partial_.clear();
  return used;
}

void ResponseParser::OnLine(std::string_view line) {
  if (state_ == State::kChunkSize) return OnChunkSize(line);
  if (state_ == State::kTrailer) return OnTrailer(line);
  if (!line.empty()) return Fail(Error::kBody, "malformed chunked encoding");
  state_ = State::kChunkSize;
}

void ResponseParser::OnChunkSize(std::string_view line) {
  const std::string_view digits = Trim(line.substr(0, line.find(';')));
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, left_, 16);
  if (digits.empty()) return Fail(Error::kBody, "empty hex number for chunk length");
  if (error == std::errc::result_out_of_range || left_ > INT64_MAX) {
    return Fail(Error::kBody, "http chunk length too large");
  }
  if (error != std::errc() || rest != end || line[0] == ' ' || line[0] == '\t') {
    return Fail(Error::kBody, "invalid byte in chunk length");
  }
  // Go: a peer may not send more framing than data for long.
  overhead_ += line.size() + 2;
  const uint64_t fair = left_ < INT64_MAX / 4 ? 16 + 2 * left_ : UINT64_MAX;
  overhead_ -= std::min(overhead_, fair);
  if (overhead_ > kMaxOverhead) {
    return Fail(Error::kBody, "chunked encoding contains too much non-data");
  }
  state_ = left_ == 0 ? State::kTrailer : State::kChunkData;
}

// Checked and dropped: nothing here reads trailers, and they must not change what the head said.
void ResponseParser::OnTrailer(std::string_view line) {
  if (line.empty()) return Finish();
  head_bytes_ += line.size() + 2;
  if (line.find(':') == std::string_view::npos) Fail(Error::kBody, "malformed trailer");
}

bool ResponseParser::PutEof() {
  if (state_ == State::kUntilClose) Finish();
  return state_ == State::kDone;
}

void ResponseParser::Finish() {
  FinishBody();
  state_ = State::kDone;
}

}  // namespace narthex::http
