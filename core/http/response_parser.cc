#include "core/http/response_parser.h"

#include <algorithm>

namespace narthex::http {
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
      case State::kChunks: used += PutChunks(rest); break;
      default: used += PutBody(rest);
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
    case Framing::kChunked:
      state_ = State::kChunks;
      chunks_.emplace(kMaxHeadBytes - head_bytes_);
      return;
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
  if (left_ == 0) Finish();
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

size_t ResponseParser::PutChunks(std::string_view data) {
  std::string_view piece;
  const size_t used = chunks_->Put(data, &piece);
  if (!piece.empty() && !Deliver(piece)) return used;
  if (chunks_->failed()) {
    Fail(Error::kBody, chunks_->what());
  } else if (chunks_->done()) {
    Finish();
  }
  return used;
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
