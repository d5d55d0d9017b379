#include "server/scrape/workers.h"

#include <chrono>

namespace narthex::scrape {
namespace {

using std::chrono::steady_clock;

constexpr auto kMostCredit = std::chrono::milliseconds(20);

// The time a calling thread may spend on tasks of its own.
struct Credit {
  steady_clock::time_point at = steady_clock::now();
  steady_clock::duration left = kMostCredit;

  bool Any() {
    const auto now = steady_clock::now();
    left = std::min<steady_clock::duration>(kMostCredit, left + (now - at) / 4);
    at = now;
    return left > steady_clock::duration::zero();
  }
};

}  // namespace

void Workers::Start(int threads, bool hold) {
  {
    MutexLock lock(mutex_);
    held_ = hold;
  }
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back(fmt::format("scrape-work-{}", i), [this] { Run(); });
  }
}

void Workers::Release() {
  {
    MutexLock lock(mutex_);
    held_ = false;
  }
  ready_.NotifyAll();
}

void Workers::Stop() {
  std::deque<Task> dropped;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    dropped.swap(tasks_);
    left_.Wait(lock, [this]() NO_THREAD_SAFETY_ANALYSIS { return visitors_ == 0; });
  }
  ready_.NotifyAll();
  threads_.clear();
}

void Workers::Post(Task task) {
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
  }
  ready_.NotifyOne();
}

void Workers::RunOrPost(Task task) {
  thread_local Credit credit;
  if (!credit.Any()) return Post(std::move(task));
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    if (held_ || !tasks_.empty()) {
      tasks_.push_back(std::move(task));
      ready_.NotifyOne();
      return;
    }
    ++visitors_;
  }
  thread_local Scratch scratch;
  task(&scratch);
  scratch.Trim();
  const auto now = steady_clock::now();
  credit.left -= now - credit.at;
  credit.at = now;
  MutexLock lock(mutex_);
  if (--visitors_ == 0 && stopping_) left_.NotifyAll();
}

void Workers::Run() {
  Scratch scratch;
  for (;;) {
    Task task;
    {
      MutexLock lock(mutex_);
      ready_.Wait(lock, [this]() NO_THREAD_SAFETY_ANALYSIS {
        return stopping_ || (!held_ && !tasks_.empty());
      });
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task(&scratch);
    scratch.Trim();
  }
}

}  // namespace narthex::scrape
