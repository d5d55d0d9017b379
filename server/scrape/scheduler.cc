#include "server/scrape/scheduler.h"

#include "core/base/prompt_thread.h"

namespace narthex::scrape {
namespace {
constexpr int64_t kLongestWait = 1'000'000'000;
// So many are started by one look at the clock: within a millisecond.
constexpr int kStartsPerLook = 64;
}  // namespace

void Scheduler::Start(http::ClientRuntime& runtime) {
  auto alarm = std::make_unique<http::IoAlarm>(runtime, [this, asked = false]() mutable {
    if (!std::exchange(asked, true)) PreferPromptWakeups();
    return RunDue();
  });
  MutexLock lock(mutex_);
  alarm_ = std::move(alarm);
}

void Scheduler::Stop() {
  std::unique_ptr<http::IoAlarm> alarm;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    alarm = std::move(alarm_);
  }
  alarm.reset();  // waits for what runs
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> dropped;
  MutexLock lock(mutex_);
  std::swap(heap_, dropped);
}

void Scheduler::NoteNext() {
  next_due_.store(heap_.empty() ? kNever : heap_.top().due, std::memory_order_relaxed);
}

void Scheduler::Add(std::shared_ptr<Scheduled> item, int64_t due_nanos) {
  MutexLock lock(mutex_);
  const bool first = heap_.empty() || due_nanos < heap_.top().due;
  heap_.push({due_nanos, std::move(item)});
  NoteNext();
  if (first && alarm_ != nullptr) alarm_->Wake();
}

size_t Scheduler::size() const {
  MutexLock lock(mutex_);
  return heap_.size();
}

void Scheduler::Poll() {
  if (clock_->NowNanos() >= next_due_.load(std::memory_order_relaxed)) RunDue();
}

std::chrono::steady_clock::time_point Scheduler::RunDue() {
  MutexLock lock(mutex_);
  const bool nested = std::exchange(running_, true);  // or another thread is at it
  int64_t now = 0;
  for (int started = 0;; ++started) {
    if (started % kStartsPerLook == 0 || heap_.empty() || heap_.top().due > now) {
      now = clock_->NowNanos();
    }
    if (nested || stopping_ || heap_.empty() || heap_.top().due > now) {
      const int64_t wait =
          heap_.empty() ? kLongestWait : std::min(kLongestWait, heap_.top().due - now);
      if (!nested) running_ = false;
      NoteNext();
      return std::chrono::steady_clock::now() + std::chrono::nanoseconds(wait);
    }
    Entry entry = heap_.top();
    heap_.pop();
    lock.Unlock();
    const int64_t next = entry.item->OnDue(entry.due, now);
    if (next <= 0) entry.item.reset();  // the last reference may go here
    lock.Lock();
    if (next > 0) heap_.push({next, std::move(entry.item)});
  }
}

}  // namespace narthex::scrape
