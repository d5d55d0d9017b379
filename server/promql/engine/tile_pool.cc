#include "server/promql/engine/tile_pool.h"

namespace narthex::promql {

TilePool::TilePool(int helpers) {
  for (int i = 0; i < helpers; ++i) threads_.emplace_back("promql-eval", [this] { Work(); });
}

TilePool::~TilePool() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    tasks_.clear();
  }
  changed_.NotifyAll();
  for (NamedThread& thread : threads_) thread.Join();
}

void TilePool::Submit(int count, const std::function<void()>& task) {
  {
    MutexLock lock(mutex_);
    for (int i = 0; i < count; ++i) tasks_.push_back(task);
  }
  changed_.NotifyAll();
}

void TilePool::Work() {
  while (true) {
    std::function<void()> task;
    {
      MutexLock lock(mutex_);
      while (tasks_.empty() && !stopping_) changed_.Wait(lock);
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace narthex::promql
