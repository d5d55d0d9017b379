#pragma once
// The alerts of one alerting rule and the life of each:
//
//   (element appears) ─▶ pending ──after `for`──▶ firing ──element gone, keep_firing_for over──▶
//        ▲                  │ element gone: forgotten        inactive, kept 15 min to be re-sent
//        └──────────────────┘
//
// Not thread-safe: the group guards it.

#include <map>
#include <memory>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/histogram/histogram.h"
#include "core/labels/labels.h"
#include "server/rules/rule_spec.h"
#include "server/rules/status.h"

namespace narthex::rules {

struct ActiveAlert {
  Labels labels;
  Annotations annotations;
  AlertState state = AlertState::kPending;
  double value = 0;
  TimestampMs active_at = 0;
  TimestampMs fired_at = 0;
  TimestampMs resolved_at = 0;        // 0: not resolved
  TimestampMs keep_firing_since = 0;  // 0: not kept
  TimestampMs last_sent_at = 0;
  TimestampMs valid_until = 0;
};

// An element of the expression's result with its labels and annotations expanded.
struct AlertElement {
  Labels labels;
  Annotations annotations;
  double value = 0;
};

// A sample to be written: of a recording rule, ALERTS or ALERTS_FOR_STATE.
struct OutputSample {
  Labels labels;
  double value = 0;
  std::shared_ptr<const FloatHistogram> histogram = nullptr;  // instead of the value
};

class AlertSet {
 public:
  // Takes the result of one evaluation at `t`. ResourceExhausted, and no alerts left, when more
  // than `limit` (0 = none) are pending or firing; InvalidArgument, and no change, when two
  // elements have the same labels.
  Status Update(const RuleSpec& rule, int64_t limit, TimestampMs t,
                std::vector<AlertElement> elements);

  // The series that show the state, for alerts that are pending or firing.
  std::vector<OutputSample> Output(const RuleSpec& rule) const;

  // Alerts that are due to be (re)sent at `t`; marks them as sent.
  std::vector<ActiveAlert> TakeDue(TimestampMs t, int64_t resend_delay_ms, int64_t interval_ms);

  AlertState worst_state() const;             // kInactive when there is none
  std::vector<AlertStatus> Statuses() const;  // of pending and firing ones

  std::map<Labels, ActiveAlert>& alerts() { return alerts_; }
  const std::map<Labels, ActiveAlert>& alerts() const { return alerts_; }

 private:
  bool Advance(const RuleSpec& rule, TimestampMs t, bool present, ActiveAlert* alert);

  std::map<Labels, ActiveAlert> alerts_;
};

}  // namespace narthex::rules
