#pragma once
// Evaluates recording and alerting rules: every group on its own slot of its interval, rules in the
// order of the file, outputs written with the time of the evaluation.
//
// Threads: "rules-timer" hands groups that are due to `workers` threads; a group is in the hands of
// one of them at a time and a group that is still busy misses its turn. With concurrent_evals,
// "rules-eval" threads take rules that do not depend on each other off the worker's hands. The
// public methods may be called from any thread.

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/metrics/registry.h"
#include "server/notifier/alert.h"
#include "server/promql/engine/engine.h"
#include "server/rules/status.h"
#include "server/storage/interface.h"

namespace narthex::rules {

// On whose behalf a rule is queried.
struct QueryContext {
  std::string file, group;
  const std::atomic<bool>* cancelled = nullptr;  // set when the manager stops
};

// Evaluates an instant query.
using QueryFunction = std::function<StatusOr<promql::QueryResult>(
    const std::string& expr, TimestampMs t, const QueryContext& context)>;
// Both outlive the function.
inline QueryFunction EngineQuery(const promql::Engine& engine, const storage::Queryable& storage) {
  return [&engine, &storage](const std::string& expr, TimestampMs t, const QueryContext& context) {
    promql::QueryOptions options;
    options.cancelled = context.cancelled;
    options.rule = true;
    options.origin = {{"ruleGroup.file", context.file}, {"ruleGroup.name", context.group}};
    return engine.Instant(storage, expr, t, options);
  };
}

struct Options {
  int workers = 4;
  // Rules of all groups that may run beside those of the workers; 0: a group's run one by one.
  int concurrent_evals = 0;
  std::string external_url;  // without a slash at the end
  int64_t outage_tolerance_ms = 3'600'000;
  int64_t for_grace_period_ms = 600'000;
  int64_t resend_delay_ms = 60'000;
  promql::ParserOptions parser;
  const Clock* clock = &Clock::System();
};

// What a (re)load of the configuration brings.
struct Config {
  std::vector<std::string> files;  // paths, globs already expanded
  int64_t interval_ms = 60'000;    // of groups that name none
  int64_t query_offset_ms = 0;     // likewise
  Labels external_labels;
  bool ignore_unknown_fields = false;  // of groups and rules
};

// Reads and checks rule files without running anything. The error lists every fault of every file,
// one a line: file: 3:5: group "g", rule 1, "x": ….
Status CheckFiles(const std::vector<std::string>& files, const promql::ParserOptions& parser = {});

class Manager {
 public:
  using NotifyFunction = std::function<void(std::vector<notifier::Alert>)>;

  // Pointers are not owned and outlive the manager. `restore_from` is where the state of alerts is
  // read back after a restart.
  Manager(Options options, QueryFunction query, storage::Appendable* storage,
          const storage::Queryable* restore_from, NotifyFunction notify, Registry* registry);
  ~Manager();

  // Unchanged groups keep running; changed ones keep the state of rules with the same name and
  // labels; the series of vanished rules end. On error the old rules stay.
  Status Update(const Config& config);

  void Start();
  // Cancels the running evaluations and returns when they have ended; no stale markers are written.
  void Stop();

  std::vector<GroupStatus> Groups() const;  // sorted by file, then name

  // Runs one evaluation of every group at `t` on the calling thread (tests, promtool), those of
  // these names first and in this order. Not while started.
  void EvaluateAll(TimestampMs t, std::span<const std::string> first = {});

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::rules
