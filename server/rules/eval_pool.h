#pragma once
// The threads that help groups with rules that may be evaluated at the same time. There is no
// queue: who finds no thread free evaluates by itself, so a group never waits for another.
//
// Thread safety: all methods.

#include <functional>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/thread.h"

namespace narthex::rules {

class EvalPool {
 public:
  explicit EvalPool(int threads);
  // Whoever has given a task has waited for it.
  ~EvalPool();

  // Hands the task to a free thread; false when there is none.
  bool TryRun(std::function<void()> task) EXCLUDES(mutex_);

 private:
  void Work();

  Mutex mutex_;
  CondVar given_;
  int free_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<std::function<void()>> tasks_ GUARDED_BY(mutex_);
  std::vector<NamedThread> threads_;
};

}  // namespace narthex::rules
