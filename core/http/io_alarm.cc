#include "core/http/io_alarm.h"

#include <atomic>
#include <boost/asio/steady_timer.hpp>

#include "core/http/client_loop.h"

namespace narthex::http {

struct IoAlarm::State : std::enable_shared_from_this<IoAlarm::State> {
  State(std::shared_ptr<ClientLoop> l, Ring r)
      : loop(std::move(l)), timer(loop->context), ring(std::move(r)) {}

  // On the loop's thread.
  void Fire() {
    woken = false;
    {
      MutexLock lock(mutex);
      if (stopped) return;
      timer.expires_at(ring());
    }
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (!error) self->Fire();
    });
  }

  const std::shared_ptr<ClientLoop> loop;  // first: outlives the timer on its context
  boost::asio::steady_timer timer;
  std::atomic<bool> woken{false};
  Mutex mutex;  // held while `ring` runs
  bool stopped GUARDED_BY(mutex) = false;
  const Ring ring;
};

IoAlarm::IoAlarm(ClientRuntime& runtime, Ring ring)
    : state_(std::make_shared<State>(runtime.impl().loops.front(), std::move(ring))) {
  Wake();
}

IoAlarm::~IoAlarm() {
  {
    MutexLock lock(state_->mutex);
    state_->stopped = true;
  }
  if (state_->loop->Post([state = state_] { state->timer.cancel(); })) return;
  // The runtime is gone, and with it the only thread that could be using the timer.
  state_->timer.cancel();
  state_->loop->Drain();
}

void IoAlarm::Wake() {
  if (state_->woken.exchange(true)) return;
  state_->loop->Post([state = state_] { state->Fire(); });
}

}  // namespace narthex::http
