#include <cmath>
#include <thread>

#include "core/base/check.h"
#include "core/metrics/native_buckets.h"
#include "core/metrics/registry.h"

namespace narthex {

// Observations go to the hot half; a collection makes the other half hot, waits until the
// observations under way in the cold one are finished, reads it and folds it into the hot one. So
// count, sum and buckets of a collection always belong together although Observe takes no lock.
//
//   started: bit 63 = which half is hot, bits 0..62 = observations started
//   Half::finished = observations that have written everything to this half
struct Histogram::Impl {
  struct Half {
    std::atomic<uint64_t> finished{0};
    Gauge sum;
    std::vector<std::atomic<uint64_t>> buckets;
  };
  static constexpr uint64_t kHotBit = uint64_t{1} << 63;

  explicit Impl(const HistogramOptions& o) : bounds(o.buckets) {
    NX_CHECK(std::is_sorted(bounds.begin(), bounds.end()));
    if (!bounds.empty() && std::isinf(bounds.back())) bounds.pop_back();
    for (Half& half : halves) half.buckets = std::vector<std::atomic<uint64_t>>(bounds.size() + 1);
    if (o.native_bucket_factor > 1) {
      native = std::make_unique<NativeBuckets>(o.native_bucket_factor, o.native_max_buckets);
    }
    exemplars.resize(bounds.size() + 1);
  }

  size_t BucketOf(double v) const {
    if (std::isnan(v)) return bounds.size();
    return static_cast<size_t>(std::lower_bound(bounds.begin(), bounds.end(), v) - bounds.begin());
  }

  void ObserveClassic(double v, size_t bucket) {
    const uint64_t n = started.fetch_add(1, std::memory_order_acq_rel);
    Half& hot = halves[n >> 63];
    hot.buckets[bucket].fetch_add(1, std::memory_order_relaxed);
    hot.sum.Add(v);
    hot.finished.fetch_add(1, std::memory_order_release);
  }

  void Observe(double v, size_t bucket) {
    if (native == nullptr) return ObserveClassic(v, bucket);
    MutexLock lock(native_mutex);
    ObserveClassic(v, bucket);
    native->Observe(v);
  }

  std::vector<double> bounds;
  std::atomic<uint64_t> started{0};
  Half halves[2];
  Mutex collect_mutex;  // one collection at a time; taken before native_mutex
  Mutex native_mutex;   // held by observations too, when the native part is on
  std::unique_ptr<NativeBuckets> native PT_GUARDED_BY(native_mutex);
  Mutex exemplar_mutex;
  std::vector<std::optional<MetricExemplar>> exemplars GUARDED_BY(exemplar_mutex);
};

Histogram::Histogram(const HistogramOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Histogram::~Histogram() = default;

void Histogram::Observe(double v) { impl_->Observe(v, impl_->BucketOf(v)); }

void Histogram::ObserveWithExemplar(double v, std::vector<MetricLabel> labels,
                                    int64_t timestamp_ms) {
  const size_t bucket = impl_->BucketOf(v);
  impl_->Observe(v, bucket);
  MutexLock lock(impl_->exemplar_mutex);
  impl_->exemplars[bucket] = MetricExemplar{std::move(labels), v, timestamp_ms};
}

void Histogram::Collect(MetricSample* out) const {
  Impl& h = *impl_;
  MutexLock collecting(h.collect_mutex);
  MutexLock native_lock(h.native_mutex);

  const uint64_t n = h.started.fetch_add(Impl::kHotBit, std::memory_order_acq_rel);
  const uint64_t count = n & ~Impl::kHotBit;
  Impl::Half& cold = h.halves[n >> 63];
  Impl::Half& hot = h.halves[(n >> 63) ^ 1];
  while (cold.finished.load(std::memory_order_acquire) != count) std::this_thread::yield();

  out->sample_count = static_cast<double>(count);
  out->sample_sum = cold.sum.value();
  out->buckets.clear();
  uint64_t cumulative = 0;
  {
    MutexLock exemplar_lock(h.exemplar_mutex);
    for (size_t i = 0; i < cold.buckets.size(); ++i) {
      const uint64_t in_bucket = cold.buckets[i].exchange(0, std::memory_order_relaxed);
      hot.buckets[i].fetch_add(in_bucket, std::memory_order_relaxed);
      cumulative += in_bucket;
      const bool infinite = i == h.bounds.size();
      // +Inf goes without saying, unless it carries an exemplar.
      if (h.bounds.empty() || (infinite && !h.exemplars[i].has_value())) continue;
      const double bound = infinite ? std::numeric_limits<double>::infinity() : h.bounds[i];
      out->buckets.push_back({bound, static_cast<double>(cumulative), h.exemplars[i]});
    }
  }
  if (h.native != nullptr) {
    out->native = std::make_shared<NativeHistogram>(h.native->Snapshot());
  }
  hot.sum.Add(out->sample_sum);
  cold.sum.Set(0);
  cold.finished.store(0, std::memory_order_relaxed);
  hot.finished.fetch_add(count, std::memory_order_release);
}

std::vector<double> LinearBuckets(double start, double width, int count) {
  std::vector<double> bounds;
  for (int i = 0; i < count; ++i, start += width) bounds.push_back(start);
  return bounds;
}

std::vector<double> ExponentialBuckets(double start, double factor, int count) {
  std::vector<double> bounds;
  for (int i = 0; i < count; ++i, start *= factor) bounds.push_back(start);
  return bounds;
}

std::vector<double> DefaultBuckets() { return {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}; }

}  // namespace narthex
