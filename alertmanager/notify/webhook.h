#pragma once
// The webhook receiver: one POST a notification.

#include <memory>
#include <string>

#include "alertmanager/config/config.h"
#include "alertmanager/notify/notification.h"
#include "alertmanager/templates/templates.h"
#include "core/http/client.h"

namespace narthex::am {

// The runtime outlives the notifier. The URL may be a template; one that does not parse is refused.
StatusOr<std::shared_ptr<Notifier>> MakeWebhook(const WebhookConfig& config,
                                                http::ClientRuntime& runtime,
                                                std::string external_url,
                                                std::shared_ptr<const Templates> templates);

// How an answer or a transport error counts: 2xx is success, 5xx and network errors are retried.
Notifier::Result JudgeAnswer(const StatusOr<http::ClientResponse>& answer);

}  // namespace narthex::am
