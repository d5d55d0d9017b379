#pragma once
// A fixed pool of named threads behind a bounded queue. Thread-safe.

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/thread.h"

namespace narthex::http {

class WorkerPool {
 public:
  WorkerPool(std::string name, int threads, size_t max_queued);
  ~WorkerPool() { Stop(); }

  // False when the queue is full or the pool has stopped; the task is then not run.
  bool Submit(std::function<void()> task) EXCLUDES(mutex_);
  // Runs what is queued, then joins.
  void Stop() EXCLUDES(mutex_);

 private:
  void Run() EXCLUDES(mutex_);

  const size_t max_queued_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::vector<NamedThread> threads_;
};

}  // namespace narthex::http
