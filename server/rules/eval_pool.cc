#include "server/rules/eval_pool.h"

namespace narthex::rules {

EvalPool::EvalPool(int threads) : free_(threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back(fmt::format("rules-eval-{}", i), [this] { Work(); });
  }
}

EvalPool::~EvalPool() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  given_.NotifyAll();
  threads_.clear();
}

bool EvalPool::TryRun(std::function<void()> task) {
  {
    MutexLock lock(mutex_);
    if (free_ == 0) return false;
    --free_;
    tasks_.push_back(std::move(task));
  }
  given_.NotifyOne();
  return true;
}

void EvalPool::Work() {
  MutexLock lock(mutex_);
  for (;;) {
    while (tasks_.empty() && !stopping_) given_.Wait(lock);
    if (tasks_.empty()) return;
    auto task = std::move(tasks_.back());
    tasks_.pop_back();
    lock.Unlock();
    task();
    task = nullptr;
    lock.Lock();
    ++free_;
  }
}

}  // namespace narthex::rules
