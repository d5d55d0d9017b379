#pragma once
// A pool of named threads behind a bounded queue. A task that finds all of them busy gets a further
// thread, up to a limit; such a thread ends when it has had nothing to do for a while. So handlers
// that block (long queries, slow readers) do not keep the others waiting. Thread-safe.

#include <deque>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/thread.h"

namespace narthex::http {

class WorkerPool {
 public:
  // `threads` live as long as the pool, up to `max_threads` come and go.
  WorkerPool(std::string name, int threads, int max_threads, size_t max_queued);
  ~WorkerPool() { Stop(); }

  // False when the queue is full or the pool has stopped; the task is then not run.
  bool Submit(std::function<void()> task) EXCLUDES(mutex_);
  // Runs what is queued, then joins.
  void Stop() EXCLUDES(mutex_);

 private:
  struct Extra {
    NamedThread thread;
    bool ended = false;
  };
  void Run() EXCLUDES(mutex_);
  void RunExtra(std::list<Extra>::iterator self) EXCLUDES(mutex_);
  void RunNext(MutexLock& lock) REQUIRES(mutex_) NO_THREAD_SAFETY_ANALYSIS;

  const std::string name_;
  const size_t max_extra_;
  const size_t max_queued_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  size_t idle_ GUARDED_BY(mutex_) = 0;  // waiting for a task
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::list<Extra> extra_ GUARDED_BY(mutex_);
  std::vector<NamedThread> threads_;
};

}  // namespace narthex::http
