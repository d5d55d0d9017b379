#pragma once
// The bounded buffer between the I/O thread that receives a body and the worker that decodes it.
//
// Thread safety: all methods. After Detach nothing is posted any more.

#include <functional>
#include <memory>
#include <string>

#include "core/base/mutex.h"
#include "core/http/client.h"
#include "core/http/client_stream.h"
#include "core/kube/worker.h"

namespace narthex::kube {

class Feed final : public http::BodySink {
 public:
  // On the worker: `input` when there is something to Take, `end` once, after the last of it.
  Feed(Worker* worker, std::function<void()> input,
       std::function<void(StatusOr<http::ClientResponse>)> end)
      : worker_(worker), input_(std::move(input)), end_(std::move(end)) {}

  bool OnHead(int, const http::Headers&) override { return true; }
  Verdict OnBody(std::string_view piece) override EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (detached_) return Verdict::kStop;
    if (buffer_.empty()) worker_->Post(input_);
    buffer_.append(piece);
    if (buffer_.size() < kEnough) return Verdict::kMore;
    waiting_ = true;
    return Verdict::kPause;
  }
  void OnEnd(StatusOr<http::ClientResponse> result) EXCLUDES(mutex_) {
    auto shared = std::make_shared<StatusOr<http::ClientResponse>>(std::move(result));
    MutexLock lock(mutex_);
    if (!detached_) worker_->Post([end = end_, shared] { end(std::move(*shared)); });
  }

  // Swaps what has arrived into `out`. True when the stream waits to be resumed.
  bool Take(std::string* out) EXCLUDES(mutex_) {
    out->clear();
    MutexLock lock(mutex_);
    out->swap(buffer_);
    return std::exchange(waiting_, false);
  }
  void Detach() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    detached_ = true;
  }

 private:
  static constexpr size_t kEnough = 512 << 10;

  Worker* const worker_;
  const std::function<void()> input_;
  const std::function<void(StatusOr<http::ClientResponse>)> end_;
  Mutex mutex_;
  std::string buffer_ GUARDED_BY(mutex_);
  bool waiting_ GUARDED_BY(mutex_) = false;
  bool detached_ GUARDED_BY(mutex_) = false;
};

}  // namespace narthex::kube
