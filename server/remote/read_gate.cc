#include "server/remote/read_gate.h"

namespace narthex::remote {

bool ReadGate::Enter(const std::function<bool()>& gone) {
  constexpr auto kPollInterval = std::chrono::milliseconds(100);
  MutexLock lock(mutex_);
  while (!stopped() && limit_ > 0 && running_ >= limit_) {
    if (gone()) return false;
    left_.WaitFor(lock, kPollInterval);
  }
  if (stopped()) return false;
  ++running_;
  return true;
}

void ReadGate::Leave() {
  MutexLock lock(mutex_);
  --running_;
  left_.NotifyOne();
}

void ReadGate::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  left_.NotifyAll();
}

}  // namespace narthex::remote
