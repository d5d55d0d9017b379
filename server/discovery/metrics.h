#pragma once
// The prometheus_sd_* families of one Manager. A collector of its own, because series of a removed
// job or file must go away again. Thread-safe.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/mutex.h"
#include "core/metrics/registry.h"

namespace narthex::discovery {

class Metrics final : public Collector {
 public:
  explicit Metrics(std::string manager_name) : name_(std::move(manager_name)) {}

  void Collect(std::vector<MetricFamily>* out) override EXCLUDES(mutex_);

  void SetDiscoveredTargets(std::map<std::string, size_t> by_config) EXCLUDES(mutex_);
  void CountReceivedUpdate() EXCLUDES(mutex_);
  void CountSentUpdate(int64_t unix_ms) EXCLUDES(mutex_);
  void CountDelayedUpdate() EXCLUDES(mutex_);
  void SetFailedConfigs(size_t n) EXCLUDES(mutex_);

  void CountFileReadError() EXCLUDES(mutex_);
  void CountFileWatcherError() EXCLUDES(mutex_);
  void ObserveFileScan(double seconds) { file_scan_.Observe(seconds); }
  void SetFileMtime(const std::string& file, double unix_seconds) EXCLUDES(mutex_);
  void RemoveFile(const std::string& file) EXCLUDES(mutex_);

 private:
  const std::string name_;
  Mutex mutex_;
  std::map<std::string, size_t> discovered_ GUARDED_BY(mutex_);
  std::map<std::string, double> file_mtimes_ GUARDED_BY(mutex_);
  uint64_t received_ GUARDED_BY(mutex_) = 0;
  uint64_t sent_ GUARDED_BY(mutex_) = 0;
  uint64_t delayed_ GUARDED_BY(mutex_) = 0;
  double last_update_ GUARDED_BY(mutex_) = 0;
  size_t failed_configs_ GUARDED_BY(mutex_) = 0;
  uint64_t file_read_errors_ GUARDED_BY(mutex_) = 0;
  uint64_t file_watcher_errors_ GUARDED_BY(mutex_) = 0;
  Summary file_scan_{SummaryOptions{.objectives = {{0.5, 0.05}, {0.9, 0.01}, {0.99, 0.001}}}};
};

}  // namespace narthex::discovery
