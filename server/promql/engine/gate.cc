#include "server/promql/engine/gate.h"

#include <chrono>

namespace narthex::promql {

Status QueryGate::Enter(const Clock& clock, int64_t deadline_nanos,
                        const std::atomic<bool>* cancelled, bool rule) {
  MutexLock lock(mutex_);
  waiting_rules_ += rule ? 1 : 0;
  Status status;
  while (!HasPlace(rule)) {
    if (cancelled != nullptr && cancelled->load()) {
      status = Cancelled("query was canceled in query queue");
      break;
    }
    if (clock.MonotonicNanos() > deadline_nanos) {
      status = DeadlineExceeded("query timed out in query queue");
      break;
    }
    // Cancellation is a flag nobody announces, hence the short waits.
    left_.WaitFor(lock, std::chrono::milliseconds(10));
  }
  waiting_rules_ -= rule ? 1 : 0;
  if (status.ok()) ++running_;
  return status;
}

void QueryGate::Leave() {
  MutexLock lock(mutex_);
  --running_;
  left_.NotifyAll();
}

int QueryGate::running() const {
  MutexLock lock(mutex_);
  return running_;
}

}  // namespace narthex::promql
