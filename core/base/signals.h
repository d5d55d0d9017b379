#pragma once
// The signals a program waits for on a thread of its own choice.
//
//   const SignalSet signals({SIGINT, SIGTERM});   // before any other thread exists
//   …
//   signals.Wait();
//
// Thread safety: Wait by one thread.

#include <csignal>
#include <cstdint>
#include <ctime>
#include <initializer_list>

namespace narthex {

class SignalSet {
 public:
  // Blocks them on this thread and those it starts, so that only Wait takes them.
  explicit SignalSet(std::initializer_list<int> signals) {
    sigemptyset(&set_);
    for (const int signal : signals) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }

  // Blocks until one of them comes, and gives its number.
  int Wait() const {
    int signal = 0;
    while (sigwait(&set_, &signal) != 0) {
    }
    return signal;
  }

  // The same for at most that long: 0 when none came.
  int WaitFor(int64_t milliseconds) const {
    const timespec limit = {.tv_sec = static_cast<time_t>(milliseconds / 1000),
                            .tv_nsec = static_cast<long>(milliseconds % 1000) * 1'000'000};
    const int signal = sigtimedwait(&set_, nullptr, &limit);
    return signal > 0 ? signal : 0;
  }

 private:
  sigset_t set_;
};

}  // namespace narthex
