#include "server/promql/engine/context.h"

#include "core/strings/duration.h"
#include "core/strings/numbers.h"
#include "core/strings/quote.h"
#include "server/promql/engine/annotations.h"
#include "server/promql/engine/range_source.h"
#include "server/promql/parser/position.h"

namespace narthex::promql {
namespace {

void KeepLast(std::map<std::string, int>* notes, std::string_view message, PosRange where) {
  int& at = notes->try_emplace(std::string(message), where.start).first->second;
  at = std::max(at, where.start);
}

}  // namespace

SampleCounter::SampleCounter(QueryContext* context)
    : context_(context), counting_(context->counting()) {}

void SampleCounter::Add(std::span<const int64_t> points) const {
  if (counting_ == Counting::kNot) return;
  int64_t total = 0;
  for (const int64_t n : points) total += n;
  const bool every = counting_ == Counting::kEveryStep;
  context_->queryable_ += every ? total * static_cast<int64_t>(context_->limits_.steps) : total;
  if (!context_->limits_.options.per_step_stats) return;
  MutexLock lock(context_->mutex_);
  std::vector<int64_t>& steps = context_->queryable_per_step_;
  if (every) {
    for (int64_t& step : steps) step += total;
  } else {
    for (size_t i = 0; i < std::min(points.size(), steps.size()); ++i) steps[i] += points[i];
  }
}

void SampleCounter::Add(const Tile& tile) const {
  if (counting_ == Counting::kNot) return;
  if (!context_->limits_.options.per_step_stats) {
    const auto points = static_cast<int64_t>(tile.CountPoints());
    return Add({&points, 1});
  }
  std::vector<int64_t> points(tile.steps(), 0);
  for (size_t row = 0; row < tile.rows(); ++row) {
    ForEachBit(tile.presence(row), tile.words(), [&](size_t i) {
      const HistogramPtr& h = tile.Histogram(row, i);
      points[i] += h ? static_cast<int64_t>(PointsOf(*h)) : 1;
    });
  }
  Add(points);
}

void SampleCounter::Read(std::span<const int64_t> timestamps, const RangeWindows& windows) const {
  context_->read_ += static_cast<int64_t>(timestamps.size());
  if (!context_->limits_.options.per_step_stats) return;
  const size_t last = counting_ == Counting::kOwnStep ? windows.steps.steps - 1 : 0;
  MutexLock lock(context_->mutex_);
  size_t step = 0;
  for (const int64_t t : timestamps) {
    while (step < last && windows.end(step) + windows.after_ms < t) ++step;
    ++context_->read_per_step_[step];
  }
}

Status QueryContext::CheckMemory() const {
  return limits_.memory == nullptr ? OkStatus() : limits_.memory->status();
}

Status QueryContext::CheckAlive() const {
  if (limits_.cancelled != nullptr && limits_.cancelled->load(std::memory_order_relaxed)) {
    return Cancelled("query was canceled in expression evaluation");
  }
  if (limits_.clock->MonotonicNanos() > limits_.deadline_nanos) {
    return DeadlineExceeded("query timed out in expression evaluation");
  }
  return CheckMemory();
}

Status QueryContext::Charge(size_t points) {
  const int64_t held = held_ += static_cast<int64_t>(points);
  if (held <= limits_.max_samples) return OkStatus();
  return ResourceExhausted(
      "query processing would load too many samples into memory in query execution");
}

void QueryContext::Warn(std::string_view message, PosRange where) {
  MutexLock lock(mutex_);
  KeepLast(&warnings_, message, where);
}

void QueryContext::Inform(std::string_view message, PosRange where) {
  MutexLock lock(mutex_);
  KeepLast(&infos_, message, where);
}

void QueryContext::ForcedMonotonicity(const std::string& metric, PosRange where, TimestampMs t,
                                      double min_bucket, double max_bucket, double max_diff) {
  MutexLock lock(mutex_);
  const Monotonicity fresh{min_bucket, max_bucket, max_diff, t, t, 0};
  auto [it, added] = monotonicity_.try_emplace({metric, LineAndColumn(text_, where.start)}, fresh);
  Monotonicity& m = it->second;
  m.min_bucket = std::min(m.min_bucket, min_bucket);
  m.max_bucket = std::max(m.max_bucket, max_bucket);
  m.max_diff = std::max(m.max_diff, max_diff);
  m.min_t = std::min(m.min_t, t);
  m.max_t = std::max(m.max_t, t);
  ++m.count;
}

void QueryContext::Finish(Annotations* annotations, QueryStats* stats) const {
  MutexLock lock(mutex_);
  for (const auto& [message, at] : warnings_) {
    annotations->warnings.push_back(
        fmt::format("PromQL warning: {} ({})", message, LineAndColumn(text_, at)));
  }
  for (const auto& [message, at] : infos_) {
    annotations->infos.push_back(
        fmt::format("PromQL info: {} ({})", message, LineAndColumn(text_, at)));
  }
  for (const auto& [key, m] : monotonicity_) {
    const auto seconds = [](TimestampMs ms) {
      return FormatRfc3339Nanos(ms / 1000 * 1'000'000'000);
    };
    annotations->infos.push_back(fmt::format(
        "PromQL info: {}, from buckets {} to {}, with a max diff of {:.2g}, over {} samples from "
        "{} "
        "to {} ({})",
        note::ForcedMonotonicity(key.first), FormatFloat(m.min_bucket), FormatFloat(m.max_bucket),
        m.max_diff, m.count, seconds(m.min_t), seconds(m.max_t), key.second));
  }
  std::sort(annotations->infos.begin(), annotations->infos.end());
  stats->total_queryable_samples = queryable_;
  stats->queryable_samples_per_step = queryable_per_step_;
  stats->samples_read = read_;
  stats->samples_read_per_step = read_per_step_;
  stats->peak_samples = held_;
}

}  // namespace narthex::promql
