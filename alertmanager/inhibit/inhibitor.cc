#include "alertmanager/inhibit/inhibitor.h"

namespace narthex::am {
namespace {

// An absent label and an empty one are equal.
std::string EqualKey(const InhibitRule& rule, const Labels& labels) {
  std::string key;
  for (const std::string& name : rule.equal) {
    key.append(labels.Get(name));
    key.push_back('\xff');
  }
  return key;
}

}  // namespace

Inhibitor::Inhibitor(std::shared_ptr<const Config> config, const Clock& clock)
    : config_(std::move(config)), clock_(clock) {
  for (const InhibitRule& rule : config_->inhibit_rules) rules_.push_back({&rule, {}});
}

void Inhibitor::Observe(const AlertPtr& alert) {
  MutexLock lock(mutex_);
  for (Rule& rule : rules_) {
    if (!MatchesAll(rule.rule->source, alert->labels)) continue;
    rule.by_equal[EqualKey(*rule.rule, alert->labels)][alert->fingerprint()] = alert;
  }
}

std::optional<uint64_t> Inhibitor::InhibitedBy(const Labels& labels) const {
  const int64_t now = clock_.NowNanos();
  MutexLock lock(mutex_);
  for (const Rule& rule : rules_) {
    if (!MatchesAll(rule.rule->target, labels)) continue;
    auto sources = rule.by_equal.find(EqualKey(*rule.rule, labels));
    if (sources == rule.by_equal.end()) continue;
    // An alert on both sides is not inhibited by another one on both sides, nor by itself.
    const bool on_both_sides = MatchesAll(rule.rule->source, labels);
    for (const auto& [fingerprint, source] : sources->second) {
      if (source->ResolvedAt(now)) continue;
      if (on_both_sides && MatchesAll(rule.rule->target, source->labels)) continue;
      return fingerprint;
    }
  }
  return std::nullopt;
}

void Inhibitor::CollectGarbage() {
  const int64_t now = clock_.NowNanos();
  MutexLock lock(mutex_);
  for (Rule& rule : rules_) {
    for (auto it = rule.by_equal.begin(); it != rule.by_equal.end();) {
      std::erase_if(it->second, [&](const auto& entry) { return entry.second->ResolvedAt(now); });
      if (it->second.empty()) {
        rule.by_equal.erase(it++);
      } else {
        ++it;
      }
    }
  }
}

}  // namespace narthex::am
