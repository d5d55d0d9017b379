#include "server/scrape/workers.h"

namespace narthex::scrape {

void Workers::Start(int threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back(fmt::format("scrape-work-{}", i), [this] { Run(); });
  }
}

void Workers::Stop() {
  std::deque<Task> dropped;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    dropped.swap(tasks_);
  }
  ready_.NotifyAll();
  threads_.clear();
}

void Workers::Post(Task task) {
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
  }
  ready_.NotifyOne();
}

void Workers::Run() {
  Scratch scratch;
  for (;;) {
    Task task;
    {
      MutexLock lock(mutex_);
      ready_.Wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task(&scratch);
    scratch.Trim();
  }
}

}  // namespace narthex::scrape
