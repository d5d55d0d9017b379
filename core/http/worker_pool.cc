#include "core/http/worker_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <system_error>

namespace narthex::http {
namespace {

constexpr auto kIdleBeforeEnd = std::chrono::seconds(10);

}  // namespace

WorkerPool::WorkerPool(std::string name, int threads, int max_threads, size_t max_queued)
    : name_(std::move(name)),
      max_extra_(static_cast<size_t>(std::max(0, max_threads - threads))),
      max_queued_(max_queued) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back(fmt::format("{}-w{}", name_, i), [this] { Run(); });
  }
}

bool WorkerPool::Submit(std::function<void()> task) {
  MutexLock lock(mutex_);
  if (stopped_ || queue_.size() >= max_queued_) return false;
  queue_.push_back(std::move(task));
  wake_.NotifyOne();
  if (queue_.size() <= idle_) return true;
  // Those that ended are joined by who needs the next one.
  extra_.remove_if([](const Extra& e) { return e.ended; });
  if (extra_.size() >= max_extra_) return true;
  const auto self = extra_.emplace(extra_.end());
  try {
    self->thread = NamedThread(fmt::format("{}-x", name_), [this, self] { RunExtra(self); });
  } catch (const std::system_error&) {
    extra_.erase(self);  // the system has no thread to give: those there are will come to it
  }
  return true;
}

void WorkerPool::Stop() {
  std::list<Extra> extra;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    wake_.NotifyAll();
  }
  threads_.clear();
  // Nobody adds or removes any more.
  {
    MutexLock lock(mutex_);
    extra.swap(extra_);
  }
}

void WorkerPool::RunNext(MutexLock& lock) {
  std::function<void()> task = std::move(queue_.front());
  queue_.pop_front();
  lock.Unlock();
  task();
  task = nullptr;
  lock.Lock();
}

void WorkerPool::Run() {
  MutexLock lock(mutex_);
  for (;;) {
    ++idle_;
    while (queue_.empty() && !stopped_) wake_.Wait(lock);
    --idle_;
    if (queue_.empty()) return;
    RunNext(lock);
  }
}

void WorkerPool::RunExtra(std::list<Extra>::iterator self) {
  MutexLock lock(mutex_);
  for (;;) {
    ++idle_;
    const bool something = wake_.WaitFor(lock, kIdleBeforeEnd, [this]() NO_THREAD_SAFETY_ANALYSIS {
      return !queue_.empty() || stopped_;
    });
    --idle_;
    if (!something || queue_.empty()) break;
    RunNext(lock);
  }
  self->ended = true;
}

}  // namespace narthex::http
