#include "alertmanager/notify/dedup.h"

#include <algorithm>

namespace narthex::am {

std::string_view ReasonText(Reason reason) {
  switch (reason) {
    case Reason::kFirstNotification: return "first notification";
    case Reason::kNewAlerts: return "new alerts added";
    case Reason::kSomeResolved: return "some alerts resolved";
    case Reason::kAllResolved: return "all alerts resolved";
    case Reason::kRepeat: return "repeat interval elapsed";
    case Reason::kNone: break;
  }
  return "unknown";
}

Reason NeedsNotification(const std::optional<LogEntry>& last, const std::vector<uint64_t>& firing,
                         const std::vector<uint64_t>& resolved, bool send_resolved, int64_t now,
                         int64_t repeat_interval_ns) {
  if (!last.has_value()) return firing.empty() ? Reason::kNone : Reason::kFirstNotification;
  if (!std::includes(last->firing.begin(), last->firing.end(), firing.begin(), firing.end())) {
    return last->firing.empty() ? Reason::kFirstNotification : Reason::kNewAlerts;
  }
  // Everything is over. Even a receiver that does not want to hear it passes, so that the log
  // remembers it.
  if (firing.empty()) return last->firing.empty() ? Reason::kNone : Reason::kAllResolved;
  if (send_resolved && !std::includes(last->resolved.begin(), last->resolved.end(),
                                      resolved.begin(), resolved.end())) {
    return Reason::kSomeResolved;
  }
  return last->timestamp < now - repeat_interval_ns ? Reason::kRepeat : Reason::kNone;
}

}  // namespace narthex::am
