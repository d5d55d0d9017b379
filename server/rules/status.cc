#include "server/rules/status.h"

namespace narthex::rules {

std::string_view RuleHealthToString(RuleHealth health) {
  switch (health) {
    case RuleHealth::kUnknown: return "unknown";
    case RuleHealth::kOk: return "ok";
    case RuleHealth::kError: return "err";
  }
  return "unknown";
}

std::string_view AlertStateToString(AlertState state) {
  switch (state) {
    case AlertState::kUnknown: return "unknown";
    case AlertState::kInactive: return "inactive";
    case AlertState::kPending: return "pending";
    case AlertState::kFiring: return "firing";
  }
  return "unknown";
}

}  // namespace narthex::rules
