#pragma once
// The threads that parse and commit. Each has a scratch area that every scrape it works on reuses.
// Small tasks run on the thread that brings them as long as that costs it little of its time:
// handing a task over costs about as much as the scrape of a small target.
//
// Thread safety: all methods.

#include <deque>
#include <functional>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/thread.h"
#include "server/scrape/series.h"

namespace narthex::scrape {

class Workers {
 public:
  using Task = std::function<void(Scratch*)>;

  ~Workers() { Stop(); }
  // With `hold` tasks gather in the queue until Release.
  void Start(int threads, bool hold = false) EXCLUDES(mutex_);
  void Release() EXCLUDES(mutex_);
  // Lets running tasks end; those in the queue are dropped. Not to be called by a task.
  void Stop() EXCLUDES(mutex_);
  // Bounded by the caller: every loop has at most one task here.
  void Post(Task task) EXCLUDES(mutex_);
  // Runs the task here when nobody waits in the queue and the calling thread has spent less than a
  // quarter of its time so.
  void RunOrPost(Task task) EXCLUDES(mutex_);

 private:
  void Run();

  Mutex mutex_;
  CondVar ready_;
  CondVar left_;
  int visitors_ GUARDED_BY(mutex_) = 0;  // callers of RunOrPost that run their task
  std::deque<Task> tasks_ GUARDED_BY(mutex_);
  bool held_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<NamedThread> threads_;
};

}  // namespace narthex::scrape
