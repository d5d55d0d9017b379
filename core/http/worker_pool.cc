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
  MutexLock lock(mutex_);
  for (int i = 0; i < threads; ++i) {
    Start(&workers_.emplace_back(), fmt::format("{}-w{}", name_, i));
  }
}

void WorkerPool::Start(Worker* worker, std::string name) {
  worker->thread = NamedThread(std::move(name), [this, worker] { Run(worker); });
}

bool WorkerPool::Submit(std::function<void()> task) {
  Worker* called = nullptr;
  {
    MutexLock lock(mutex_);
    if (stopped_ || queue_.size() >= max_queued_) return false;
    queue_.push_back(std::move(task));
    if (idle_.empty()) {
      StartExtra();
      return true;
    }
    called = idle_.back();
    idle_.pop_back();
    called->called = true;
  }
  // With the mutex held it would wake only to wait for that.
  called->wake.NotifyOne();
  return true;
}

// Where there is none to have, those there are will come to the task.
void WorkerPool::StartExtra() {
  if (extra_ >= max_extra_) return;
  const auto ended = std::find_if(workers_.begin(), workers_.end(),
                                  [](const Worker& worker) { return worker.ended; });
  Worker& worker = ended == workers_.end() ? workers_.emplace_back() : *ended;
  worker.lasting = false;
  worker.thread.Join();
  try {
    Start(&worker, fmt::format("{}-x", name_));
  } catch (const std::system_error&) {
    worker.ended = true;
    return;
  }
  worker.ended = false;
  ++extra_;
}

void WorkerPool::Stop() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    for (Worker& worker : workers_) worker.wake.NotifyOne();
  }
  // Nobody adds or removes any more.
  for (Worker& worker : workers_) worker.thread.Join();
}

void WorkerPool::RunNext(MutexLock& lock) {
  std::function<void()> task = std::move(queue_.front());
  queue_.pop_front();
  lock.Unlock();
  task();
  task = nullptr;
  lock.Lock();
}

void WorkerPool::Run(Worker* self) {
  MutexLock lock(mutex_);
  do {
    while (!queue_.empty()) RunNext(lock);
  } while (!stopped_ && WaitForCall(self, lock));
  if (self->lasting) return;
  self->ended = true;
  --extra_;
}

// False when it is time to end.
bool WorkerPool::WaitForCall(Worker* self, MutexLock& lock) {
  self->called = false;
  idle_.push_back(self);
  const auto ready = [&]() NO_THREAD_SAFETY_ANALYSIS { return self->called || stopped_; };
  if (self->lasting) {
    self->wake.Wait(lock, ready);
  } else {
    self->wake.WaitFor(lock, kIdleBeforeEnd, ready);
  }
  if (!self->called) std::erase(idle_, self);
  return self->called || (stopped_ && !queue_.empty());
}

}  // namespace narthex::http
