#pragma once
// The prometheus_tsdb_* metrics of the head and its log, under the names dashboards know.

#include "core/metrics/registry.h"
#include "server/storage/tsdb/head/head.h"

namespace narthex::tsdb {

// Counters that Db keeps itself.
struct DbMetrics {
  // Registers everything; `head` must outlive the registry's use, see DbMetrics::Detach.
  explicit DbMetrics(Registry* registry);

  Counter* checkpoint_creations = nullptr;
  Counter* checkpoint_failures = nullptr;
  Counter* truncations = nullptr;
  Counter* truncations_failed = nullptr;
  Counter* wal_corruptions = nullptr;
  Counter* retentions = nullptr;
  Gauge* replay_seconds = nullptr;
  Gauge* clean_start = nullptr;
  Gauge* retention_seconds = nullptr;
  Summary* gc_seconds = nullptr;
  Summary* fsync_seconds = nullptr;
  Summary* truncate_seconds = nullptr;

 private:
  std::unique_ptr<Registry> own_;  // when the caller has none
};

// Families read from the head at gather time. Goes out of the registry before the head does.
std::shared_ptr<Collector> MakeHeadCollector(const Head* head, std::string wal_dir);

}  // namespace narthex::tsdb
