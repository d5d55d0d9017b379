#include "core/http/request_parser.h"

#include <algorithm>

#include "core/http/message_head.h"

namespace narthex::http {

RequestParser::RequestParser(size_t max_head_bytes, size_t max_body_bytes,
                             const std::shared_ptr<ByteBudget>& budget)
    : max_head_bytes_(max_head_bytes), head_lease_(budget) {
  max_body = max_body_bytes;
  body_lease = ByteLease(budget);
}

size_t RequestParser::Put(std::string_view input) {
  size_t used = 0;
  if (state_ == State::kHead) return PutHead(input);
  while (used < input.size() && fault_.status == 0) {
    if (state_ == State::kLength) {
      const std::string_view piece = input.substr(used, left_);
      used += piece.size();
      left_ -= piece.size();
      PutBody(piece);
      if (left_ == 0) Finish();
    } else if (state_ == State::kChunks) {
      std::string_view piece;
      used += chunks_->Put(input.substr(used), &piece);
      PutBody(piece);
      if (chunks_->failed()) Fail(400);
      if (chunks_->done()) Finish();
    } else {
      break;
    }
  }
  return used;
}

size_t RequestParser::PutHead(std::string_view input) {
  const size_t end = FindHeadEnd(input, searched_);
  // Who speaks something else is told so at once.
  if (end == 0 && !line_seen_ && input.find('\n', searched_) != std::string_view::npos) {
    line_seen_ = true;
    std::string_view text = input;
    fault_ = ParseRequestLine(NextHeadLine(&text), &head_);
    if (fault_.status != 0) return 0;
  }
  const size_t size = end == 0 ? input.size() : end;
  searched_ = input.size();
  if (size > max_head_bytes_) {
    Fail(431);
  } else if (size > kFreeHeadBytes && !head_lease_.GrowTo(size)) {
    Fail(503);
  } else if (end != 0) {
    fault_ = ParseRequestHead(input.substr(0, end), &head_);
    if (fault_.status != 0) return 0;
    state_ = head_.has_body() ? State::kWaiting : State::kDone;
    if (head_.length && *head_.length > max_body) Fail(413);
    return end;
  }
  return 0;
}

void RequestParser::BeginBody() {
  if (state_ != State::kWaiting) return;
  if (head_.chunked) {
    state_ = State::kChunks;
    chunks_.emplace(kFreeHeadBytes);
    return;
  }
  state_ = State::kLength;
  left_ = *head_.length;
  if (!ReserveBody(std::min<uint64_t>(left_, kFirstBodyBytes))) Fail(503);
}

void RequestParser::PutBody(std::string_view data) {
  if (data.empty() || AppendBody(data)) return;
  Fail(body_too_large ? 413 : 503);
}

void RequestParser::Finish() {
  FinishBody();
  state_ = State::kDone;
}

}  // namespace narthex::http
