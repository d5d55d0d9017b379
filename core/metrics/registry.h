#pragma once
// The instrumentation library: counters, gauges, histograms and summaries with labels, collectors
// that produce samples at gather time, and the registry that gathers them for exposition.
//
//   Registry registry;
//   auto& requests = registry.AddCounterVec("http_requests_total", "Requests.", {"code",
//   "method"}); requests.With({"200", "get"}).Inc();
//
// Thread safety: every metric may be updated from any thread, without locks on the hot path;
// children are created on first use and live as long as their vector. Gather may run concurrently
// with updates and with another Gather.

#include <atomic>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/base/status.h"

namespace narthex {

enum class MetricType { kCounter, kGauge, kUntyped, kSummary, kHistogram, kGaugeHistogram };

// ---- What a gather yields: plain values that writers of the exposition formats take. ----

struct MetricLabel {
  std::string name, value;
  friend auto operator<=>(const MetricLabel&, const MetricLabel&) = default;
};

struct MetricExemplar {
  std::vector<MetricLabel> labels;
  double value = 0;
  std::optional<int64_t> timestamp_ms;
};

struct MetricBucket {
  double upper_bound = 0;
  double cumulative_count = 0;
  std::optional<MetricExemplar> exemplar;
};

struct MetricQuantile {
  double quantile = 0;
  double value = 0;
};

// The native part of a histogram, as in io.prometheus.client.Histogram: spans and bucket deltas
// (or absolute counts for float histograms).
struct NativeHistogram {
  struct Span {
    int32_t offset = 0;
    uint32_t length = 0;
  };
  int32_t schema = 0;
  double zero_threshold = 0;
  double zero_count = 0;
  std::vector<Span> positive_spans, negative_spans;
  std::vector<int64_t> positive_deltas, negative_deltas;
  std::vector<double> positive_counts, negative_counts;  // float histograms
  std::vector<MetricExemplar> exemplars;                 // of no particular bucket
  bool is_float = false;
};

struct MetricSample {
  std::vector<MetricLabel> labels;  // sorted by name
  double value = 0;                 // counter, gauge, untyped
  std::optional<int64_t> timestamp_ms;
  std::optional<int64_t> created_ms;
  std::optional<MetricExemplar> exemplar;
  // summary and histogram
  double sample_count = 0;
  double sample_sum = 0;
  std::vector<MetricQuantile> quantiles;
  std::vector<MetricBucket> buckets;
  std::shared_ptr<const NativeHistogram> native;
};

struct MetricFamily {
  std::string name;
  std::string help;
  std::string unit;
  MetricType type = MetricType::kUntyped;
  std::vector<MetricSample> samples;
};

// ---- Instruments ----

class Counter {
 public:
  void Inc() { Add(1); }
  void Add(double v);  // v >= 0; negative values are ignored
  double value() const { return std::bit_cast<double>(bits_.load(std::memory_order_relaxed)); }

 private:
  std::atomic<uint64_t> bits_{0};
};

class Gauge {
 public:
  void Set(double v) { bits_.store(std::bit_cast<uint64_t>(v), std::memory_order_relaxed); }
  void Add(double v);
  void Inc() { Add(1); }
  void Dec() { Add(-1); }
  double value() const { return std::bit_cast<double>(bits_.load(std::memory_order_relaxed)); }

 private:
  std::atomic<uint64_t> bits_{0};
};

struct HistogramOptions {
  std::vector<double> buckets;      // upper bounds, ascending, without +Inf; empty: no classic part
  double native_bucket_factor = 0;  // > 1 turns the native part on
  uint32_t native_max_buckets = 0;  // beyond: the resolution is halved; 0 = no limit
};

class Histogram {
 public:
  explicit Histogram(const HistogramOptions& options);
  ~Histogram();
  Histogram(Histogram&&) = delete;
  void Observe(double v);  // lock-free unless the native part is on
  void ObserveWithExemplar(double v, std::vector<MetricLabel> labels, int64_t timestamp_ms);
  void Collect(MetricSample* out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// {start, start+width, …} and {start, start*factor, …}, `count` of them.
std::vector<double> LinearBuckets(double start, double width, int count);
std::vector<double> ExponentialBuckets(double start, double factor, int count);
// .005 to 10: what upstream's client library calls DefBuckets.
std::vector<double> DefaultBuckets();

struct SummaryOptions {
  std::vector<std::pair<double, double>> objectives;  // quantile, allowed error
  int64_t max_age_ms = 600'000;
  int age_buckets = 5;
  const Clock* clock = nullptr;  // nullptr: the system's
};

class Summary {
 public:
  explicit Summary(const SummaryOptions& options);
  ~Summary();
  Summary(Summary&&) = delete;
  void Observe(double v);
  void Collect(MetricSample* out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// ---- Vectors: one child per combination of label values ----

template <typename Metric>
class MetricVec;  // defined in vec.h, included below
using CounterVec = MetricVec<Counter>;
using GaugeVec = MetricVec<Gauge>;
using HistogramVec = MetricVec<Histogram>;
using SummaryVec = MetricVec<Summary>;

// Produces families at gather time. Collect may block (reading /proc) and may be called from
// several threads at once.
class Collector {
 public:
  virtual ~Collector() = default;
  virtual void Collect(std::vector<MetricFamily>* out) = 0;
};

class Registry {
 public:
  Registry();
  ~Registry();

  // References live as long as the registry. A name registered again with the same type, help and
  // label names yields the metric of the first time (its options win); with others it is a
  // programming error (CHECK).
  Counter& AddCounter(std::string name, std::string help);
  Gauge& AddGauge(std::string name, std::string help);
  Histogram& AddHistogram(std::string name, std::string help, HistogramOptions options);
  Summary& AddSummary(std::string name, std::string help, SummaryOptions options);
  CounterVec& AddCounterVec(std::string name, std::string help, std::vector<std::string> labels);
  GaugeVec& AddGaugeVec(std::string name, std::string help, std::vector<std::string> labels);
  HistogramVec& AddHistogramVec(std::string name, std::string help, std::vector<std::string> labels,
                                HistogramOptions options);
  SummaryVec& AddSummaryVec(std::string name, std::string help, std::vector<std::string> labels,
                            SummaryOptions options);
  // A gauge or counter read at gather time.
  void AddFunction(MetricType type, std::string name, std::string help,
                   std::function<double()> value);
  // One series of a family; several may share a name when their label names agree.
  void AddFunction(MetricType type, std::string name, std::string help,
                   std::vector<MetricLabel> labels, std::function<double()> value);
  void AddCollector(std::shared_ptr<Collector> collector);
  void RemoveCollector(const Collector* collector);

  struct Gathered {
    std::vector<MetricFamily> families;  // sorted by name; samples sorted by label values
    // Duplicate series, inconsistent types or help, invalid names, in the words of upstream's
    // client library. The offending series are left out.
    std::vector<std::string> errors;
  };
  Gathered Gather() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// process_cpu_seconds_total and the other eight process_* families, from /proc/self.
std::shared_ptr<Collector> MakeProcessCollector();
// <program>_build_info with the labels of upstream's version collector.
void AddBuildInfo(Registry& registry, std::string_view program);

}  // namespace narthex

#include "core/metrics/vec.h"
