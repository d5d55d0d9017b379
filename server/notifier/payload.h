#pragma once
// The body of POST /api/v2/alerts.

#include <span>
#include <string>

#include "server/notifier/alert.h"

namespace narthex::notifier {

std::string EncodeAlerts(std::span<const Alert> alerts);

}  // namespace narthex::notifier
