#pragma once
// Calls a function on an I/O thread of a ClientRuntime at times the function chooses: for what
// starts requests by the clock without a thread of its own to be woken for each.
//
// Thread safety: Wake from any thread. The destructor returns when the function is not running and
// will not run again; it must not be called by the function.

#include <chrono>
#include <functional>
#include <memory>

#include "core/http/client.h"

namespace narthex::http {

class IoAlarm {
 public:
  // Must not block. Returns when to be called next.
  using Ring = std::function<std::chrono::steady_clock::time_point()>;

  // Calls `ring` soon.
  IoAlarm(ClientRuntime& runtime, Ring ring);
  ~IoAlarm();
  IoAlarm(const IoAlarm&) = delete;
  // Calls it soon, instead of at the time it chose.
  void Wake();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace narthex::http
