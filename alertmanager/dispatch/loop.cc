#include "alertmanager/dispatch/loop.h"

#include <chrono>

namespace narthex::am {

void Loop::Start() {
  started_ = true;
  thread_ = NamedThread("am-dispatch", [this] { Run(); });
}

void Loop::Stop() {
  if (!started_) return;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.Join();
  started_ = false;
  // From here on the owner drives the loop; what was posted late is not lost.
  RunPosted();
}

void Loop::Post(Task task) {
  {
    MutexLock lock(mutex_);
    posted_.push_back(std::move(task));
  }
  wake_.NotifyOne();
}

void Loop::Call(const Task& task) {
  if (!started_) return task();
  std::promise<void> done;
  Post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

Loop::TimerId Loop::After(int64_t delay_nanos, Task task) {
  const TimerId id = next_id_++;
  const int64_t deadline = clock_.MonotonicNanos() + std::max<int64_t>(delay_nanos, 0);
  timers_.emplace(std::make_pair(deadline, id), std::move(task));
  deadlines_.emplace(id, deadline);
  return id;
}

void Loop::Cancel(TimerId id) {
  auto found = deadlines_.find(id);
  if (found == deadlines_.end()) return;
  timers_.erase({found->second, id});
  deadlines_.erase(found);
}

int64_t Loop::NextDelay() const {
  if (timers_.empty()) return -1;
  return std::max<int64_t>(timers_.begin()->first.first - clock_.MonotonicNanos(), 0);
}

bool Loop::RunPosted() {
  std::vector<Task> tasks;
  {
    MutexLock lock(mutex_);
    tasks.swap(posted_);
  }
  for (const Task& task : tasks) task();
  return !tasks.empty();
}

void Loop::RunDue() {
  for (;;) {
    const bool ran = RunPosted();
    if (timers_.empty() || timers_.begin()->first.first > clock_.MonotonicNanos()) {
      if (!ran) return;
      continue;
    }
    auto first = timers_.begin();
    Task task = std::move(first->second);
    deadlines_.erase(first->first.second);
    timers_.erase(first);
    task();
  }
}

void Loop::Run() {
  for (;;) {
    RunDue();
    MutexLock lock(mutex_);
    if (!posted_.empty()) continue;
    if (stopping_) return;
    const int64_t delay = NextDelay();
    if (delay < 0) {
      wake_.Wait(lock);
    } else if (delay > 0) {
      wake_.WaitFor(lock, std::chrono::nanoseconds(delay));
    }
  }
}

}  // namespace narthex::am
