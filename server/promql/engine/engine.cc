#include "server/promql/engine/engine.h"

#include <sched.h>

#include "server/promql/engine/builder.h"
#include "server/promql/engine/engine_metrics.h"
#include "server/promql/engine/gate.h"
#include "server/promql/engine/results.h"
#include "server/promql/engine/tile_pool.h"
#include "server/promql/plan/plan.h"

namespace narthex::promql {
namespace {

// A query as it was asked for.
struct Request {
  std::string_view text;
  TimestampMs start = 0, end = 0;
  int64_t step_ms = 0;
  bool instant = false;
  EvalWindow Window() const {
    EvalWindow w;
    w.start = start;
    w.step = step_ms;
    w.steps = instant ? 1 : static_cast<size_t>((end - start) / step_ms) + 1;
    return w;
  }
};

constexpr int kMaxThreads = 256;

// Those this process may run on.
int Cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(CPU_COUNT(&set), 1);
}

double Seconds(int64_t nanos) { return static_cast<double>(nanos) / 1e9; }

Status CheckRequest(const Request& request, const Expr& expr) {
  if (request.instant || expr.type == ValueType::kVector || expr.type == ValueType::kScalar) {
    return OkStatus();
  }
  return InvalidArgument(
      "invalid expression type \"{}\" for range query, must be Scalar or instant "
      "Vector",
      DocumentedType(expr.type));
}

}  // namespace

std::string_view ApiErrorType(const Status& status) {
  switch (status.code()) {
    case StatusCode::kInvalidArgument: return "bad_data";
    case StatusCode::kDeadlineExceeded: return "timeout";
    case StatusCode::kCancelled: return "canceled";
    case StatusCode::kInternal:
    case StatusCode::kDataLoss:
    case StatusCode::kUnavailable: return "internal";
    default: return "execution";
  }
}

struct Engine::Impl {
  explicit Impl(EngineOptions o)
      : options(std::move(o)),
        gate(options.max_concurrent),
        metrics(options.registry, options.max_concurrent) {
    if (options.total_memory_limit > 0) {
      // prometheus_engine_query_memory_bytes reads it, and the registry may outlive the engine.
      all_memory =
          std::make_shared<ByteBudget>(static_cast<size_t>(options.total_memory_limit), "queries");
    }
    if (options.registry != nullptr && all_memory != nullptr) {
      options.registry->AddFunction(
          MetricType::kGauge, "prometheus_engine_query_memory_bytes",
          "Memory that queries hold, results that are being sent included.",
          [budget = all_memory] { return static_cast<double>(budget->used()); });
    }
    const int threads = options.threads > 0 ? options.threads : Cores();
    if (threads > 1) pool = std::make_unique<TilePool>(std::min(threads, kMaxThreads) - 1);
  }

  StatusOr<QueryResult> Execute(const storage::Queryable& queryable, const Request& request,
                                const QueryOptions& query);
  StatusOr<QueryResult> ExecuteInGate(const storage::Queryable& queryable, const Request& request,
                                      const QueryOptions& query, ExprPtr expr, int64_t deadline,
                                      QueryStats* stats);
  StatusOr<QueryResult> Evaluate(const storage::Queryable& queryable, const Request& request,
                                 const PlanWindow& window, ExprPtr expr,
                                 QueryContext::Limits limits, QueryStats* stats);
  void Log(const Request& request, const QueryOptions& query, const QueryStats& stats,
           const Status& status);

  const EngineOptions options;
  QueryGate gate;
  EngineMetrics metrics;
  std::shared_ptr<ByteBudget> all_memory;
  std::unique_ptr<TilePool> pool;
  Mutex log_mutex;
  std::shared_ptr<const std::function<void(const QueryLogEntry&)>> log GUARDED_BY(log_mutex);
};

StatusOr<QueryResult> Engine::Impl::Execute(const storage::Queryable& queryable,
                                            const Request& request, const QueryOptions& query) {
  const Clock& clock = *options.clock;
  // What does not parse does not wait for its turn either.
  NX_ASSIGN_OR_RETURN(ExprPtr expr, ParseExpr(request.text, options.parser));
  NX_RETURN_IF_ERROR(CheckRequest(request, *expr));
  const int64_t begin = clock.MonotonicNanos();
  int64_t timeout_ms = options.timeout_ms;
  if (query.timeout_ms > 0) timeout_ms = std::min(timeout_ms, query.timeout_ms);
  const int64_t deadline = begin + timeout_ms * 1'000'000;
  QueryStats stats;
  metrics.Started();
  Status entered = gate.Enter(clock, deadline, query.cancelled, query.rule);
  stats.exec_queue_time = Seconds(clock.MonotonicNanos() - begin);
  metrics.QueueTime(stats.exec_queue_time);
  StatusOr<QueryResult> result = QueryResult();
  if (!entered.ok()) {
    result = std::move(entered);
  } else {
    const int handle = options.observer ? options.observer->QueryStarted(request.text) : 0;
    result = ExecuteInGate(queryable, request, query, std::move(expr), deadline, &stats);
    if (options.observer) options.observer->QueryEnded(handle);
    gate.Leave();
  }
  metrics.Ended();
  stats.exec_total_time = Seconds(clock.MonotonicNanos() - begin);
  if (result.ok()) result->stats = stats;
  Log(request, query, stats, result.status());
  return result;
}

StatusOr<QueryResult> Engine::Impl::ExecuteInGate(const storage::Queryable& queryable,
                                                  const Request& request, const QueryOptions& query,
                                                  ExprPtr expr, int64_t deadline,
                                                  QueryStats* stats) {
  const int64_t begin = options.clock->MonotonicNanos();
  PlanWindow window;
  window.start = request.start;
  window.end = request.end;
  window.step_ms = request.step_ms;
  window.lookback_ms =
      query.lookback_delta_ms > 0 ? query.lookback_delta_ms : options.lookback_delta_ms;
  NX_RETURN_IF_ERROR(Plan(window, &expr));
  QueryContext::Limits limits;
  limits.max_samples = options.max_samples;
  limits.lookback_ms = window.lookback_ms;
  limits.deadline_nanos = deadline;
  limits.cancelled = query.cancelled;
  limits.clock = options.clock;
  limits.options = options.eval;
  limits.options.per_step_stats = options.eval.per_step_stats && query.per_step_stats;
  limits.steps = request.Window().steps;
  stats->start = request.start;
  stats->step_ms = request.step_ms;
  limits.pool = pool.get();
  stats->query_preparation_time = Seconds(options.clock->MonotonicNanos() - begin);
  metrics.PrepareTime(stats->query_preparation_time);
  auto result = Evaluate(queryable, request, window, std::move(expr), limits, stats);
  stats->eval_total_time = Seconds(options.clock->MonotonicNanos() - begin);
  return result;
}

StatusOr<QueryResult> Engine::Impl::Evaluate(const storage::Queryable& queryable,
                                             const Request& request, const PlanWindow& window,
                                             ExprPtr expr, QueryContext::Limits limits,
                                             QueryStats* stats) {
  // Outlives everything below, which gives back to it what it held.
  const auto memory = std::make_shared<QueryMemory>(all_memory, options.memory_limit);
  limits.memory = memory.get();
  const int64_t begin = options.clock->MonotonicNanos();
  const TimeSpan span = SamplesNeeded(window, *expr);
  NX_ASSIGN_OR_RETURN(auto querier, queryable.NewQuerier(span.any ? span.min + 1 : request.start,
                                                         span.any ? span.max : request.end));
  QueryContext context(request.text, querier.get(), limits);
  Builder builder(&context, options.max_samples, options.default_subquery_step);
  QueryResult result;
  result.memory = memory;
  NX_RETURN_IF_ERROR(context.CheckAlive());
  const EvalWindow steps = request.Window();
  MemoryHold hold = context.NewHold();
  Status status = request.instant ? EvaluateInstant(builder, *expr, steps, &result, &hold)
                                  : EvaluateRange(builder, *expr, steps, &result, &hold);
  // Whoever was refused memory may have left something out.
  if (status.ok()) status = context.CheckMemory();
  if (memory->exceeded()) metrics.MemoryRefused();
  hold.Keep();
  stats->peak_memory_bytes = memory->peak();
  memory->Settle();
  const int64_t evaluated = options.clock->MonotonicNanos();
  stats->inner_eval_time = Seconds(evaluated - begin);
  metrics.InnerEvalTime(stats->inner_eval_time);
  context.Finish(&result.annotations, stats);
  metrics.Samples(stats->total_queryable_samples);
  NX_RETURN_IF_ERROR(status);
  if (!request.instant) SortMatrix(&result.matrix);
  stats->result_sort_time = Seconds(options.clock->MonotonicNanos() - evaluated);
  metrics.ResultSortTime(stats->result_sort_time);
  return result;
}

void Engine::Impl::Log(const Request& request, const QueryOptions& query, const QueryStats& stats,
                       const Status& status) {
  std::shared_ptr<const std::function<void(const QueryLogEntry&)>> sink;
  {
    MutexLock lock(log_mutex);
    sink = log;
  }
  if (sink == nullptr) return;
  QueryLogEntry entry;
  entry.query = std::string(request.text);
  entry.instant = request.instant;
  entry.start = request.start;
  entry.end = request.end;
  entry.step_ms = request.step_ms;
  entry.stats = stats;
  entry.status = status;
  entry.origin = query.origin;
  (*sink)(entry);
}

Engine::Engine(EngineOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Engine::~Engine() = default;

StatusOr<QueryResult> Engine::Instant(const storage::Queryable& queryable, std::string_view expr,
                                      TimestampMs t, const QueryOptions& options) const {
  return impl_->Execute(queryable, {expr, t, t, 0, true}, options);
}

StatusOr<QueryResult> Engine::Range(const storage::Queryable& queryable, std::string_view expr,
                                    TimestampMs start, TimestampMs end, int64_t step_ms,
                                    const QueryOptions& options) const {
  if (step_ms <= 0) {
    return InvalidArgument(
        "zero or negative query resolution step widths are not accepted. Try a positive integer");
  }
  if (end < start) return InvalidArgument("end timestamp must not be before start time");
  if (static_cast<__int128>(end) - start > std::numeric_limits<int64_t>::max()) {
    return InvalidArgument("the range from {} to {} is too long", start, end);
  }
  return impl_->Execute(queryable, {expr, start, end, step_ms, false}, options);
}

void Engine::SetQueryLog(std::function<void(const QueryLogEntry&)> log) {
  impl_->metrics.QueryLogEnabled(log != nullptr);
  auto shared =
      log == nullptr
          ? nullptr
          : std::make_shared<const std::function<void(const QueryLogEntry&)>>(std::move(log));
  MutexLock lock(impl_->log_mutex);
  impl_->log = std::move(shared);
}

const EngineOptions& Engine::options() const { return impl_->options; }

std::shared_ptr<QueryMemory> Engine::NewMemory() const {
  return std::make_shared<QueryMemory>(impl_->all_memory, impl_->options.memory_limit);
}

int64_t Engine::memory_held() const {
  return impl_->all_memory == nullptr ? 0 : static_cast<int64_t>(impl_->all_memory->used());
}

}  // namespace narthex::promql
