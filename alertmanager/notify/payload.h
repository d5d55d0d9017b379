#pragma once
// What receivers are told: the webhook's JSON (version 4), byte for byte as upstream writes it.

#include <span>
#include <string>

#include "alertmanager/notify/notification.h"

namespace narthex::am {

// At most `max_alerts` alerts (0: all), a newline at the end.
std::string WebhookPayload(const Notification& notification, uint64_t max_alerts,
                           const std::string& external_url);

// The pairs (of Alert::labels or Alert::annotations) that all alerts have.
Labels CommonPairs(std::span<const AlertPtr> alerts, Labels Alert::* field);

// regexp.QuoteMeta: receivers' names appear quoted.
std::string QuoteMeta(std::string_view text);

}  // namespace narthex::am
