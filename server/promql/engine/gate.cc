#include "server/promql/engine/gate.h"

#include <chrono>

namespace narthex::promql {

Status QueryGate::Enter(const Clock& clock, int64_t deadline_nanos,
                        const std::atomic<bool>* cancelled) {
  MutexLock lock(mutex_);
  while (running_ >= limit_) {
    if (cancelled != nullptr && cancelled->load()) {
      return Cancelled("query was canceled in query queue");
    }
    if (clock.MonotonicNanos() > deadline_nanos) {
      return DeadlineExceeded("query timed out in query queue");
    }
    // Cancellation is a flag nobody announces, hence the short waits.
    left_.WaitFor(lock, std::chrono::milliseconds(10));
  }
  ++running_;
  return OkStatus();
}

void QueryGate::Leave() {
  MutexLock lock(mutex_);
  --running_;
  left_.NotifyOne();
}

int QueryGate::running() const {
  MutexLock lock(mutex_);
  return running_;
}

}  // namespace narthex::promql
