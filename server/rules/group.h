#pragma once
// A rule group at work: its rules with their state, evaluated in order.
//
// Thread safety: Evaluate, Restore, AdoptState and End are for one thread at a time (the manager
// sees to it); Status may be called from any thread meanwhile.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "server/rules/alert_set.h"
#include "server/rules/alert_template.h"
#include "server/rules/batches.h"
#include "server/rules/eval_pool.h"
#include "server/rules/manager.h"
#include "server/rules/metrics.h"
#include "server/rules/output_series.h"
#include "server/rules/rule_spec.h"

namespace narthex::rules {

// What all groups share. Nothing is owned.
struct Environment {
  Options options;
  QueryFunction query;
  storage::Appendable* storage = nullptr;
  const storage::Queryable* restore_from = nullptr;
  Manager::NotifyFunction notify;
  Metrics* metrics = nullptr;
  const std::atomic<bool>* cancelled = nullptr;
  EvalPool* pool = nullptr;  // null: rules one by one
};

class Group {
 public:
  // `restore`: alerts write no series until Restore has looked for their former state.
  Group(const Environment& environment, GroupSpec spec, NamedTexts external_labels, bool restore);
  ~Group();

  const GroupSpec& spec() const { return spec_; }
  const NamedTexts& external_labels() const { return external_labels_; }
  const std::string& key() const { return key_; }  // "file;name"
  bool needs_restore() const { return needs_restore_; }
  int64_t interval_nanos() const { return spec_.interval_ms * 1'000'000; }
  // The group's own slot at or before a time: multiples of the interval, shifted by its hash.
  int64_t SlotAtOrBefore(int64_t nanos) const;

  void Evaluate(TimestampMs t);
  // Takes over when pending alerts became active before a restart.
  void Restore(TimestampMs now);
  // Takes the state of rules that are the same here and there; the series of the others end with
  // the next evaluation. `from` is not used afterwards.
  void AdoptState(Group& from);
  // Stale markers on every series of the group.
  void End(TimestampMs t);

  GroupStatus Status() const;

 private:
  struct Rule;
  using Samples = std::vector<OutputSample>;

  double EvaluateBatch(const Batch& batch, TimestampMs t);
  double EvaluateTimed(Rule& rule, TimestampMs t);
  void EvaluateRule(Rule& rule, TimestampMs t);
  StatusOr<Samples> EvaluateRecording(const Rule& rule, TimestampMs at) const;
  StatusOr<Samples> EvaluateAlerts(Rule& rule, TimestampMs t, TimestampMs at);
  std::vector<AlertElement> Expand(const Rule& rule,
                                   const std::vector<promql::VectorSample>& vector,
                                   TimestampMs t) const;
  void SendAlerts(Rule& rule, TimestampMs t);
  narthex::Status WriteSamples(Rule& rule, TimestampMs at, const Samples& samples);
  void RestoreRule(Rule& rule, TimestampMs now);
  void WriteEndings(TimestampMs at);

  const Environment& environment_;
  const GroupSpec spec_;
  const NamedTexts external_labels_;
  const std::string key_;
  const QueryContext context_;
  const uint64_t hash_;
  const std::vector<Batch> batches_;
  bool needs_restore_;
  std::vector<std::unique_ptr<OutputSeries>> endings_;
  std::atomic<size_t> samples_{0};  // of the running evaluation

  mutable Mutex mutex_;  // guards what Status reads: alerts, health and times
  std::vector<std::unique_ptr<Rule>> rules_;
  double evaluation_seconds_ GUARDED_BY(mutex_) = 0;
  int64_t last_evaluation_nanos_ GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::rules
