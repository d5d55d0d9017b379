#include "core/http/time_limit.h"

#include <atomic>

#include "core/base/mutex.h"
#include "core/http/recorded_response.h"

namespace narthex::http {
namespace {

constexpr int kThreads = 4;
constexpr int kMaxThreads = 32;  // handlers that overran and still run, and those to come
constexpr size_t kMaxQueued = 1024;

// One request, shared by the thread that waits and the one that answers.
struct Call {
  Request request;
  RecordedResponse answer;
  std::atomic<bool> given_up{false};
  Mutex mutex;
  CondVar wake;
  bool done GUARDED_BY(mutex) = false;
};

}  // namespace

TimeLimit::TimeLimit(std::string name, std::chrono::milliseconds limit, std::string message,
                     Handler handler)
    : limit_(limit),
      message_(std::move(message)),
      handler_(std::move(handler)),
      pool_(std::move(name), kThreads, kMaxThreads, kMaxQueued) {}

void TimeLimit::Serve(const Request& request, ResponseWriter& response) {
  const auto call = std::make_shared<Call>();
  call->request = request;
  // The client's own going away cannot be asked for after Serve has returned.
  call->request.cancelled = [raw = call.get()] { return raw->given_up.load(); };
  bool in_time = pool_.Submit([this, call] {
    if (!call->given_up.load()) handler_(call->request, call->answer);
    MutexLock lock(call->mutex);
    call->done = true;
    call->wake.NotifyAll();
  });
  if (in_time) {
    MutexLock lock(call->mutex);
    in_time =
        call->wake.WaitFor(lock, limit_, [&]() NO_THREAD_SAFETY_ANALYSIS { return call->done; });
  }
  if (!in_time) {
    call->given_up.store(true);
    return response.Send(503, "text/plain; charset=utf-8", message_);
  }
  response.headers() = std::move(call->answer.headers());
  response.SetStatus(call->answer.status);
  response.Send(std::move(call->answer.body));
}

}  // namespace narthex::http
