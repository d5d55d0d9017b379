#include <cmath>

#include "core/base/check.h"
#include "core/metrics/quantile_stream.h"
#include "core/metrics/registry.h"

namespace narthex {

// A sliding window from `age_buckets` streams that all take every observation; each is reset in
// turn, so that the oldest one always holds between (n-1)/n and all of the window.
struct Summary::Impl {
  explicit Impl(const SummaryOptions& o)
      : options(o),
        clock(o.clock != nullptr ? *o.clock : Clock::System()),
        step_ms(std::max<int64_t>(1, o.max_age_ms / std::max(1, o.age_buckets))),
        head_expires_ms(clock.MonotonicNanos() / 1'000'000 + step_ms) {
    for (const auto& [quantile, error] : o.objectives) NX_CHECK(quantile >= 0 && quantile <= 1);
    if (o.objectives.empty()) return;
    for (int i = 0; i < std::max(1, o.age_buckets); ++i) streams.emplace_back(o.objectives);
  }

  void Rotate() REQUIRES(mutex) {
    if (streams.empty()) return;
    const int64_t now = clock.MonotonicNanos() / 1'000'000;
    for (size_t turns = 0; now >= head_expires_ms; ++turns) {
      if (turns == streams.size()) {  // idle for longer than the window: everything is reset
        head_expires_ms = now + step_ms;
        break;
      }
      streams[head].Reset();
      head = (head + 1) % streams.size();
      head_expires_ms += step_ms;
    }
  }

  const SummaryOptions options;
  const Clock& clock;
  const int64_t step_ms;
  Mutex mutex;
  std::vector<QuantileStream> streams GUARDED_BY(mutex);
  size_t head GUARDED_BY(mutex) = 0;
  int64_t head_expires_ms GUARDED_BY(mutex);
  double sum GUARDED_BY(mutex) = 0;
  uint64_t count GUARDED_BY(mutex) = 0;
};

Summary::Summary(const SummaryOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Summary::~Summary() = default;

void Summary::Observe(double v) {
  MutexLock lock(impl_->mutex);
  impl_->sum += v;
  ++impl_->count;
  if (impl_->streams.empty()) return;
  impl_->Rotate();
  if (std::isnan(v)) return;  // has no rank
  for (QuantileStream& stream : impl_->streams) stream.Insert(v);
}

void Summary::Collect(MetricSample* out) const {
  MutexLock lock(impl_->mutex);
  impl_->Rotate();
  out->sample_count = static_cast<double>(impl_->count);
  out->sample_sum = impl_->sum;
  out->quantiles.clear();
  for (const auto& [quantile, error] : impl_->options.objectives) {
    out->quantiles.push_back({quantile, impl_->streams[impl_->head].Query(quantile)});
  }
  std::sort(out->quantiles.begin(), out->quantiles.end(),
            [](const auto& a, const auto& b) { return a.quantile < b.quantile; });
}

}  // namespace narthex
