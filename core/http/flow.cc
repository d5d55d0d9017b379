#include "core/http/flow.h"

#include <algorithm>
#include <array>
#include <utility>

namespace narthex::http {

bool Flow::Acquire(size_t bytes) {
  MutexLock lock(mutex_);
  while (!closed_ && queued_ > 0 && queued_ + bytes > kHighWater) writable_.Wait(lock);
  queued_ += bytes;
  return !closed_;
}

bool Flow::TryAcquire(size_t bytes, size_t limit) {
  MutexLock lock(mutex_);
  if (closed_ || queued_ + bytes > limit) return false;
  queued_ += bytes;
  return true;
}

void Flow::ForceAcquire(size_t bytes) {
  MutexLock lock(mutex_);
  queued_ += bytes;
}

void Flow::Release(size_t bytes) {
  MutexLock lock(mutex_);
  queued_ -= std::min(bytes, queued_);
  writable_.NotifyAll();
}

void Flow::Begin(bool announce) {
  MutexLock lock(mutex_);
  announce_ = announce;
  sent_ = false;
}

// The mutex is held while the socket is written to, which does not wait: Close() comes before the
// socket is closed, and its number may stand for another one then.
size_t Flow::SendNow(Transport& transport, std::string_view head, std::string_view body, bool end) {
  MutexLock lock(mutex_);
  if (closed_ || queued_ > 0 || (end && announce_)) return 0;
  const std::array<std::string_view, 2> parts = {head, body};
  const IoResult result = transport.Write({parts.data(), body.empty() ? size_t{1} : parts.size()});
  if (result.state != IoState::kDone) return 0;
  sent_ = end && result.bytes == head.size() + body.size();
  return result.bytes;
}

bool Flow::TakeNote(bool announce) {
  MutexLock lock(mutex_);
  if (std::exchange(sent_, false)) return true;
  announce_ = announce_ || announce;
  return false;
}

void Flow::Close() {
  peer_gone_ = true;
  MutexLock lock(mutex_);
  closed_ = true;
  writable_.NotifyAll();
}

}  // namespace narthex::http
