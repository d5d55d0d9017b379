#pragma once
// Does a receiver need to hear of this group again?

#include <optional>
#include <vector>

#include "alertmanager/nflog/nflog.h"
#include "alertmanager/notify/notification.h"

namespace narthex::am {

// `firing` and `resolved` are sorted hashes; `now` is the tick of the flush.
Reason NeedsNotification(const std::optional<LogEntry>& last, const std::vector<uint64_t>& firing,
                         const std::vector<uint64_t>& resolved, bool send_resolved, int64_t now,
                         int64_t repeat_interval_ns);

}  // namespace narthex::am
