#pragma once
// Requests to reload the configuration or to stop, from HTTP handlers to the main thread, which
// alone acts on them. Signals arrive by the same road.
//
// Thread safety: all methods; Wait belongs to the main thread.

#include <deque>
#include <future>
#include <memory>

#include "core/base/file.h"
#include "core/base/mutex.h"
#include "core/base/status.h"

namespace narthex::prometheus {

class Requests {
 public:
  // Blocks SIGINT, SIGTERM and SIGHUP in this thread and those it starts later, and reads them from
  // a descriptor instead. To be made before any thread.
  Requests();

  enum class Event { kNone, kReload, kStop };
  // The next thing to do, or kNone when the time is up (< 0: never).
  Event Wait(int timeout_ms);
  // Makes Wait return, kNone if there is nothing else.
  void Wake() const;

  // Blocks until the reload is done and returns its outcome.
  Status Reload() EXCLUDES(mutex_);
  void Stop() EXCLUDES(mutex_);

  // The main thread's answer to everybody who waits for a reload.
  void FinishReload(const Status& status) EXCLUDES(mutex_);
  // Nothing will be reloaded any more.
  void Close() EXCLUDES(mutex_);

 private:
  Event ReadSignal();

  UniqueFd signals_;
  UniqueFd wake_;
  Mutex mutex_;
  bool stop_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::deque<std::promise<Status>> waiting_ GUARDED_BY(mutex_);
  std::deque<std::promise<Status>> running_ GUARDED_BY(mutex_);
};

}  // namespace narthex::prometheus
