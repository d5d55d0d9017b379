#pragma once
// Threads that help queries produce tiles.
//
// One pool serves all queries of an engine. A query that finds no idle helper does all of its work
// on the thread it runs on, so nobody waits for the pool.
//
// Thread safety: all methods.

#include <cstddef>
#include <deque>
#include <functional>
#include <vector>

#include "core/base/mutex.h"
#include "core/base/thread.h"

namespace narthex::promql {

class TilePool {
 public:
  explicit TilePool(int helpers);
  ~TilePool();  // waits for running tasks, drops the others

  int helpers() const { return static_cast<int>(threads_.size()); }
  // Runs `task` on up to `count` helpers, each call once, as soon as they are idle.
  void Submit(int count, const std::function<void()>& task);

 private:
  void Work();

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> tasks_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<NamedThread> threads_;
};

}  // namespace narthex::promql
