#include "core/base/thread.h"

#include <pthread.h>

namespace narthex {

void SetThreadName(std::string_view name) {
  ::pthread_setname_np(::pthread_self(), std::string(name.substr(0, 15)).c_str());
}

NamedThread::NamedThread(std::string name, std::function<void()> body)
    : thread_([name = std::move(name), body = std::move(body)] {
        SetThreadName(name);
        body();
      }) {}

void RunGroup::Add(std::string name, std::function<Status()> start, std::function<void()> stop) {
  parts_.push_back({std::move(name), std::move(start), std::move(stop)});
}

Status RunGroup::Start() {
  for (; running_ < parts_.size(); ++running_) {
    Status status = parts_[running_].start();
    if (status.ok()) continue;
    status = Annotate(status, parts_[running_].name);
    Stop();
    return status;
  }
  return OkStatus();
}

void RunGroup::Stop() {
  while (running_ > 0) parts_[--running_].stop();
}

}  // namespace narthex
