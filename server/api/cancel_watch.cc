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
  if (watch_.entries_.size() == 1) watch_.changed_.NotifyAll();
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
  while (!stopping_) {
    if (entries_.empty()) {
      changed_.Wait(lock);
      continue;
    }
    for (auto& entry : entries_) {
      if (entry.client_gone && entry.client_gone()) entry.cancelled = true;
    }
    changed_.WaitFor(lock, kPollInterval);
  }
}

}  // namespace narthex::api
