#pragma once
// Lets so many queries run at once and makes the others wait their turn. Queries of rules have
// places of their own beyond those, so that dashboards cannot keep rules from being evaluated.
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

  // How many may run altogether.
  static int Places(int limit) { return limit + (limit + 3) / 4; }

  // Waits for a place. DeadlineExceeded once the clock is past `deadline_nanos`, Cancelled once
  // *cancelled is set. Others do not enter while a rule waits.
  Status Enter(const Clock& clock, int64_t deadline_nanos, const std::atomic<bool>* cancelled,
               bool rule = false);
  void Leave();
  int running() const;

 private:
  bool HasPlace(bool rule) const REQUIRES(mutex_) {
    return rule ? running_ < Places(limit_) : running_ < limit_ && waiting_rules_ == 0;
  }

  const int limit_;
  mutable Mutex mutex_;
  CondVar left_;
  int running_ GUARDED_BY(mutex_) = 0;
  int waiting_rules_ GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::promql
