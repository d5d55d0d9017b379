#pragma once
// From discovered targets to the URLs alerts are posted to.

#include <optional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/labels/relabel.h"
#include "server/config/config.h"
#include "server/discovery/target_group.h"
#include "server/notifier/alert.h"

namespace narthex::notifier {

// Path of the alerts API below a prefix: "/am/api/v2/alerts".
std::string AlertsPath(const std::string& path_prefix);

// Where one discovered Alertmanager is: relabelled, checked. nullopt when rules drop it; *before is
// its URL as it would be without rules.
StatusOr<std::optional<std::string>> AlertmanagerUrl(const config::AlertmanagerConfig& config,
                                                     std::span<const RelabelRule> rules,
                                                     const Labels& target, const Labels& group,
                                                     std::string* before);

// Relabels every target of the groups. Each URL occurs once. Targets without a usable address are
// logged and left out.
Alertmanagers ResolveAlertmanagers(const config::AlertmanagerConfig& config,
                                   std::span<const RelabelRule> rules,
                                   const discovery::TargetGroups& groups);

}  // namespace narthex::notifier
