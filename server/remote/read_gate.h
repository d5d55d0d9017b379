#pragma once
// Lets so many remote reads run at once; the others wait their turn.
//
// Thread safety: all methods.

#include <atomic>
#include <cstdint>
#include <functional>

#include "core/base/mutex.h"

namespace narthex::remote {

class ReadGate {
 public:
  // 0 and less: no limit.
  explicit ReadGate(int64_t limit) : limit_(limit) {}

  // False when `gone` said so, which is asked several times a second, or after Stop.
  bool Enter(const std::function<bool()>& gone);
  void Leave();
  // Sends away who waits.
  void Stop();
  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }

 private:
  const int64_t limit_;
  Mutex mutex_;
  CondVar left_;
  std::atomic<bool> stopped_{false};
  int64_t running_ GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::remote
