#include "server/cmd/prometheus/reload.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "core/base/check.h"
#include "core/log/log.h"

namespace narthex::prometheus {

Requests::Requests() : wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  NX_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  signals_.Reset(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  NX_CHECK(signals_.valid() && wake_.valid());
  std::signal(SIGPIPE, SIG_IGN);
}

Requests::Event Requests::ReadSignal() {
  signalfd_siginfo info{};
  if (read(signals_.get(), &info, sizeof info) != sizeof info) return Event::kNone;
  if (info.ssi_signo == SIGHUP) return Event::kReload;
  NX_LOG(Warn, "Received an OS signal, exiting gracefully...",
         {"signal", info.ssi_signo == SIGINT ? "interrupt" : "terminated"});
  return Event::kStop;
}

Requests::Event Requests::Wait(int timeout_ms) {
  pollfd fds[] = {{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                  {.fd = wake_.get(), .events = POLLIN, .revents = 0}};
  if (poll(fds, 2, timeout_ms) <= 0) return Event::kNone;
  if (fds[0].revents != 0) {
    if (const Event event = ReadSignal(); event != Event::kNone) return event;
  }
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t n = read(wake_.get(), &count, sizeof count);
  MutexLock lock(mutex_);
  if (stop_) return Event::kStop;
  if (waiting_.empty()) return Event::kNone;
  // Those who ask while a reload runs want one that begins later.
  for (auto& promise : waiting_) running_.push_back(std::move(promise));
  waiting_.clear();
  return Event::kReload;
}

void Requests::Wake() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(wake_.get(), &one, sizeof one);
}

Status Requests::Reload() {
  std::future<Status> done;
  {
    MutexLock lock(mutex_);
    if (closed_ || stop_) return Unavailable("the server is shutting down");
    done = waiting_.emplace_back().get_future();
  }
  Wake();
  return done.get();
}

void Requests::Stop() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
  }
  Wake();
}

void Requests::FinishReload(const Status& status) {
  std::deque<std::promise<Status>> done;
  {
    MutexLock lock(mutex_);
    done.swap(running_);
    if (closed_) {
      for (auto& promise : waiting_) done.push_back(std::move(promise));
      waiting_.clear();
    }
  }
  for (std::promise<Status>& promise : done) promise.set_value(status);
}

void Requests::Close() {
  {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  FinishReload(Unavailable("the server is shutting down"));
}

}  // namespace narthex::prometheus
