#pragma once
// What the API, the pages and the tests see of rules: snapshots as plain values.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/labels/labels.h"
#include "server/notifier/alert.h"

namespace narthex::rules {

using notifier::Annotations;

enum class RuleHealth { kUnknown, kOk, kError };
std::string_view RuleHealthToString(RuleHealth health);  // "unknown", "ok", "err"

enum class AlertState { kUnknown, kInactive, kPending, kFiring };
std::string_view AlertStateToString(AlertState state);  // "unknown", "inactive", …

struct AlertStatus {
  Labels labels;
  Annotations annotations;
  AlertState state = AlertState::kInactive;
  TimestampMs active_at = 0;
  TimestampMs keep_firing_since = 0;  // 0: not kept firing
  double value = 0;
};

struct RuleStatus {
  bool is_alert = false;
  std::string name;
  std::string query;  // printed canonically
  Labels labels;
  RuleHealth health = RuleHealth::kUnknown;
  std::string last_error;
  double evaluation_seconds = 0;
  int64_t last_evaluation_nanos = 0;  // 0: never
  // Alerting rules only.
  AlertState state = AlertState::kUnknown;  // the worst of its alerts
  Annotations annotations;
  int64_t for_ms = 0;
  int64_t keep_firing_for_ms = 0;
  std::vector<AlertStatus> alerts;  // pending and firing
};

struct GroupStatus {
  std::string name;
  std::string file;
  int64_t interval_ms = 0;
  int64_t limit = 0;
  double evaluation_seconds = 0;
  int64_t last_evaluation_nanos = 0;
  std::vector<RuleStatus> rules;
};

}  // namespace narthex::rules
