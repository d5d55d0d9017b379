#include "server/discovery/polling.h"

#include <algorithm>

#include "core/base/clock.h"
#include "core/log/log.h"

namespace narthex::discovery {

PollingProvider::PollingProvider(const ProviderContext& context, std::string mechanism,
                                 int64_t interval_ms)
    : context_(context),
      mechanism_(std::move(mechanism)),
      interval_ms_(interval_ms),
      metrics_(*context.registry, mechanism_, context.config),
      next_(context.loop),
      due_ms_(Loop::NowMs()) {}

void PollingProvider::Begin() {
  begun_nanos_ = Clock::System().MonotonicNanos();
  Look();
}

void PollingProvider::Finish(StatusOr<TargetGroups> groups) {
  const int64_t now_nanos = Clock::System().MonotonicNanos();
  metrics_.ObserveDuration(static_cast<double>(now_nanos - begun_nanos_) / 1e9);
  // Looks keep their beat; one that took longer than an interval is followed by the next at once.
  due_ms_ = std::max(due_ms_ + interval_ms_, Loop::NowMs());
  next_.Set(due_ms_ - Loop::NowMs(), [this] { Begin(); });
  if (groups.ok()) return context_.publisher->Publish(*std::move(groups));
  metrics_.CountFailure();
  NX_LOG(Error, "Unable to refresh target groups", {"component", "discovery manager"},
         {"discovery", mechanism_}, {"config", context_.config}, {"err", groups.status()});
}

}  // namespace narthex::discovery
