#pragma once
// One thread that runs posted functions and timers, in order. Whatever it owns needs no lock.
//
// Without Start the owner of the loop drives it by RunDue, which is how tests own the time.
//
// Thread safety: Post and Call from any thread; After, Cancel and RunDue on the loop's thread only.

#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <vector>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/base/thread.h"

namespace narthex::am {

class Loop {
 public:
  using Task = std::function<void()>;
  using TimerId = uint64_t;  // 0 is no timer

  explicit Loop(const Clock& clock) : clock_(clock) {}
  ~Loop() { Stop(); }

  void Start();
  // Runs what was posted before, then ends the thread. Timers that are not due are dropped.
  void Stop();

  void Post(Task task) EXCLUDES(mutex_);
  // Runs the task on the loop and waits for it. Not from the loop itself.
  void Call(const Task& task);

  TimerId After(int64_t delay_nanos, Task task);
  void Cancel(TimerId id);
  // Runs posted tasks and due timers until there are none.
  void RunDue() EXCLUDES(mutex_);
  // Nanoseconds to the next timer; 0 when one is due, -1 when there is none.
  int64_t NextDelay() const;

 private:
  void Run();
  bool RunPosted() EXCLUDES(mutex_);

  const Clock& clock_;
  Mutex mutex_;
  CondVar wake_;
  std::vector<Task> posted_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;

  // Ordered by deadline, then by age.
  std::map<std::pair<int64_t, TimerId>, Task> timers_;
  std::map<TimerId, int64_t> deadlines_;
  TimerId next_id_ = 1;
  bool started_ = false;
  NamedThread thread_;
};

}  // namespace narthex::am
