#pragma once
// The account between a writer on a worker and the connection: how much is queued, whether the peer
// is still there, and whether the worker has sent its answer by itself. Thread-safe.

#include <atomic>
#include <string_view>

#include "core/base/mutex.h"
#include "core/http/transport.h"

namespace narthex::http {

class Flow {
 public:
  // Reserves room; waits while the connection is behind. False once it is closed.
  bool Acquire(size_t bytes) EXCLUDES(mutex_);
  // Reserves room or says no at once.
  bool TryAcquire(size_t bytes, size_t limit) EXCLUDES(mutex_);
  // Reserves without asking: whole answers are handed over whatever their size.
  void ForceAcquire(size_t bytes) EXCLUDES(mutex_);
  void Release(size_t bytes) EXCLUDES(mutex_);
  void Close() EXCLUDES(mutex_);

  // ---- Sending past the loop ----
  // A request is about to be handled. `announce`: the loop has plans and must be told of the end.
  void Begin(bool announce) EXCLUDES(mutex_);
  // Sends a part of an answer if nothing is to be sent before it; returns how much the socket took.
  // If that is all of its end, the loop need not be told.
  size_t SendNow(Transport& transport, std::string_view head, std::string_view body, bool end)
      EXCLUDES(mutex_);
  // Whether the end of an answer was sent so; true once. `announce`: if not yet, the loop is to be
  // told.
  bool TakeNote(bool announce) EXCLUDES(mutex_);

  void MarkPeerGone() { peer_gone_ = true; }
  bool peer_gone() const { return peer_gone_; }

  // Streams block beyond this, and event streams end.
  static constexpr size_t kHighWater = 1 << 20;

 private:
  Mutex mutex_;
  CondVar writable_;
  size_t queued_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
  bool announce_ GUARDED_BY(mutex_) = true;
  bool sent_ GUARDED_BY(mutex_) = false;
  std::atomic<bool> peer_gone_{false};
};

}  // namespace narthex::http
