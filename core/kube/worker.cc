#include "core/kube/worker.h"

#include <future>

namespace narthex::kube {

using std::chrono::steady_clock;

Worker::Worker(std::string name) {
  std::promise<std::thread::id> started;
  thread_ = NamedThread(std::move(name), [this, &started] {
    started.set_value(std::this_thread::get_id());
    Loop();
  });
  MutexLock lock(mutex_);  // publishes id_ to whoever posts
  id_ = started.get_future().get();
}

Worker::~Worker() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.Join();
}

void Worker::Post(Task task) {
  MutexLock lock(mutex_);
  tasks_.push_back(std::move(task));
  changed_.NotifyAll();
}

Worker::TimerId Worker::After(std::chrono::milliseconds delay, Task task) {
  MutexLock lock(mutex_);
  const TimerId id = ++last_timer_;
  timers_.emplace(std::pair(steady_clock::now() + delay, id), std::move(task));
  changed_.NotifyAll();
  return id;
}

void Worker::Cancel(TimerId timer) {
  Task dropped;  // its captures go without the lock
  MutexLock lock(mutex_);
  for (auto it = timers_.begin(); it != timers_.end(); ++it) {
    if (it->first.second != timer) continue;
    dropped = std::move(it->second);
    timers_.erase(it);
    break;
  }
  lock.Unlock();
}

void Worker::Run(const Task& task) {
  if (IsThisThread()) return task();
  std::promise<void> done;
  Post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

bool Worker::Next(Task* task) {
  MutexLock lock(mutex_);
  for (;;) {
    if (stopping_) return false;
    const auto now = steady_clock::now();
    if (!timers_.empty() && timers_.begin()->first.first <= now) {
      *task = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      return true;
    }
    if (!tasks_.empty()) {
      *task = std::move(tasks_.front());
      tasks_.pop_front();
      return true;
    }
    if (timers_.empty()) {
      changed_.Wait(lock);
    } else {
      changed_.WaitFor(lock, timers_.begin()->first.first - now);
    }
  }
}

void Worker::Loop() {
  Task task;
  while (Next(&task)) {
    task();
    task = nullptr;
  }
}

}  // namespace narthex::kube
