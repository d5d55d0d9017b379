#pragma once
// What all operators of one running query share: the storage snapshot, limits, cancellation,
// annotations and counters.
//
// Thread safety: everything may be called from the workers of the query concurrently.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "server/promql/engine/memory.h"
#include "server/promql/engine/result.h"
#include "server/promql/engine/tile.h"
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

// Which of the query's steps the samples of a selector count at in statistics.
enum class Counting : uint8_t {
  kOwnStep,    // the selector's steps are the query's
  kEveryStep,  // read once for all steps
  kNot,        // below a subquery, whose result counts where it is used
};

class TilePool;
class QueryContext;
struct RangeWindows;

// Counts the samples a selector or range function looks at. The way it counts is that of the place
// in the tree that is being built. Thread safety: Add may run concurrently.
class SampleCounter {
 public:
  explicit SampleCounter(QueryContext* context);
  // `points[i]` at step i of the operator's window.
  void Add(std::span<const int64_t> points) const;
  void Add(const Tile& tile) const;
  // Samples decoded from storage, each at the first step whose window it is in. Those of subqueries
  // and of what is read once for all steps count at the first step of the query.
  void Read(std::span<const int64_t> timestamps, const RangeWindows& windows) const;

 private:
  QueryContext* const context_;
  const Counting counting_;
};

class QueryContext {
 public:
  struct Limits {
    int64_t max_samples = 0;
    int64_t lookback_ms = 0;
    int64_t deadline_nanos = 0;  // on the clock's monotonic scale
    const std::atomic<bool>* cancelled = nullptr;
    const Clock* clock = nullptr;
    EvalOptions options;
    size_t steps = 1;               // of the query
    TilePool* pool = nullptr;       // null: the query works on its own thread alone
    QueryMemory* memory = nullptr;  // not owned; null: nothing is counted
  };
  QueryContext(std::string_view text, const storage::Querier* querier, Limits limits)
      : text_(text), querier_(querier), limits_(limits), hold_(limits.memory) {
    if (!limits.options.per_step_stats) return;
    queryable_per_step_.resize(limits.steps);
    read_per_step_.resize(limits.steps);
  }

  const storage::Querier& querier() const { return *querier_; }
  TilePool* pool() const { return limits_.pool; }
  const EvalOptions& options() const { return limits_.options; }
  int64_t lookback_ms() const { return limits_.lookback_ms; }

  // For what an object of the query holds.
  MemoryHold NewHold() const { return MemoryHold(limits_.memory); }
  // Held until the query ends. False when that is too much.
  bool HoldForQuery(size_t bytes) {
    MutexLock lock(mutex_);
    return hold_.Grow(bytes);
  }
  // ResourceExhausted once the query holds more memory than it may.
  Status CheckMemory() const;

  // Cancelled, DeadlineExceeded or CheckMemory's when the query must end. Called once per tile.
  Status CheckAlive() const;
  // Accounts for `points` held; fails when the query holds more than it may.
  Status Charge(size_t points);

  // How what is built now counts. Building is the business of one thread.
  Counting counting() const { return counting_; }
  void SetCounting(Counting counting) { counting_ = counting; }

  // `message` without prefix and position. Each distinct text is kept once.
  void Warn(std::string_view message, PosRange where);
  void Inform(std::string_view message, PosRange where);
  // Buckets of a histogram that had to be made monotonic, merged over the steps of the query.
  void ForcedMonotonicity(const std::string& metric, PosRange where, TimestampMs t,
                          double min_bucket, double max_bucket, double max_diff);

  void Finish(Annotations* annotations, QueryStats* stats) const;

 private:
  friend class SampleCounter;
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
  Counting counting_ = Counting::kOwnStep;
  std::atomic<int64_t> read_{0};
  mutable Mutex mutex_;
  MemoryHold hold_ GUARDED_BY(mutex_);
  // Empty when not asked for.
  std::vector<int64_t> queryable_per_step_ GUARDED_BY(mutex_);
  std::vector<int64_t> read_per_step_ GUARDED_BY(mutex_);
  // Texts with where they hold. A text is said once, of several places about the last.
  std::map<std::string, int> warnings_ GUARDED_BY(mutex_);
  std::map<std::string, int> infos_ GUARDED_BY(mutex_);
  std::map<std::pair<std::string, std::string>, Monotonicity> monotonicity_ GUARDED_BY(mutex_);
};

}  // namespace narthex::promql
