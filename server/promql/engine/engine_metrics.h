#pragma once
// The engine's self metrics (prometheus_engine_*).

#include <cstdint>

#include "core/metrics/registry.h"

namespace narthex::promql {

class EngineMetrics {
 public:
  // `registry` may be null: then nothing is kept.
  EngineMetrics(Registry* registry, int max_concurrent);

  void Started() { Add(queries_, 1); }
  void Ended() { Add(queries_, -1); }
  void QueryLogEnabled(bool enabled);
  void QueryLogFailed();
  void Samples(int64_t samples);
  void MemoryRefused();
  // Seconds.
  void QueueTime(double s) { Observe(0, s); }
  void PrepareTime(double s) { Observe(1, s); }
  void InnerEvalTime(double s) { Observe(2, s); }
  void ResultSortTime(double s) { Observe(3, s); }

 private:
  static void Add(Gauge* gauge, double v) {
    if (gauge != nullptr) gauge->Add(v);
  }
  void Observe(int slice, double seconds);

  Gauge* queries_ = nullptr;
  Gauge* log_enabled_ = nullptr;
  Counter* log_failures_ = nullptr;
  Counter* samples_ = nullptr;
  Counter* memory_refused_ = nullptr;
  Summary* slices_[4] = {};
  Histogram* histograms_[4] = {};
};

}  // namespace narthex::promql
