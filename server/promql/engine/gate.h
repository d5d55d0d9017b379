#pragma once
// Lets so many queries run at once and makes the others wait their turn.
//
// Thread safety: all methods.

#include <atomic>
#include <cstdint>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/base/status.h"

namespace narthex::promql {

class QueryGate {
 public:
  explicit QueryGate(int limit) : limit_(limit) {}

  // Waits for a place. DeadlineExceeded once the clock is past `deadline_nanos`, Cancelled once
  // *cancelled is set.
  Status Enter(const Clock& clock, int64_t deadline_nanos, const std::atomic<bool>* cancelled);
  void Leave();
  int running() const;

 private:
  const int limit_;
  mutable Mutex mutex_;
  CondVar left_;
  int running_ GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::promql
