#include "server/api/cancel_watch.h"

namespace narthex::api {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(100);

}  // namespace

CancelWatch::CancelWatch() : thread_("api-cancel", [this] { Run(); }) {}

CancelWatch::~CancelWatch() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.Join();
}

CancelWatch::Guard::Guard(CancelWatch& watch, std::function<bool()> client_gone) : watch_(watch) {
  MutexLock lock(watch_.mutex_);
  entry_ = watch_.entries_.emplace(watch_.entries_.end());
  entry_->client_gone = std::move(client_gone);
  entry_->cancelled = watch_.cancel_all_;
  if (watch_.asleep_) watch_.changed_.NotifyAll();
}

CancelWatch::Guard::~Guard() {
  MutexLock lock(watch_.mutex_);
  watch_.entries_.erase(entry_);
}

void CancelWatch::CancelAll() {
  MutexLock lock(mutex_);
  cancel_all_ = true;
  for (auto& entry : entries_) entry.cancelled = true;
}

void CancelWatch::Run() {
  MutexLock lock(mutex_);
  bool idle = false;
  while (!stopping_) {
    // Queries come one behind the other: only after a while without any is it worth being woken.
    if (entries_.empty() && idle) {
      asleep_ = true;
      changed_.Wait(lock);
      asleep_ = false;
    }
    idle = entries_.empty();
    for (auto& entry : entries_) {
      if (entry.client_gone && entry.client_gone()) entry.cancelled = true;
    }
    changed_.WaitFor(lock, kPollInterval);
  }
}

}  // namespace narthex::api
