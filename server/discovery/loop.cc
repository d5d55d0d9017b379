#include "server/discovery/loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/base/clock.h"

namespace narthex::discovery {
namespace {

constexpr int64_t kLongestWaitMs = 60'000;

}  // namespace

int64_t Loop::NowMs() { return Clock::System().MonotonicNanos() / 1'000'000; }

Loop::Loop() : wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { NX_CHECK(wake_.valid()); }

Loop::~Loop() {
  for (const auto& [when, timer] : timers_) timer->armed_ = false;
}

void Loop::Timer::Set(int64_t delay_ms, Task task) {
  Cancel();
  task_ = std::move(task);
  place_ = loop_->timers_.emplace(NowMs() + std::max<int64_t>(0, delay_ms), this);
  armed_ = true;
}

void Loop::Timer::Cancel() {
  if (!armed_) return;
  loop_->timers_.erase(place_);
  armed_ = false;
}

void Loop::Post(Task task) {
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    tasks_.push_back(std::move(task));
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(wake_.get(), &one, sizeof one);  // a full counter wakes
}

void Loop::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(wake_.get(), &one, sizeof one);
}

void Loop::Watch(int fd, short events, std::function<void(short)> ready) {
  watchers_[fd] = {events, next_id_++,
                   std::make_shared<std::function<void(short)>>(std::move(ready))};
}

void Loop::Unwatch(int fd) { watchers_.erase(fd); }

// False once the loop is to end.
bool Loop::RunTasks() {
  std::vector<Task> tasks;
  {
    MutexLock lock(mutex_);
    if (stopping_) return false;
    tasks.swap(tasks_);
  }
  for (Task& task : tasks) {
    task();
    task = nullptr;  // what it holds goes on this thread, in order
  }
  return true;
}

void Loop::RunTimers() {
  const int64_t now = NowMs();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Timer* timer = timers_.begin()->second;
    timers_.erase(timers_.begin());
    timer->armed_ = false;
    const Task task = std::move(timer->task_);  // may destroy the timer
    task();
  }
}

void Loop::PollOnce() {
  std::vector<pollfd> fds = {{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
  std::vector<uint64_t> ids = {0};
  for (const auto& [fd, watcher] : watchers_) {
    fds.push_back({.fd = fd, .events = watcher.events, .revents = 0});
    ids.push_back(watcher.id);
  }
  int64_t wait = kLongestWaitMs;
  if (!timers_.empty()) wait = std::clamp<int64_t>(timers_.begin()->first - NowMs(), 0, wait);
  if (poll(fds.data(), fds.size(), static_cast<int>(wait)) <= 0) return;
  if (fds[0].revents != 0) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = read(wake_.get(), &count, sizeof count);
  }
  for (size_t i = 1; i < fds.size(); ++i) {
    if (fds[i].revents == 0) continue;
    const auto found = watchers_.find(fds[i].fd);
    if (found == watchers_.end() || found->second.id != ids[i]) continue;
    const auto ready = found->second.ready;  // may remove itself
    (*ready)(fds[i].revents);
  }
}

void Loop::Run() {
  while (RunTasks()) {
    RunTimers();
    PollOnce();
  }
}

}  // namespace narthex::discovery
