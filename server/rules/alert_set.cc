#include "server/rules/alert_set.h"

#include <set>

namespace narthex::rules {
namespace {

// Long enough for an Alertmanager that was away to hear that an alert is over.
constexpr int64_t kResolvedRetentionMs = 15 * 60 * 1000;
constexpr std::string_view kAlertsSeries = "ALERTS";
constexpr std::string_view kForStateSeries = "ALERTS_FOR_STATE";
constexpr std::string_view kAlertStateLabel = "alertstate";

bool NeedsSending(const ActiveAlert& alert, TimestampMs t, int64_t resend_delay_ms) {
  if (alert.state == AlertState::kPending) return false;
  // Resolved since it was last sent: at once.
  if (alert.resolved_at > alert.last_sent_at) return true;
  return alert.last_sent_at + resend_delay_ms < t;
}

}  // namespace

// Returns whether the alert is still pending or firing; *alert is to be erased when it is neither
// and has no resolution worth keeping (resolved_at 0 or too old).
bool AlertSet::Advance(const RuleSpec& rule, TimestampMs t, bool present, ActiveAlert* alert) {
  if (present) {
    alert->keep_firing_since = 0;
  } else {
    bool keep_firing = false;
    if (alert->state == AlertState::kFiring && rule.keep_firing_for_ms > 0) {
      if (alert->keep_firing_since == 0) alert->keep_firing_since = t;
      keep_firing = t - alert->keep_firing_since < rule.keep_firing_for_ms;
    }
    if (!keep_firing) {
      if (alert->state == AlertState::kFiring) {
        alert->state = AlertState::kInactive;
        alert->resolved_at = t;
      }
      return false;
    }
  }
  if (alert->state == AlertState::kPending && t - alert->active_at >= rule.for_ms) {
    alert->state = AlertState::kFiring;
    alert->fired_at = t;
  } else if (alert->state == AlertState::kFiring && t - alert->active_at < rule.for_ms) {
    alert->state = AlertState::kPending;  // `for` was raised by a reload
    alert->fired_at = 0;
  }
  return true;
}

Status AlertSet::Update(const RuleSpec& rule, int64_t limit, TimestampMs t,
                        std::vector<AlertElement> elements) {
  std::set<Labels> present;
  for (const AlertElement& element : elements) {
    if (!present.insert(element.labels).second) {
      return InvalidArgument(
          "vector contains metrics with the same labelset after applying alert labels");
    }
  }
  for (AlertElement& element : elements) {
    auto [it, fresh] = alerts_.try_emplace(element.labels);
    ActiveAlert& alert = it->second;
    if (fresh || alert.state == AlertState::kInactive) {
      alert = ActiveAlert{};
      alert.labels = std::move(element.labels);
      alert.active_at = t;
    }
    alert.value = element.value;
    alert.annotations = std::move(element.annotations);
  }
  int64_t active = 0;
  for (auto it = alerts_.begin(); it != alerts_.end();) {
    ActiveAlert& alert = it->second;
    if (Advance(rule, t, present.count(it->first) > 0, &alert)) {
      ++active;
      ++it;
      continue;
    }
    const bool forget =
        alert.state == AlertState::kPending || t - alert.resolved_at > kResolvedRetentionMs;
    it = forget ? alerts_.erase(it) : std::next(it);
  }
  if (limit > 0 && active > limit) {
    alerts_.clear();
    return ResourceExhausted("exceeded limit of {} with {} alerts", limit, active);
  }
  return OkStatus();
}

std::vector<OutputSample> AlertSet::Output(const RuleSpec& rule) const {
  std::vector<OutputSample> samples;
  LabelsBuilder builder;
  for (const auto& [key, alert] : alerts_) {
    if (alert.state == AlertState::kInactive) continue;
    builder.Reset(alert.labels);
    builder.Set(kAlertNameLabel, rule.name).Set(kMetricNameLabel, kForStateSeries);
    // Whole seconds, as everyone who restores from it expects.
    samples.push_back({builder.Build(), static_cast<double>(alert.active_at / 1000)});
    builder.Set(kMetricNameLabel, kAlertsSeries);
    builder.Set(kAlertStateLabel, AlertStateToString(alert.state));
    samples.push_back({builder.Build(), 1});
  }
  return samples;
}

std::vector<ActiveAlert> AlertSet::TakeDue(TimestampMs t, int64_t resend_delay_ms,
                                           int64_t interval_ms) {
  std::vector<ActiveAlert> due;
  for (auto& [key, alert] : alerts_) {
    if (!NeedsSending(alert, t, resend_delay_ms)) continue;
    alert.last_sent_at = t;
    // Two evaluations or deliveries may fail before the Alertmanager takes the alert for over.
    alert.valid_until = t + 4 * std::max(interval_ms, resend_delay_ms);
    due.push_back(alert);
  }
  return due;
}

AlertState AlertSet::worst_state() const {
  AlertState worst = AlertState::kInactive;
  for (const auto& [key, alert] : alerts_) worst = std::max(worst, alert.state);
  return worst;
}

std::vector<AlertStatus> AlertSet::Statuses() const {
  std::vector<AlertStatus> statuses;
  for (const auto& [key, alert] : alerts_) {
    if (alert.state == AlertState::kInactive) continue;
    statuses.push_back({alert.labels, alert.annotations, alert.state, alert.active_at,
                        alert.keep_firing_since, alert.value});
  }
  return statuses;
}

}  // namespace narthex::rules
