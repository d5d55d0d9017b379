#include "server/scrape/scheduler.h"

#include <sys/prctl.h>

namespace narthex::scrape {

void Scheduler::Start() {
  thread_ = NamedThread("scrape-timer", [this] { Run(); });
}

void Scheduler::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  thread_.Join();
  MutexLock lock(mutex_);
  heap_ = {};
}

void Scheduler::Add(std::shared_ptr<Scheduled> item, int64_t due_nanos) {
  bool first = false;
  {
    MutexLock lock(mutex_);
    first = heap_.empty() || due_nanos < heap_.top().due;
    heap_.push({due_nanos, std::move(item)});
  }
  if (first) changed_.NotifyAll();
}

void Scheduler::Run() {
  // The kernel may otherwise delay a timer by 50 µs; scrapes keep to a grid of 2 ms.
  prctl(PR_SET_TIMERSLACK, 1000UL);
  constexpr int64_t kLongestWait = 1'000'000'000;
  MutexLock lock(mutex_);
  while (!stopping_) {
    const int64_t now = clock_->NowNanos();
    if (heap_.empty() || heap_.top().due > now) {
      const int64_t wait =
          heap_.empty() ? kLongestWait : std::min(kLongestWait, heap_.top().due - now);
      changed_.WaitFor(lock, std::chrono::nanoseconds(wait));
      continue;
    }
    Entry entry = heap_.top();
    heap_.pop();
    lock.Unlock();
    const int64_t next = entry.item->OnDue(entry.due, now);
    lock.Lock();
    if (next > 0) {
      heap_.push({next, std::move(entry.item)});
    } else {
      lock.Unlock();  // the last reference may go here
      entry.item.reset();
      lock.Lock();
    }
  }
}

}  // namespace narthex::scrape
