#pragma once
// Wakes loops when they are due, on the I/O thread that then sends their requests. A binary heap of
// moments: with thousands of targets a wake-up costs a microsecond.
//
// Times are wall-clock nanoseconds, because the grid that scrapes keep to is the wall clock's; a
// clock that is set is noticed within a second.
//
// Thread safety: all methods.

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <queue>
#include <vector>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/http/io_alarm.h"

namespace narthex::scrape {

class Scheduled {
 public:
  virtual ~Scheduled() = default;
  // Runs on an I/O thread and must not block. Returns when to be called next; 0: never.
  virtual int64_t OnDue(int64_t due_nanos, int64_t now_nanos) = 0;
};

class Scheduler {
 public:
  explicit Scheduler(const Clock* clock) : clock_(clock) {}
  ~Scheduler() { Stop(); }

  void Start(http::ClientRuntime& runtime) EXCLUDES(mutex_);
  void Stop() EXCLUDES(mutex_);
  void Add(std::shared_ptr<Scheduled> item, int64_t due_nanos) EXCLUDES(mutex_);
  // For an I/O thread between two pieces of work: what has become due meanwhile starts now, not
  // when the thread is next idle. Costs a look at the clock when there is nothing.
  void Poll() EXCLUDES(mutex_);
  // How many wait for their time.
  size_t size() const EXCLUDES(mutex_);

 private:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  struct Entry {
    int64_t due;
    std::shared_ptr<Scheduled> item;
    bool operator>(const Entry& other) const { return due > other.due; }
  };
  // Starts what is due; returns when the next is.
  std::chrono::steady_clock::time_point RunDue() EXCLUDES(mutex_);
  void NoteNext() REQUIRES(mutex_);

  const Clock* const clock_;
  mutable Mutex mutex_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> heap_ GUARDED_BY(mutex_);
  bool running_ GUARDED_BY(mutex_) = false;  // what is due is being started
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::atomic<int64_t> next_due_{kNever};  // of the top of the heap
  std::unique_ptr<http::IoAlarm> alarm_;
};

}  // namespace narthex::scrape
