#include "server/rules/group.h"

#include <map>

#include "core/base/check.h"
#include "core/log/log.h"
#include "server/rules/group_rule.h"

namespace narthex::rules {
namespace {

double SecondsSince(const Clock& clock, int64_t begin_nanos) {
  return static_cast<double>(clock.MonotonicNanos() - begin_nanos) / 1e9;
}

std::vector<std::pair<std::string, AlertTemplate>> ParseTemplates(const std::string& rule,
                                                                  const NamedTexts& texts) {
  std::vector<std::pair<std::string, AlertTemplate>> templates;
  for (const auto& [name, text] : texts) {
    auto parsed = AlertTemplate::Parse(rule, text);
    NX_CHECK(parsed.ok());  // the loader of the file has parsed it
    templates.emplace_back(name, *std::move(parsed));
  }
  return templates;
}

// What makes a rule the same one across a reload.
std::string Identity(const RuleSpec& spec) {
  std::string identity = spec.name;
  for (const auto& [name, value] : spec.labels) {
    identity.append(1, '\xff').append(name).append(1, '\xfe').append(value);
  }
  return identity;
}

}  // namespace

Group::Group(const Environment& environment, GroupSpec spec, NamedTexts external_labels,
             bool restore)
    : environment_(environment),
      spec_(std::move(spec)),
      external_labels_(std::move(external_labels)),
      key_(spec_.file + ";" + spec_.name),
      context_{spec_.file, spec_.name, environment.cancelled},
      hash_(Labels{{"file", spec_.file}, {"name", spec_.name}}.Hash()),
      batches_(environment.pool == nullptr
                   ? OneByOne(spec_.rules.size())
                   : SplitIntoBatches(spec_.rules, environment.options.parser)),
      needs_restore_(restore) {
  for (const RuleSpec& from : spec_.rules) {
    auto rule = std::make_unique<Rule>();
    rule->spec = from;
    if (from.is_alert) {
      rule->labels = ParseTemplates(from.name, from.labels);
      rule->annotations = ParseTemplates(from.name, from.annotations);
    }
    rule->output = std::make_unique<OutputSeries>(environment_.storage);
    rule->restored = !restore;
    rules_.push_back(std::move(rule));
  }
  environment_.metrics->AddGroup(key_);
  environment_.metrics->rules.With({key_}).Set(static_cast<double>(rules_.size()));
  environment_.metrics->interval.With({key_}).Set(static_cast<double>(spec_.interval_ms) / 1e3);
}

Group::~Group() = default;

int64_t Group::SlotAtOrBefore(int64_t nanos) const {
  const auto offset = static_cast<int64_t>(hash_ % static_cast<uint64_t>(interval_nanos()));
  const int64_t shifted = nanos - offset;
  return shifted - shifted % interval_nanos() + offset;
}

void Group::Evaluate(TimestampMs t) {
  const Clock& clock = *environment_.options.clock;
  const int64_t wall = clock.NowNanos(), begin = clock.MonotonicNanos();
  samples_ = 0;
  double rule_seconds = 0;
  for (const Batch& batch : batches_) rule_seconds += EvaluateBatch(batch, t);
  WriteEndings(t - spec_.query_offset_ms);

  const double seconds = SecondsSince(clock, begin);
  Metrics& metrics = *environment_.metrics;
  metrics.group_duration.Observe(seconds);
  metrics.last_duration.With({key_}).Set(seconds);
  metrics.last_rule_duration_sum.With({key_}).Set(rule_seconds);
  metrics.last_evaluation_timestamp.With({key_}).Set(static_cast<double>(wall) / 1e9);
  metrics.last_evaluation_samples.With({key_}).Set(static_cast<double>(samples_.load()));
  MutexLock lock(mutex_);
  evaluation_seconds_ = seconds;
  last_evaluation_nanos_ = wall;
}

// Gives the time all rules took together.
double Group::EvaluateBatch(const Batch& batch, TimestampMs t) {
  Mutex mutex;
  CondVar ended;
  size_t running = 0;
  double total = 0;
  for (const size_t place : batch) {
    Rule& rule = *rules_[place];
    const auto evaluate = [&] {
      const double seconds = EvaluateTimed(rule, t);
      MutexLock lock(mutex);
      total += seconds;
      --running;
      ended.NotifyOne();
    };
    {
      MutexLock lock(mutex);
      ++running;
    }
    if (batch.size() > 1 && environment_.pool->TryRun(evaluate)) continue;
    evaluate();
  }
  MutexLock lock(mutex);
  while (running > 0) ended.Wait(lock);
  return total;
}

double Group::EvaluateTimed(Rule& rule, TimestampMs t) {
  const Clock& clock = *environment_.options.clock;
  const int64_t wall = clock.NowNanos(), begin = clock.MonotonicNanos();
  EvaluateRule(rule, t);
  const double seconds = SecondsSince(clock, begin);
  environment_.metrics->evaluation_duration.Observe(seconds);
  MutexLock lock(mutex_);
  rule.evaluation_seconds = seconds;
  rule.last_evaluation_nanos = wall;
  return seconds;
}

void Group::AdoptState(Group& from) {
  MutexLock theirs(from.mutex_);  // the old group is still shown while the new one is made
  MutexLock mine(mutex_);
  evaluation_seconds_ = from.evaluation_seconds_;
  last_evaluation_nanos_ = from.last_evaluation_nanos_;
  // Rules that occur several times are paired in order.
  std::multimap<std::string, Rule*> former;
  for (auto& rule : from.rules_) former.emplace(Identity(rule->spec), rule.get());
  for (auto& rule : rules_) {
    const auto match = former.find(Identity(rule->spec));
    if (match == former.end()) continue;
    Rule& old = *match->second;
    rule->output = std::move(old.output);
    if (rule->spec.is_alert && old.spec.is_alert) {
      rule->alerts = old.alerts;
      rule->restored = old.restored;
    }
    former.erase(match);
  }
  needs_restore_ = from.needs_restore_;
  endings_ = std::move(from.endings_);
  for (auto& [identity, rule] : former) endings_.push_back(std::move(rule->output));
}

void Group::End(TimestampMs t) {
  for (auto& rule : rules_) {
    if (rule->output != nullptr) endings_.push_back(std::move(rule->output));
  }
  WriteEndings(t);
}

void Group::WriteEndings(TimestampMs at) {
  for (auto& output : endings_) {
    if (output != nullptr) output->Write(at, {});
  }
  endings_.clear();
}

GroupStatus Group::Status() const {
  GroupStatus status;
  status.name = spec_.name;
  status.file = spec_.file;
  status.interval_ms = spec_.interval_ms;
  status.limit = spec_.limit;
  MutexLock lock(mutex_);
  status.evaluation_seconds = evaluation_seconds_;
  status.last_evaluation_nanos = last_evaluation_nanos_;
  for (const auto& rule : rules_) {
    RuleStatus& out = status.rules.emplace_back();
    out.is_alert = rule->spec.is_alert;
    out.name = rule->spec.name;
    out.query = rule->spec.expr;
    out.labels = Labels::FromPairs(rule->spec.labels);
    out.health = rule->health;
    out.last_error = rule->last_error;
    out.evaluation_seconds = rule->evaluation_seconds;
    out.last_evaluation_nanos = rule->last_evaluation_nanos;
    if (!rule->spec.is_alert) continue;
    out.annotations = rule->spec.annotations;
    out.for_ms = rule->spec.for_ms;
    out.keep_firing_for_ms = rule->spec.keep_firing_for_ms;
    out.alerts = rule->alerts.Statuses();
    out.state =
        rule->last_evaluation_nanos == 0 ? AlertState::kUnknown : rule->alerts.worst_state();
  }
  return status;
}

}  // namespace narthex::rules
