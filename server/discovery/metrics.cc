#include "server/discovery/metrics.h"

namespace narthex::discovery {
namespace {

MetricFamily Family(MetricType type, std::string name, std::string help) {
  MetricFamily family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  return family;
}

void Add(MetricFamily* family, std::vector<MetricLabel> labels, double value) {
  MetricSample sample;
  sample.labels = std::move(labels);
  sample.value = value;
  family->samples.push_back(std::move(sample));
}

}  // namespace

void Metrics::Collect(std::vector<MetricFamily>* out) {
  MutexLock lock(mutex_);
  const std::vector<MetricLabel> by_name = {{"name", name_}};
  const auto single = [&](MetricType type, std::string name, std::string help, double value) {
    out->push_back(Family(type, std::move(name), std::move(help)));
    Add(&out->back(), by_name, value);
  };
  MetricFamily targets = Family(MetricType::kGauge, "prometheus_sd_discovered_targets",
                                "Current number of discovered targets.");
  for (const auto& [config, count] : discovered_) {
    Add(&targets, {{"config", config}, {"name", name_}}, static_cast<double>(count));
  }
  out->push_back(std::move(targets));
  single(MetricType::kCounter, "prometheus_sd_received_updates_total",
         "Total number of update events received from the SD providers.",
         static_cast<double>(received_));
  single(MetricType::kCounter, "prometheus_sd_updates_total",
         "Total number of update events sent to the SD consumers.", static_cast<double>(sent_));
  single(MetricType::kCounter, "prometheus_sd_updates_delayed_total",
         "Total number of update events that couldn't be sent immediately.",
         static_cast<double>(delayed_));
  single(MetricType::kGauge, "prometheus_sd_failed_configs",
         "Current number of service discovery configurations that failed to load.",
         static_cast<double>(failed_configs_));
  single(MetricType::kGauge, "prometheus_sd_last_update_timestamp_seconds",
         "Timestamp of the last update sent to the SD consumers.", last_update_);

  // Both managers of the process read files; the label keeps their counts apart.
  single(MetricType::kCounter, "prometheus_sd_file_read_errors_total",
         "The number of File-SD read errors.", static_cast<double>(file_read_errors_));
  single(MetricType::kCounter, "prometheus_sd_file_watcher_errors_total",
         "The number of File-SD errors caused by filesystem watch failures.",
         static_cast<double>(file_watcher_errors_));
  out->push_back(Family(MetricType::kSummary, "prometheus_sd_file_scan_duration_seconds",
                        "The duration of the File-SD scan in seconds."));
  MetricSample scan;
  file_scan_.Collect(&scan);
  scan.labels = by_name;
  out->back().samples.push_back(std::move(scan));
  MetricFamily mtimes = Family(MetricType::kGauge, "prometheus_sd_file_mtime_seconds",
                               "Timestamp (mtime) of files read by FileSD. Timestamp is set at "
                               "read time.");
  for (const auto& [file, mtime] : file_mtimes_) {
    Add(&mtimes, {{"filename", file}, {"name", name_}}, mtime);
  }
  out->push_back(std::move(mtimes));
}

void Metrics::SetDiscoveredTargets(std::map<std::string, size_t> by_config) {
  MutexLock lock(mutex_);
  discovered_ = std::move(by_config);
}

void Metrics::CountReceivedUpdate() {
  MutexLock lock(mutex_);
  ++received_;
}

void Metrics::CountSentUpdate(int64_t unix_ms) {
  MutexLock lock(mutex_);
  ++sent_;
  last_update_ = static_cast<double>(unix_ms) / 1000;
}

void Metrics::CountDelayedUpdate() {
  MutexLock lock(mutex_);
  ++delayed_;
}

void Metrics::SetFailedConfigs(size_t n) {
  MutexLock lock(mutex_);
  failed_configs_ = n;
}

void Metrics::CountFileReadError() {
  MutexLock lock(mutex_);
  ++file_read_errors_;
}

void Metrics::CountFileWatcherError() {
  MutexLock lock(mutex_);
  ++file_watcher_errors_;
}

void Metrics::SetFileMtime(const std::string& file, double unix_seconds) {
  MutexLock lock(mutex_);
  file_mtimes_[file] = unix_seconds;
}

void Metrics::RemoveFile(const std::string& file) {
  MutexLock lock(mutex_);
  file_mtimes_.erase(file);
}

}  // namespace narthex::discovery
