#pragma once
// The threads that parse and commit. Each has a scratch area that every scrape it works on reuses.
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
  void Start(int threads);
  // Lets running tasks end; those in the queue are dropped.
  void Stop() EXCLUDES(mutex_);
  // Bounded by the caller: every loop has at most one task here.
  void Post(Task task) EXCLUDES(mutex_);

 private:
  void Run();

  Mutex mutex_;
  CondVar ready_;
  std::deque<Task> tasks_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<NamedThread> threads_;
};

}  // namespace narthex::scrape
