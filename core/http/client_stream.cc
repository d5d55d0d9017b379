#include "core/http/client_stream.h"

#include "core/http/exchange.h"

namespace narthex::http {

bool Cancellation::Attach(std::shared_ptr<ClientLoop> loop, std::weak_ptr<Exchange> exchange) {
  MutexLock lock(mutex_);
  if (cancelled_) return false;
  loop_ = std::move(loop);
  exchange_ = std::move(exchange);
  return true;
}

void Cancellation::Cancel() {
  MutexLock lock(mutex_);
  cancelled_ = true;
  if (loop_ == nullptr) return;
  loop_->Post([weak = exchange_] {
    if (const auto exchange = weak.lock()) exchange->Fail(Cancelled("context canceled"));
  });
}

void BodyStream::Resume() {
  MutexLock lock(mutex_);
  if (loop_ == nullptr) return;
  loop_->Post([weak = exchange_] {
    if (const auto exchange = weak.lock()) exchange->ResumeBody();
  });
}

// ---- the exchange's side ----

void Exchange::StretchDeadline() {
  const auto now = std::chrono::steady_clock::now();
  loop_->active.erase(place_);
  deadline_ = (paused_ ? now : last_input_) + now_->request.stream->idle_timeout_;
  place_ = loop_->Enter(deadline_, shared_from_this());
}

// True: the deadline has moved.
bool Exchange::IsStreamAlive() {
  if (now_->request.stream == nullptr || !parser_ || !parser_->streaming()) return false;
  const auto silent_since = paused_ ? std::chrono::steady_clock::now() : last_input_;
  if (silent_since + now_->request.stream->idle_timeout_ <= std::chrono::steady_clock::now()) {
    return false;
  }
  StretchDeadline();
  return true;
}

void Exchange::NoteStreamInput() {
  if (now_->request.stream == nullptr || !parser_ || !parser_->streaming()) return;
  const bool first = last_input_ == std::chrono::steady_clock::time_point();
  last_input_ = std::chrono::steady_clock::now();
  paused_ = parser_->pause;
  if (first) StretchDeadline();
}

void Exchange::ResumeBody() {
  if (!paused_ || phase_ != Phase::kExchanging || connection_ == nullptr) return;
  paused_ = false;
  parser_->pause = false;
  last_input_ = std::chrono::steady_clock::now();
  OnReadable(connection_.get());
}

}  // namespace narthex::http
