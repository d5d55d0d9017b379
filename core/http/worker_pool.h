#pragma once
// A pool of named threads behind a bounded queue. A task that finds all of them busy gets a further
// thread, up to a limit; such a thread ends when it has had nothing to do for a while. So handlers
// that block (long queries, slow readers) do not keep the others waiting.
//
// Of the idle ones, the one that worked last is called: its stack and its part of the heap are
// still in the caches. Thread-safe.

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
  // Workers that wait for a task.
  size_t idle() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return idle_.size();
  }
  // Runs what is queued, then joins.
  void Stop() EXCLUDES(mutex_);

 private:
  struct Worker {
    CondVar wake;
    bool called = false;  // no longer in idle_
    bool lasting = true;
    bool ended = false;
    NamedThread thread;
  };
  void Start(Worker* worker, std::string name);
  void StartExtra() REQUIRES(mutex_);
  void Run(Worker* self) EXCLUDES(mutex_);
  bool WaitForCall(Worker* self, MutexLock& lock) REQUIRES(mutex_);
  void RunNext(MutexLock& lock) REQUIRES(mutex_) NO_THREAD_SAFETY_ANALYSIS;

  const std::string name_;
  const size_t max_extra_;
  const size_t max_queued_;
  Mutex mutex_;
  std::deque<std::function<void()>> queue_ GUARDED_BY(mutex_);
  std::vector<Worker*> idle_ GUARDED_BY(mutex_);  // the last one waits for the shortest time
  bool stopped_ GUARDED_BY(mutex_) = false;
  size_t extra_ GUARDED_BY(mutex_) = 0;  // those that will end
  // One whose thread has ended is used again: whoever calls it may still be about to.
  std::list<Worker> workers_;
};

}  // namespace narthex::http
