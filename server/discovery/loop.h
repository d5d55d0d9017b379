#pragma once
// The event loop of a manager: tasks, timers and descriptors on one thread.
//
// Thread safety: Post and Stop from any thread; everything else on the thread that runs the loop,
// or before it runs. Tasks, timers and watchers may add and remove each other and themselves.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "core/base/mutex.h"

namespace narthex::discovery {

class Loop {
 public:
  using Task = std::function<void()>;

  // Runs a task once, after a time, unless it is set again, cancelled or destroyed before.
  class Timer {
   public:
    explicit Timer(Loop* loop) : loop_(loop) {}
    ~Timer() { Cancel(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    void Set(int64_t delay_ms, Task task);
    void Cancel();
    bool armed() const { return armed_; }

   private:
    friend class Loop;
    using Queue = std::multimap<int64_t, Timer*>;
    Loop* const loop_;
    Task task_;
    bool armed_ = false;
    Queue::iterator place_;
  };

  // For callbacks that may outlive their owner: what it wrapped does nothing once it is gone.
  class Lifetime {
   public:
    template <typename F>
    auto Guard(F&& f) const {
      return [alive = std::weak_ptr<const bool>(alive_),
              f = std::forward<F>(f)](auto&&... args) mutable {
        if (!alive.expired()) f(std::forward<decltype(args)>(args)...);
      };
    }

   private:
    std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  };

  Loop();
  ~Loop();

  void Run();  // until Stop
  void Stop() EXCLUDES(mutex_);
  // In order. Tasks posted after the loop has ended are dropped.
  void Post(Task task) EXCLUDES(mutex_);

  // `events` and the argument are those of poll(2); at most one watcher for a descriptor, which
  // stays open while it is watched.
  void Watch(int fd, short events, std::function<void(short)> ready);
  void Unwatch(int fd);

  static int64_t NowMs();  // monotonic

 private:
  struct Watcher {
    short events = 0;
    uint64_t id = 0;  // tells a new watcher from the one that was polled
    std::shared_ptr<std::function<void(short)>> ready;
  };

  bool RunTasks() EXCLUDES(mutex_);
  void RunTimers();
  void PollOnce();

  UniqueFd wake_;
  Timer::Queue timers_;
  std::map<int, Watcher> watchers_;
  uint64_t next_id_ = 1;
  Mutex mutex_;
  std::vector<Task> tasks_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace narthex::discovery
