// The state of pending and firing alerts outlives a restart in the series ALERTS_FOR_STATE, whose
// value is the second the alert became active.
#include "core/log/log.h"
#include "server/rules/group.h"
#include "server/rules/group_rule.h"

namespace narthex::rules {
namespace {

struct FormerState {
  TimestampMs down_at;  // time of the last sample
  TimestampMs active_since;
};
using FormerStates = absl::flat_hash_map<Labels, FormerState>;

StatusOr<FormerStates> ReadFormerStates(const storage::Queryable& queryable,
                                        const std::string& alert, TimestampMs mint,
                                        TimestampMs maxt) {
  NX_ASSIGN_OR_RETURN(auto querier, queryable.NewQuerier(mint, maxt));
  const Matcher matchers[] = {Matcher::Equal(std::string(kMetricNameLabel), "ALERTS_FOR_STATE"),
                              Matcher::Equal(std::string(kAlertNameLabel), alert)};
  storage::SelectHints hints;
  hints.start = mint;
  hints.end = maxt;
  NX_ASSIGN_OR_RETURN(auto series, querier->Select(hints, matchers));
  FormerStates states;
  for (size_t i = 0; i < series->size(); ++i) {
    TimestampMs t = 0;
    double v = 0;
    if (!series->Last(i, mint - 1, maxt, &t, &v) || storage::IsStaleNaN(v)) continue;
    LabelsBuilder labels(series->labels(i));
    states[labels.Del(kMetricNameLabel).Build()] = {t, static_cast<TimestampMs>(v) * 1000};
  }
  return states;
}

// When the alert shall count as active since, so that downtime neither fires nor forgets it.
TimestampMs RestoredActiveAt(const FormerState& former, int64_t for_ms, int64_t grace_ms,
                             TimestampMs now) {
  const int64_t remaining = for_ms - (former.down_at - former.active_since);
  if (remaining <= 0) return former.active_since;  // it was firing
  if (remaining < grace_ms) return now + grace_ms - for_ms;
  return former.active_since + (now - former.down_at);
}

}  // namespace

void Group::Restore(TimestampMs now) {
  const Clock& clock = *environment_.options.clock;
  const int64_t begin = clock.MonotonicNanos();
  for (auto& rule : rules_) {
    if (!rule->spec.is_alert || rule->restored) continue;
    // A short `for` is over before the grace period is: waiting for it again costs less.
    if (rule->spec.for_ms >= environment_.options.for_grace_period_ms) RestoreRule(*rule, now);
    rule->restored = true;
  }
  needs_restore_ = false;
  environment_.metrics->last_restore_duration.With({key_}).Set(
      static_cast<double>(clock.MonotonicNanos() - begin) / 1e9);
}

void Group::RestoreRule(Rule& rule, TimestampMs now) {
  if (environment_.restore_from == nullptr) return;
  const Options& options = environment_.options;
  auto states = ReadFormerStates(*environment_.restore_from, rule.spec.name,
                                 now - options.outage_tolerance_ms, now);
  if (!states.ok()) {
    // There is no second chance; the alert fires once its `for` is over.
    NX_LOG(Error, "Failed to restore 'for' state", {"component", "rule manager"},
           {"group", spec_.name}, {"name", rule.spec.name}, {"err", states.status()});
    return;
  }
  size_t restored = 0;
  MutexLock lock(mutex_);
  for (auto& [labels, alert] : rule.alerts.alerts()) {
    const auto former = states->find(labels);
    if (former == states->end()) continue;
    alert.active_at =
        RestoredActiveAt(former->second, rule.spec.for_ms, options.for_grace_period_ms, now);
    ++restored;
  }
  NX_LOG(Debug, "'for' state restored", {"component", "rule manager"}, {"group", spec_.name},
         {"name", rule.spec.name}, {"alerts", restored});
}

}  // namespace narthex::rules
