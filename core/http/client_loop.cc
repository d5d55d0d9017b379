#include "core/http/client_loop.h"

#include "core/http/exchange.h"

namespace narthex::http {

using std::chrono::steady_clock;

ClientLoop::Active::iterator ClientLoop::Enter(steady_clock::time_point deadline,
                                               std::shared_ptr<Exchange> exchange) {
  if (deadline < armed) ArmDeadline(deadline);
  return active.emplace(deadline, std::move(exchange));
}

void ClientLoop::ArmDeadline(steady_clock::time_point deadline) {
  armed = deadline;
  deadline_timer.expires_at(deadline);
  deadline_timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (error || self == nullptr) return;  // armed anew, or over
    self->EndOverdue();
  });
}

void ClientLoop::EndOverdue() {
  armed = steady_clock::time_point::max();
  const auto now = steady_clock::now();
  while (!active.empty() && active.begin()->first <= now) {
    const auto exchange = active.begin()->second;
    exchange->OnDeadline();  // leaves
  }
  if (!active.empty() && active.begin()->first < armed) ArmDeadline(active.begin()->first);
}

}  // namespace narthex::http
