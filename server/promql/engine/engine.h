#pragma once
// The PromQL engine: parses an expression, plans it and evaluates it against a storage::Queryable.
//
//   Engine engine(options);
//   QueryOptions query;
//   auto result = engine.Instant(storage, "sum(rate(http_requests_total[5m]))", now_ms, query);
//
// Errors are Statuses whose code tells the kind; ApiErrorType() maps it to the API's errorType:
//   InvalidArgument  the text does not parse or type-check              bad_data
//   DeadlineExceeded query timed out in …                               timeout
//   Cancelled        query was canceled in …                            canceled
//   Internal, DataLoss, Unavailable   the storage failed                internal
//   everything else  evaluation failed (too many samples included)      execution
//
// Thread safety: all methods may be called concurrently.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/base/status.h"
#include "core/metrics/registry.h"
#include "server/promql/engine/context.h"
#include "server/promql/engine/result.h"
#include "server/promql/parser/parser.h"
#include "server/storage/interface.h"

namespace narthex::promql {

std::string_view ApiErrorType(const Status& status);

// What the query log gets, once per query that ran, also for failed ones.
struct QueryLogEntry {
  std::string query;
  bool instant = false;
  TimestampMs start = 0, end = 0;
  int64_t step_ms = 0;  // 0 for instant queries
  QueryStats stats;
  Status status;
  std::vector<std::pair<std::string, std::string>> origin;
};

// Told of every query while it holds a place in the gate: the active query log hangs here.
class QueryObserver {
 public:
  virtual ~QueryObserver() = default;
  // Returns a handle given back to QueryEnded.
  virtual int QueryStarted(std::string_view query) = 0;
  virtual void QueryEnded(int handle) = 0;
};

struct EngineOptions {
  int64_t max_samples = 50'000'000;
  int64_t timeout_ms = 120'000;  // of one query, waiting for its turn included
  int max_concurrent = 20;
  // Bytes that one query and all of them together may hold, results that are still being written
  // out included; 0: no limit.
  int64_t memory_limit = 0;
  int64_t total_memory_limit = 0;
  int64_t lookback_delta_ms = 300'000;
  ParserOptions parser;
  // Step of subqueries that name none, given their range. Default: one minute.
  std::function<int64_t(int64_t range_ms)> default_subquery_step;
  EvalOptions eval;
  // Threads a query may use, its own included. 0: one a core. Answers do not depend on it.
  int threads = 0;
  QueryObserver* observer = nullptr;  // not owned, outlives the engine
  Registry* registry = nullptr;       // not owned; null: no metrics
  const Clock* clock = &Clock::System();
};

struct QueryOptions {
  int64_t lookback_delta_ms = 0;                 // 0: the engine's
  int64_t timeout_ms = 0;                        // 0: the engine's; never longer than the engine's
  const std::atomic<bool>* cancelled = nullptr;  // polled; set it to cancel
  bool rule = false;                             // goes before the others when places are scarce
  bool per_step_stats = false;
  // Goes to the query log with the entry: ("ruleGroup.name", …), ("httpRequest.path", …).
  std::vector<std::pair<std::string, std::string>> origin;
};

class Engine {
 public:
  explicit Engine(EngineOptions options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // The value at `t`: scalar, string, vector or (for a range selector at the top) matrix.
  StatusOr<QueryResult> Instant(const storage::Queryable& queryable, std::string_view expr,
                                TimestampMs t, const QueryOptions& options) const;
  // A matrix over start, start+step, … <= end; only expressions of type vector or scalar. The
  // caller has checked step_ms > 0, end >= start and the number of steps it is ready to bear.
  StatusOr<QueryResult> Range(const storage::Queryable& queryable, std::string_view expr,
                              TimestampMs start, TimestampMs end, int64_t step_ms,
                              const QueryOptions& options) const;

  // Replaces the query log; null turns it off. May be called at any time.
  void SetQueryLog(std::function<void(const QueryLogEntry&)> log);
  const EngineOptions& options() const;
  // For an answer that no query gives: what it holds counts as that of a query.
  std::shared_ptr<QueryMemory> NewMemory() const;
  // Bytes that queries hold of total_memory_limit; 0 when there is none.
  int64_t memory_held() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::promql
