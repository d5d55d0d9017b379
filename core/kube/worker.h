#pragma once
// One thread that runs tasks and timers in order: where objects are decoded and handlers called,
// away from the I/O threads. All watches of a process share one.
//
// Thread safety: all methods. Tasks run without a lock held.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "core/base/mutex.h"
#include "core/base/thread.h"

namespace narthex::kube {

class Worker {
 public:
  using Task = std::function<void()>;
  using TimerId = uint64_t;  // 0: none

  explicit Worker(std::string name = "kube");
  ~Worker();  // what has not run by now never does

  void Post(Task task) EXCLUDES(mutex_);
  TimerId After(std::chrono::milliseconds delay, Task task) EXCLUDES(mutex_);
  void Cancel(TimerId timer) EXCLUDES(mutex_);
  // Runs the task in its turn and waits for it; at once when this is the worker's thread.
  void Run(const Task& task) EXCLUDES(mutex_);
  bool IsThisThread() const { return id_ == std::this_thread::get_id(); }

 private:
  using Time = std::chrono::steady_clock::time_point;
  void Loop() EXCLUDES(mutex_);
  // The next task that is due; waits for it. False when the worker stops.
  bool Next(Task* task) EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar changed_;
  std::deque<Task> tasks_ GUARDED_BY(mutex_);
  std::map<std::pair<Time, TimerId>, Task> timers_ GUARDED_BY(mutex_);
  TimerId last_timer_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread::id id_;  // set before any task runs
  NamedThread thread_;
};

}  // namespace narthex::kube
