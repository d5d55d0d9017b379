#pragma once
// What all operators of one running query share: the storage snapshot, limits, cancellation,
// annotations and counters.
//
// Thread safety: everything may be called from the workers of the query concurrently.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "server/promql/engine/result.h"
#include "server/promql/parser/ast.h"
#include "server/storage/interface.h"

namespace narthex::promql {

// The steps an operator yields values for.
struct EvalWindow {
  TimestampMs start = 0;
  int64_t step = 0;
  size_t steps = 1;
  TimestampMs ts(size_t i) const { return start + static_cast<int64_t>(i) * step; }
  TimestampMs end() const { return steps == 0 ? start : ts(steps - 1); }
};

// What feature flags change about evaluation.
struct EvalOptions {
  bool delayed_name_removal = false;  // promql-delayed-name-removal
  bool type_and_unit_labels = false;  // type-and-unit-labels
  bool per_step_stats = false;        // promql-per-step-stats, with stats=all
};

class TilePool;

class QueryContext {
 public:
  struct Limits {
    int64_t max_samples = 0;
    int64_t lookback_ms = 0;
    int64_t deadline_nanos = 0;  // on the clock's monotonic scale
    const std::atomic<bool>* cancelled = nullptr;
    const Clock* clock = nullptr;
    EvalOptions options;
    TilePool* pool = nullptr;  // null: the query works on its own thread alone
  };
  QueryContext(std::string_view text, const storage::Querier* querier, Limits limits)
      : text_(text), querier_(querier), limits_(limits) {}

  const storage::Querier& querier() const { return *querier_; }
  TilePool* pool() const { return limits_.pool; }
  const EvalOptions& options() const { return limits_.options; }
  int64_t lookback_ms() const { return limits_.lookback_ms; }

  // Cancelled or DeadlineExceeded when the query must end. Called once per tile.
  Status CheckAlive() const;
  // Accounts for `points` held; fails when the query holds more than it may.
  Status Charge(size_t points);
  void CountQueryable(int64_t samples) { queryable_ += samples; }
  void CountRead(int64_t samples) { read_ += samples; }

  // `message` without prefix and position. Each distinct text is kept once.
  void Warn(std::string_view message, PosRange where);
  void Inform(std::string_view message, PosRange where);
  // Buckets of a histogram that had to be made monotonic, merged over the steps of the query.
  void ForcedMonotonicity(const std::string& metric, PosRange where, TimestampMs t,
                          double min_bucket, double max_bucket, double max_diff);

  void Finish(Annotations* annotations, QueryStats* stats) const;

 private:
  struct Monotonicity {
    double min_bucket, max_bucket, max_diff;
    TimestampMs min_t, max_t;
    int64_t count;
  };
  std::string_view text_;
  const storage::Querier* querier_;
  const Limits limits_;
  std::atomic<int64_t> held_{0};
  std::atomic<int64_t> queryable_{0};
  std::atomic<int64_t> read_{0};
  mutable Mutex mutex_;
  // Texts with where they hold. A text is said once, of several places about the last.
  std::map<std::string, int> warnings_ GUARDED_BY(mutex_);
  std::map<std::string, int> infos_ GUARDED_BY(mutex_);
  std::map<std::pair<std::string, std::string>, Monotonicity> monotonicity_ GUARDED_BY(mutex_);
};

}  // namespace narthex::promql
